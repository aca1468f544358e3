"""What is claimed of a model, when it blocks, and what it says."""

from typing import Any

import pytest

from osft_assets.core.errors import ConfigError, EvaluationError
from osft_assets.core.forgetting import ForgettingReport, GateClaim, SkillMatrix, TaskComparison
from osft_assets.core.gate_claims import (
    CLAIMS,
    gate_claims,
    refuse_blocked,
    refuse_other_model,
)
from osft_assets.core.recipes.gate import GateRecipe
from tests.core.gate_parts import comparison, difference, score, task

ARC = task(score())
HOLDOUT = task(score("bits_per_byte", 0.9), name="holdout", kind="holdout")


def claims(*comparisons: TaskComparison, **settings: Any) -> dict[str, GateClaim]:
    """Of models that were asked the same."""
    tasks = (ARC, HOLDOUT)
    found = gate_claims(tasks, tasks, comparisons, GateRecipe(**settings))
    return {claim.name: claim for claim in found}


def learned(value: float, half: float, **values: Any) -> TaskComparison:
    return comparison(task="holdout", kind="holdout", difference=difference(value, half, **values))


def outcome(claim: GateClaim) -> str:
    """What becomes of the model."""
    return "passes" if claim.passed else "blocks" if claim.blocks else "warns"


def test_every_claim_is_judged_in_the_order_they_are_listed() -> None:
    found = claims(comparison(), learned(0.1, 0.05))

    assert list(found) == list(CLAIMS)
    assert {outcome(claim) for claim in found.values()} == {"passes"}


# Old skills


@pytest.mark.parametrize(
    ("verdict", "settings", "expected"),
    [
        ("kept", {}, "passes"),
        ("improved", {}, "passes"),
        ("lost", {}, "blocks"),
        ("lost", {"when_lost": "warn"}, "warns"),
        ("cannot tell", {}, "passes"),
        ("cannot tell", {"required": ["arc_easy"]}, "blocks"),
        ("cannot tell", {"required": ["arc_easy"], "when_lost": "warn"}, "blocks"),
        ("cannot tell", {"required": ["holdout"]}, "passes"),
        ("lost", {"required": ["arc_easy"], "when_lost": "warn"}, "warns"),
    ],
)
def test_an_old_skill_blocks_when_it_is_lost_or_required_and_unclear(
    verdict: str, settings: dict[str, Any], expected: str
) -> None:
    found = claims(comparison(verdict), **settings)["old_skills_are_kept"]

    assert outcome(found) == expected
    assert ("arc_easy" in found.reason) is (verdict in ("lost", "cannot tell"))


@pytest.mark.parametrize("kind", ["benchmark", "earlier", "skill"])
def test_one_lost_among_many_blocks(kind: Any) -> None:
    lost = comparison("lost", kind=kind, task="old", reason="it was 0.9.")

    found = claims(comparison(), lost, comparison())["old_skills_are_kept"]

    assert (outcome(found), found.reason) == ("blocks", "old is lost: it was 0.9.")


def test_the_holdout_is_no_old_skill() -> None:
    lost_holdout = comparison("lost", task="holdout", kind="holdout")

    assert outcome(claims(comparison(), lost_holdout)["old_skills_are_kept"]) == "passes"


def test_no_old_skill_at_all_warns() -> None:
    assert outcome(claims(learned(0.1, 0.05))["old_skills_are_kept"]) == "warns"


# The new skill


@pytest.mark.parametrize(
    ("value", "half", "settings", "expected"),
    [
        (0.1, 0.05, {}, "passes"),
        (0.1, 0.05, {"min_gain": 0.04}, "passes"),
        (0.1, 0.05, {"min_gain": 0.1}, "warns"),
        (0.1, 0.05, {"min_gain": 0.2}, "blocks"),
        (0.1, 0.2, {}, "warns"),
        (0.1, 0.2, {"required": ["holdout"]}, "blocks"),
        (0.1, 0.2, {"required": ["arc_easy"]}, "warns"),
        (0.0, 0.2, {}, "blocks"),
        (-0.1, 0.05, {}, "blocks"),
        (-0.1, 0.05, {"when_not_learned": "warn"}, "warns"),
    ],
)
def test_a_new_skill_is_learned_beyond_doubt_or_not(
    value: float, half: float, settings: dict[str, Any], expected: str
) -> None:
    found = claims(comparison(), learned(value, half), **settings)

    assert outcome(found["new_skill_is_learned"]) == expected


def test_a_holdout_of_few_rows_says_nothing() -> None:
    found = claims(comparison(), learned(-0.1, 0.05, documents=19))["new_skill_is_learned"]

    assert outcome(found) == "warns"
    assert found.reason.startswith("It cannot be told")


def test_no_holdout_warns() -> None:
    found = claims(comparison())["new_skill_is_learned"]

    assert (outcome(found), found.reason) == ("warns", "There is no holdout to see it by.")


# The same questions


@pytest.mark.parametrize(
    ("tuned", "expected"),
    [
        ([ARC], "holdout was asked of only one"),
        ([ARC, HOLDOUT, task(name="new")], "new was asked of only one"),
        ([task(score(), fingerprint="g"), HOLDOUT], "arc_easy was asked otherwise"),
        ([task(score(version="2")), HOLDOUT], "arc_easy has another version"),
    ],
)
def test_scores_of_other_questions_are_not_comparable(tuned: Any, expected: str) -> None:
    *_, found = gate_claims([ARC, HOLDOUT], tuned, [], GateRecipe())

    assert (found.name, outcome(found)) == ("scores_are_comparable", "blocks")
    assert found.reason.startswith(expected)


@pytest.mark.parametrize(
    "settings",
    [
        {"required": ["arc_eazy"]},
        {"tolerance": {"arc_eazy": 0.1}},
        {"metrics": {"arc_eazy": "acc"}},
    ],
)
def test_a_misspelt_task_is_an_error_because_nothing_would_guard_it(
    settings: dict[str, Any],
) -> None:
    with pytest.raises(
        ConfigError, match="names arc_eazy, which was not evaluated. Evaluated: arc_"
    ):
        claims(comparison(), **settings)


# Going on


def report(*claims_of_it: GateClaim) -> ForgettingReport:
    return ForgettingReport(
        pipeline="second",
        checkpoint_fingerprint="c",
        model_fingerprint="m",
        base_fingerprint="b",
        base_uri="base",
        fingerprint="f",
        comparisons=(),
        retention=None,
        backward_transfer=None,
        matrix=SkillMatrix(steps=(), skills=(), metrics=(), higher_is_better=(), values=()),
        claims=claims_of_it,
        policy={},
    )


def test_a_model_that_passed_may_go_on_with_warnings() -> None:
    refuse_blocked(report(*claims(comparison("lost"), when_lost="warn").values()))


def test_a_blocked_model_may_not_go_on_and_the_error_says_why() -> None:
    found = claims(comparison("lost", reason="it was 0.9."), learned(-0.1, 0.05))

    with pytest.raises(
        EvaluationError, match=r"old_skills_are_kept: arc_easy is lost: it was 0.9. n"
    ):
        refuse_blocked(report(*found.values()))


def test_a_verdict_about_another_model_says_nothing_about_this_one() -> None:
    with pytest.raises(EvaluationError, match="is about model m, not about n"):
        refuse_other_model(report(), "n")
