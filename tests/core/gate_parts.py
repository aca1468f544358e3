"""Scores and documents made up for the tests of the gate."""

from collections.abc import Sequence
from typing import Any

from osft_assets.core.forgetting import Difference, TaskComparison
from osft_assets.core.scores import Measured, Score, ScoresRecord, TaskScores


def answers(right: int, of: int, moved: int = 0) -> list[Measured]:
    """Independent questions of which `right` are right, from number `moved` on."""
    rights = {(moved + number) % of for number in range(right)}
    return [Measured(f"q{n}", f"q{n}", float(n in rights), 1.0) for n in range(of)]


def texts(bits: Sequence[float], weight: float = 1.0) -> list[Measured]:
    """Texts of so many bits, each of `weight` bytes."""
    return [Measured(f"t{n}", f"t{n}", each * weight, weight) for n, each in enumerate(bits)]


def score(metric: str = "acc", value: float = 0.8, **values: Any) -> Score:
    """One score of arc_easy; of a loss, less is better."""
    is_loss = metric in ("bits_per_byte", "bits_per_token", "token_perplexity", "brier_score")
    defaults: dict[str, Any] = {
        "task": "arc_easy",
        "metric": metric,
        "filter": "none",
        "value": value,
        "stderr": None,
        "n": 100,
        "higher_is_better": not is_loss,
        "version": "1",
        "shots": 0,
    }
    return Score(**(defaults | values))


def task(*scores: Score, **values: Any) -> TaskScores:
    """The scores of one task, which take its name."""
    name = values.get("name", "arc_easy")
    defaults: dict[str, Any] = {
        "name": name,
        "kind": "benchmark",
        "fingerprint": "f",
        "model_fingerprint": "m",
        "scores": tuple(each.model_copy(update={"task": name}) for each in scores),
        "prompt_hashes": {},
        "seconds": 1.0,
    }
    return TaskScores(**(defaults | values))


def record(pipeline: str, *tasks: TaskScores) -> ScoresRecord:
    """The scores that a pipeline measured."""
    return ScoresRecord(
        pipeline=pipeline,
        model_uri=f"model of {pipeline}",
        model_fingerprint="m",
        fingerprint="f",
        tasks=tasks,
        directories={},
        table_path="",
    )


def difference(value: float = 0.0, half: float = 0.02, **values: Any) -> Difference:
    """A difference with an interval of value +- half."""
    defaults: dict[str, Any] = {
        "base": 0.8,
        "tuned": 0.8 + value,
        "base_stderr": 0.02,
        "tuned_stderr": 0.02,
        "value": value,
        "low": value - half,
        "high": value + half,
        "documents": 100,
        "effect_size": None,
        "p_value": None,
        "method": "paired",
    }
    return Difference(**(defaults | values))


def comparison(verdict: str = "kept", **values: Any) -> TaskComparison:
    """A judged task."""
    defaults: dict[str, Any] = {
        "task": "arc_easy",
        "kind": "benchmark",
        "metric": "acc,none",
        "higher_is_better": True,
        "difference": difference(),
        "tolerance": 0.05,
        "verdict": verdict,
        "reason": "made up.",
    }
    return TaskComparison(**(defaults | values))
