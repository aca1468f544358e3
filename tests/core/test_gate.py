"""When a task is kept, lost or improved, and when nothing can be told."""

import math
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.errors import EvaluationError
from osft_assets.core.forgetting import TaskComparison
from osft_assets.core.gate import judge_task, tolerance_of, verdict_of
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.scores import Measured
from tests.core.gate_parts import answers, difference, score, task, texts
from tests.core.properties import repeatable

DEFAULT = GateRecipe()
ORDER = ["lost", "cannot tell", "kept", "improved"]
numbers = st.floats(-1, 1)
halves = st.floats(0, 0.5)


def mean(documents: list[Measured]) -> float:
    return sum(d.total for d in documents) / sum(d.weight for d in documents)


def judged(
    base: list[Measured], tuned: list[Measured], metric: str = "acc", **settings: Any
) -> TaskComparison:
    """Of the two models' documents."""
    count = len(base)
    scores = [task(score(metric, mean(each), n=count)) for each in (base, tuned)]
    return judge_task(scores[0], scores[1], (base, tuned), GateRecipe(**settings))


# The verdict


@pytest.mark.parametrize(
    ("value", "half", "expected"),
    [
        (0.03, 0.02, "improved"),
        (0.02, 0.02, "kept"),
        (-0.03, 0.02, "kept"),
        (-0.04, 0.02, "cannot tell"),
        (-0.06, 0.04, "lost"),
        (-0.06, 0.06, "cannot tell"),
        (-0.05, 0.01, "cannot tell"),
        (0.0, math.inf, "cannot tell"),
    ],
)
def test_the_interval_is_held_against_the_tolerance(
    value: float, half: float, expected: str
) -> None:
    assert verdict_of(difference(value, half), 0.05, min_documents=20) == expected


@repeatable
@given(numbers, halves, halves, halves)
def test_more_tolerance_never_makes_a_verdict_worse(
    value: float, half: float, one: float, other: float
) -> None:
    found = difference(value, half)

    strict, lenient = (verdict_of(found, each, 20) for each in sorted((one, other)))

    assert ORDER.index(strict) <= ORDER.index(lenient)


@repeatable
@given(numbers, halves, st.integers(1, 19))
def test_too_few_documents_say_nothing(value: float, half: float, count: int) -> None:
    found = difference(value, half, documents=count)

    assert verdict_of(found, 0.05, min_documents=20) == "cannot tell"


@repeatable
@given(st.integers(1, 300), st.data())
def test_the_same_model_is_never_lost_or_improved(count: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, count))

    found = judged(answers(right, count), answers(right, count))

    assert found.verdict in ("kept", "cannot tell")
    assert (found.verdict == "kept") <= (count >= 20)


@repeatable
@given(st.integers(50, 300), st.data())
def test_the_same_answers_to_50_questions_are_kept(count: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, count))

    assert judged(answers(right, count), answers(right, count)).verdict == "kept"


@pytest.mark.parametrize("count", [50, 100, 500])
def test_a_damaged_model_is_lost(count: int) -> None:
    found = judged(answers(count * 8 // 10, count), answers(count // 4, count))

    assert found.verdict == "lost"


def test_a_model_that_only_learned_is_improved() -> None:
    assert judged(answers(40, 100), answers(70, 100)).verdict == "improved"


def test_as_many_right_answers_to_other_questions_are_not_kept_when_there_are_few() -> None:
    found = judged(answers(40, 50), answers(40, 50, moved=10))

    assert (found.difference.value, found.verdict) == (0, "cannot tell")


def test_a_loss_is_judged_with_less_is_better() -> None:
    random = Random(3)
    before = texts([random.lognormvariate(0, 0.3) for _ in range(100)], weight=50)
    worse = [d._replace(total=d.total * random.gauss(1.2, 0.05)) for d in before]

    assert judged(before, worse, "bits_per_byte").verdict == "lost"
    assert judged(worse, before, "bits_per_byte").verdict == "improved"


# The tolerance


@pytest.mark.parametrize(
    ("values", "tolerance"),
    [
        ({"base_stderr": 0.02}, 0.04),
        ({"base_stderr": 0.03}, 0.05),
        ({"base_stderr": 0.001}, 0.01),
        ({"base_stderr": None}, 0.05),
        ({"base": 1.0, "base_stderr": 0.0, "documents": 20}, 0.05),
        ({"base": 1.0, "base_stderr": 0.0, "documents": 100}, 0.0269),
        ({"base": 1.0, "base_stderr": 0.0, "documents": 5000}, 0.01),
        ({"base": 30.0, "tuned": 29.0}, 1.5),
        ({"base": -0.5}, 0.025),
    ],
)
def test_without_a_setting_it_is_what_the_base_itself_is_unsure_of(
    values: dict[str, Any], tolerance: float
) -> None:
    found = tolerance_of(score(), difference(**values), DEFAULT)

    assert found == pytest.approx(tolerance, abs=1e-4)


@pytest.mark.parametrize(
    ("metric", "given", "tolerance"),
    [
        ("bits_per_byte", None, 0.04),
        ("brier_score", None, 0.04),
        ("bleu", None, 0.04),
        ("bits_per_byte", 0.1, 0.08),
        ("token_perplexity", {"arc_easy": 0.1}, 0.08),
        ("bleu", 0.1, 0.1),
        ("acc", 0.1, 0.1),
        ("acc", {"arc_easy": 0.0}, 0.0),
        ("acc", {"mmlu": 0.3}, 0.04),
    ],
)
def test_of_a_loss_it_is_a_share_of_the_base(metric: str, given: Any, tolerance: float) -> None:
    found = tolerance_of(score(metric), difference(), GateRecipe(tolerance=given))

    assert found == pytest.approx(tolerance)


# What is compared


def test_documents_that_do_not_add_up_to_the_score_are_not_paired() -> None:
    base, tuned = task(score("bleu", 30, stderr=0.3)), task(score("bleu", 29, stderr=0.4))
    documents = (answers(50, 100), answers(50, 100))

    found = judge_task(base, tuned, documents, DEFAULT)

    assert found.difference.method == "unpaired"
    assert judge_task(base, tuned, ([], []), DEFAULT) == found


def test_a_score_without_documents_and_error_cannot_tell_and_says_why() -> None:
    found = judge_task(task(score()), task(score()), ([], []), DEFAULT)

    assert (found.verdict, found.difference.low) == ("cannot tell", -math.inf)
    assert "its standard error is not known" in found.reason


def test_the_reason_has_the_numbers() -> None:
    found = judged(answers(80, 100), answers(25, 100))

    assert found.reason == (
        "acc,none was 0.8 and is 0.25 on 100 documents, paired right/wrong. Turned so that more "
        "is better: -0.55 (-0.6378 to -0.4406 with 95 % confidence), tolerance 0.05: it got worse "
        "by more than the tolerance."
    )


def test_the_reason_says_that_there_are_too_few() -> None:
    assert "fewer than 20 documents say nothing" in judged(answers(5, 10), answers(5, 10)).reason


def test_a_metric_that_the_tuned_model_lacks_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="the tuned model has no acc,none"):
        judge_task(task(score()), task(score("f1")), ([], []), DEFAULT)


def test_a_score_that_is_no_number_is_an_error_and_no_verdict() -> None:
    broken = answers(40, 50)
    broken[7] = broken[7]._replace(total=math.nan)

    with pytest.raises(EvaluationError, match="document q7 scored nan"):
        judged(answers(40, 50), broken)
