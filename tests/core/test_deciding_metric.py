"""Which score of a task decides."""

import math
from typing import Any

import pytest

from osft_assets.core.deciding_metric import deciding_metric
from osft_assets.core.errors import ConfigError, EvaluationError
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.scores import Score
from tests.core.gate_parts import score, task

LOSS = score("bits_per_byte", 0.9)
DEFAULT = GateRecipe()


@pytest.mark.parametrize(
    ("kind", "scores", "expected"),
    [
        ("benchmark", [score("acc"), score("acc_norm"), LOSS], "acc_norm,none"),
        ("benchmark", [LOSS, score("exact_match"), score("acc")], "acc,none"),
        ("benchmark", [LOSS, score("exact_match")], "exact_match,none"),
        ("benchmark", [score("odd", higher_is_better=None), score("f1")], "f1,none"),
        ("holdout", [score("exact_match", 0.9), LOSS], "bits_per_byte,none"),
        ("holdout", [score("acc"), score("bits_per_token", 9)], "bits_per_token,none"),
        ("holdout", [score("acc")], "acc,none"),
        ("earlier", [LOSS, score("exact_match", 0.2)], "exact_match,none"),
        ("earlier", [score("exact_match", 0.19), LOSS], "bits_per_byte,none"),
        (
            "skill",
            [score("exact_match", 0.0), score("bits_per_token", 9)],
            "bits_per_token,none",
        ),
        ("skill", [score("exact_match", 0.0)], "exact_match,none"),
    ],
)
def test_without_a_setting_the_kind_of_the_task_decides(
    kind: Any, scores: list[Score], expected: str
) -> None:
    assert deciding_metric(task(*scores, kind=kind), DEFAULT).key == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["strict-match", "none"], "none"),
        (["flexible-extract", "strict-match"], "strict-match"),
        (["odd", "flexible-extract"], "flexible-extract"),
        (["odd", "other"], "odd"),
    ],
)
def test_answers_are_read_strictly_rather_than_loosely(filters: list[str], expected: str) -> None:
    scores = [score("exact_match", filter=name) for name in filters]

    assert deciding_metric(task(*scores), DEFAULT).filter == expected


@pytest.mark.parametrize("wanted", ["f1", "f1,odd"])
def test_a_setting_overrules_it_with_the_filter_or_without(wanted: str) -> None:
    scores = task(score("acc"), score("f1", filter="odd"))

    found = deciding_metric(scores, GateRecipe(metrics={"arc_easy": wanted}))

    assert found.key == "f1,odd"


def test_the_parts_of_a_group_do_not_decide() -> None:
    group = task(score("acc", 0.3), name="mmlu")
    part = score("acc_norm", 0.9, task="mmlu_law")

    assert deciding_metric(
        group.model_copy(update={"scores": (part, *group.scores)}), DEFAULT
    ).key == ("acc,none")


@pytest.mark.parametrize(
    ("scores", "problem"),
    [
        ([score("acc")], "f1 of arc_easy is not measured. Expected one of: acc,none"),
        ([score("f1", higher_is_better=None)], "f1 of arc_easy does not say whether more is"),
    ],
)
def test_a_setting_that_cannot_be_followed_lists_what_there_is(
    scores: list[Score], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        deciding_metric(task(*scores), GateRecipe(metrics={"arc_easy": "f1"}))


def test_a_task_that_nothing_is_known_about_is_no_guard() -> None:
    scores = task(score("odd", math.pi, higher_is_better=None))

    with pytest.raises(EvaluationError, match=r"arc_easy: no score says .* \(found: odd,none\)"):
        deciding_metric(scores, DEFAULT)
