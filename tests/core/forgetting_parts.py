"""Reports of any shape, for the tests of what is drawn and told of them."""

from osft_assets.core.forgetting import (
    ChampionComparison,
    Difference,
    ForgettingReport,
    GateClaim,
    SkillMatrix,
    TaskComparison,
    VerdictWord,
)
from osft_assets.core.scores import TaskKind

EMPTY_MATRIX = SkillMatrix(steps=(), skills=(), metrics=(), higher_is_better=(), values=())
HOLDS = GateClaim(name="old_skills_are_kept", passed=True, blocks=True, reason="all were kept")


def comparison(
    task: str = "arc_easy",
    values: tuple[float, float] = (0.62, 0.61),
    verdict: VerdictWord = "kept",
    kind: TaskKind = "benchmark",
    metric: str = "acc,none",
    half_width: float = 0.015,
    tolerance: float = 0.02,
) -> TaskComparison:
    """A task that went from one value to another. Bits per byte are the better the lower."""
    base, tuned = values
    higher = not metric.startswith("bits")
    value = tuned - base if higher else base - tuned
    return TaskComparison(
        task=task,
        kind=kind,
        metric=metric,
        higher_is_better=higher,
        difference=Difference(
            base=base,
            tuned=tuned,
            base_stderr=0.01,
            tuned_stderr=0.01,
            value=value,
            low=value - half_width,
            high=value + half_width,
            documents=1_000,
            effect_size=None,
            p_value=None,
            method="paired",
        ),
        tolerance=tolerance,
        verdict=verdict,
        reason="as measured",
    )


def holdout(
    verdict: VerdictWord = "improved", values: tuple[float, float] = (1.21, 0.93)
) -> TaskComparison:
    return comparison("holdout", values, verdict, "holdout", "bits_per_byte,none")


def matrix(size: int) -> SkillMatrix:
    """A chain of steps that learns one skill after another; the early skills fade."""
    values = [
        [None if skill > step + 1 else 0.9 - 0.03 * abs(step - skill) for skill in range(size)]
        for step in range(size)
    ]
    return SkillMatrix(
        steps=tuple(f"step {n}" for n in range(size)),
        skills=tuple(f"skill-{n}" for n in range(size)),
        metrics=("bits_per_byte,none",) * size,
        higher_is_better=(False,) * size,
        values=tuple(map(tuple, values)),
    )


def report(
    *comparisons: TaskComparison,
    claims: tuple[GateClaim, ...] = (HOLDS,),
    skills: SkillMatrix = EMPTY_MATRIX,
    retention: float | None = 0.973,
    champion: ChampionComparison | None = None,
) -> ForgettingReport:
    return ForgettingReport(
        pipeline="second",
        checkpoint_fingerprint="c1",
        model_fingerprint="m1",
        base_fingerprint="b1",
        base_uri="hf://org/base",
        fingerprint="r1",
        comparisons=comparisons,
        retention=retention,
        backward_transfer=-0.012,
        matrix=skills,
        claims=claims,
        policy={"confidence": 0.95, "required": ["arc_easy"], "tolerance": None},
        champion=champion,
    )


def against(*comparisons: TaskComparison, version: str = "1.0.2") -> ChampionComparison:
    return ChampionComparison(name="second-model", version=version, comparisons=comparisons)
