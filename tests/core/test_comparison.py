"""The difference of two models on the same documents, and how sure it is."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from osft_assets.core.comparison import paired, stderr_of, unpaired, value_of
from osft_assets.core.errors import EvaluationError
from osft_assets.core.forgetting import Difference
from osft_assets.core.right_or_wrong import Answers
from osft_assets.core.scores import Measured
from osft_assets.core.students_t import width_of_interval
from tests.core.gate_parts import answers, score, texts
from tests.core.properties import repeatable

finite = st.floats(-100, 100).map(lambda number: round(number, 3))
weights = st.floats(0.5, 100).map(lambda number: round(number, 3))
# Two models on the same documents: their totals, the weights, and the cluster.
documents_of_two = st.lists(
    st.tuples(finite, finite, weights, weights, st.integers(0, 6)), min_size=2, max_size=25
)
right_or_wrong = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def measured(rows: list[Any]) -> tuple[list[Measured], list[Measured]]:
    return (
        [Measured(f"d{n}", f"c{row[4]}", row[0], row[2]) for n, row in enumerate(rows)],
        [Measured(f"d{n}", f"c{row[4]}", row[1], row[3]) for n, row in enumerate(rows)],
    )


def answered(rows: list[tuple[bool, bool]]) -> tuple[list[Measured], list[Measured]]:
    return (
        [Measured(f"q{n}", f"q{n}", float(row[0]), 1) for n, row in enumerate(rows)],
        [Measured(f"q{n}", f"q{n}", float(row[1]), 1) for n, row in enumerate(rows)],
    )


def compared(
    base: list[Measured], tuned: list[Measured], confidence: float = 0.95, **values: Any
) -> Difference:
    more = values.get("higher_is_better", True)
    return paired(base, tuned, higher_is_better=more, confidence=confidence)


both_kinds = documents_of_two.map(measured) | right_or_wrong.map(answered)


# What holds of every difference


@repeatable
@given(both_kinds)
def test_swapping_the_models_negates_the_difference(pair: Any) -> None:
    forth, back = compared(*pair), compared(*reversed(pair))

    assert (back.value, back.low, back.high) == (-forth.value, -forth.high, -forth.low)
    assert (back.base, back.tuned, back.p_value) == (forth.tuned, forth.base, forth.p_value)


@repeatable
@given(both_kinds)
def test_less_is_better_turns_the_sign_and_nothing_else(pair: Any) -> None:
    more, less = compared(*pair), compared(*pair, higher_is_better=False)

    assert (less.value, less.low, less.high) == (-more.value, -more.high, -more.low)
    assert (less.base, less.tuned, less.base_stderr) == (more.base, more.tuned, more.base_stderr)


@repeatable
@given(both_kinds, st.randoms(use_true_random=False))
def test_the_order_of_the_documents_changes_nothing(pair: Any, random: Any) -> None:
    base, tuned = (list(documents) for documents in pair)
    random.shuffle(base)
    random.shuffle(tuned)

    assert compared(base, tuned) == compared(*pair)


@repeatable
@given(both_kinds)
def test_identical_models_do_not_differ(pair: Any) -> None:
    found = compared(pair[0], pair[0])

    assert found.value == 0
    assert found.low <= 0 <= found.high
    assert found.effect_size is None


@repeatable
@given(both_kinds, st.floats(0.51, 0.999))
def test_the_interval_holds_the_value_and_grows_with_confidence(
    pair: Any, confidence: float
) -> None:
    found, surer = compared(*pair, confidence), compared(*pair, (1 + confidence) / 2)

    assert surer.low <= found.low <= found.value <= found.high <= surer.high


@repeatable
@given(both_kinds)
def test_twice_as_many_documents_narrow_the_interval(pair: Any) -> None:
    twice = [
        [*each, *(d._replace(document=f"{d.document}'", cluster=f"{d.cluster}'") for d in each)]
        for each in pair
    ]
    once, more = compared(*pair), compared(*twice)
    assume(math.isfinite(once.low) and once.high > once.low)

    assert more.high - more.low < once.high - once.low


@repeatable
@given(documents_of_two, finite)
def test_another_unit_scales_the_difference(rows: list[Any], factor: float) -> None:
    assume(abs(factor) > 0.1)
    base, tuned = measured(rows)
    assume(max(abs(d.total) for d in [*base, *tuned]) > 1)
    scaled = [[d._replace(total=factor * d.total) for d in each] for each in (base, tuned)]

    found = compared(*scaled)

    assert found.value == pytest.approx(factor * compared(base, tuned).value, abs=1e-9)


def test_the_interval_holds_the_value_to_the_last_bit() -> None:
    found = compared(*answered([(False, True), (False, True), (True, True)]), 0.625)

    assert found.value <= found.high


# Numbers


def test_a_mean_has_the_t_interval_of_a_textbook() -> None:
    # Student's own data (1908), hours of sleep: mean 1.58, t = 4.06, 0.70 to 2.46.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]

    found = compared(texts(first), texts(second))

    assert found.method == "paired"
    assert (found.value, found.low, found.high) == pytest.approx((1.58, 0.7001, 2.4599), abs=1e-4)
    assert found.effect_size == pytest.approx(4.0621 / math.sqrt(10), abs=1e-4)
    assert found.base_stderr == pytest.approx(0.5657, abs=1e-4)
    assert found.p_value is None


def test_a_ratio_weighs_each_document_by_its_size() -> None:
    base = [Measured("a", "a", 10, 10), Measured("b", "b", 60, 30)]
    tuned = [Measured("a", "a", 20, 10), Measured("b", "b", 60, 30)]

    found = compared(base, tuned, higher_is_better=False)

    assert (found.base, found.tuned, found.value) == (1.75, 2.0, -0.25)
    # Residuals of the difference: (20 - 10 - 0.25 * 10) / 40 and (0 - 0.25 * 30) / 40.
    assert found.high - found.value == pytest.approx(
        12.7062 * math.sqrt(2 * 2 * (7.5 / 40) ** 2), rel=1e-4
    )


def test_each_model_has_its_own_weights() -> None:
    base = [Measured("a", "a", 1, 2), Measured("b", "b", 1, 2)]
    tuned = [Measured("a", "a", 1, 1), Measured("b", "b", 3, 3)]

    found = compared(base, tuned)

    assert (found.base, found.tuned) == (0.5, 1.0)
    assert found.low == found.high == 0.5


def test_the_turns_of_one_conversation_count_as_one() -> None:
    gains = [0.1, 0.5, 0.2, 0.9, 0.4]
    alone_base, alone = texts([0.0] * 5), texts(gains)
    in_turns = [
        [d._replace(document=f"{d.document}.{turn}") for d in each for turn in range(4)]
        for each in (alone_base, alone)
    ]

    one, four = compared(alone_base, alone), compared(*in_turns)

    assert four.documents == 20
    assert (four.low, four.high) == pytest.approx((one.low, one.high))


def test_it_agrees_with_a_paired_bootstrap_on_skewed_data() -> None:
    random = np.random.default_rng(7)
    size = random.lognormal(5, 1, 300)
    bits = size * random.lognormal(0, 0.3, 300)
    after = bits * random.normal(1.03, 0.1, 300)
    base = [Measured(f"{n}", f"{n}", bits[n], size[n]) for n in range(300)]
    tuned = [Measured(f"{n}", f"{n}", after[n], size[n]) for n in range(300)]
    drawn = random.integers(0, 300, (10_000, 300))
    resampled = (bits[drawn].sum(1) - after[drawn].sum(1)) / size[drawn].sum(1)

    found = compared(base, tuned, higher_is_better=False)

    low, high = np.quantile(resampled, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.05 * (high - low))


def test_right_or_wrong_answers_are_counted() -> None:
    # 132 and 107 of 1,144 changed; half an answer more in each cell, by hand.
    found = compared(
        *answered([(True, False)] * 132 + [(False, True)] * 107 + [(True, True)] * 905)
    )

    assert found.method == "paired right/wrong"
    assert found.value == pytest.approx(-25 / 1144)
    centre, spread = -25 / 1146, math.sqrt(240 - 25**2 / 1146) / 1146
    assert (found.low, found.high) == pytest.approx(
        (centre - 1.959964 * spread, centre + 1.959964 * spread), abs=1e-7
    )


@pytest.mark.parametrize(
    ("gained", "lost", "p_value"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (0, 6, 2 / 2**6),
        (1, 6, 2 * 8 / 2**7),
        (10, 2, 2 * 79 / 2**12),
        (2000, 2000, 1.0),
    ],
)
def test_mcnemars_p_value_is_exact(gained: int, lost: int, p_value: float) -> None:
    assert Answers(gained, lost, 10_000).p_value() == p_value


def test_no_changed_answer_among_few_says_little_and_among_many_much() -> None:
    few, many = (compared(answers(n, n), answers(n, n)) for n in (20, 1000))

    assert few.low == pytest.approx(-0.089, abs=1e-3)
    assert many.low == pytest.approx(-0.002, abs=1e-3)


def test_no_changed_answer_in_few_conversations_says_no_more_than_in_few_questions() -> None:
    turns = [d._replace(cluster=f"c{n % 20}") for n, d in enumerate(answers(200, 200))]

    found = compared(turns, turns)

    assert (found.method, found.p_value) == ("paired", None)
    assert found.low < -0.089


def test_answers_of_parts_that_weigh_alike_say_no_more_without_a_change() -> None:
    weighed = [d._replace(total=d.total / 7, weight=1 / 7) for d in answers(20, 20)]

    assert compared(weighed, weighed).low < -0.089


def test_one_model_alone_has_the_standard_error_of_a_mean() -> None:
    assert stderr_of(answers(80, 100)) == pytest.approx(math.sqrt(0.8 * 0.2 / 99))
    assert stderr_of(answers(1, 1)) is None


def test_a_single_conversation_says_nothing() -> None:
    one = [d._replace(cluster="c") for d in answers(50, 100)]

    found = compared(one, one)

    assert (found.low, found.high, found.base_stderr) == (-math.inf, math.inf, None)
    assert Difference.model_validate_json(found.model_dump_json()) == found


def test_the_widths_are_students() -> None:
    table = {1: 12.7062, 2: 4.3027, 5: 2.5706, 29: 2.0452, 30: 2.0423, 120: 1.9799}

    found = {freedom: width_of_interval(0.95, freedom) for freedom in table}

    assert found == pytest.approx(table, abs=1e-4)
    assert width_of_interval(0.95, 0) == math.inf


@pytest.mark.parametrize("confidence", [0.6, 0.9, 0.95, 0.99])
def test_the_widths_agree_with_scipy(confidence: float) -> None:
    stats = pytest.importorskip("scipy.stats")

    for freedom in (*range(1, 110), 1000, 100_000):
        expected = stats.t.ppf((1 + confidence) / 2, freedom)
        assert width_of_interval(confidence, freedom) == pytest.approx(expected, rel=1e-7)


# Without documents


def test_two_scores_without_documents_are_compared_by_their_standard_errors() -> None:
    found = unpaired(
        score("bleu", 30, stderr=0.3),
        score("bleu", 29, stderr=0.4),
        higher_is_better=True,
        confidence=0.95,
    )

    assert (found.value, found.documents, found.method) == (-1, 100, "unpaired")
    assert (found.low, found.high) == pytest.approx((-1.98, -0.02), abs=1e-3)


def test_two_scores_without_standard_errors_say_nothing() -> None:
    found = unpaired(score(), score(), higher_is_better=True, confidence=0.95)

    assert (found.low, found.high) == (-math.inf, math.inf)


# What cannot be compared


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (texts([1]), r"documents, 1 of only one model \(such as t1\)"),
        (texts([1, 2, 3]), r"documents, 1 of only one model \(such as t2\)"),
        ([*texts([1]), *texts([1])], "1 of 2 documents are there twice"),
        (texts([1, math.nan]), "document t1 scored nan of 1.0"),
        (texts([1, math.inf]), "document t1 scored inf"),
        ([d._replace(weight=math.nan) for d in texts([1, 2])], "of nan"),
        ([d._replace(weight=-1) for d in texts([1, 2])], "of -1"),
        ([d._replace(weight=0) for d in texts([1, 2])], "2 documents weigh nothing"),
    ],
)
def test_what_is_no_number_or_not_the_same_is_refused_of_either_model(
    broken: list[Measured], expected: str
) -> None:
    for pair in ((texts([1, 2]), broken), (broken, texts([1, 2]))):
        with pytest.raises(EvaluationError, match=expected):
            compared(*pair)


def test_no_documents_are_refused() -> None:
    with pytest.raises(EvaluationError, match="0 and 0 documents"):
        compared([], [])
    with pytest.raises(EvaluationError, match="weigh nothing"):
        value_of([])


@pytest.mark.parametrize("broken", [{"value": math.nan}, {"stderr": math.inf}, {"stderr": -1.0}])
def test_scores_that_are_no_numbers_are_refused(broken: dict[str, float]) -> None:
    for pair in ((score(**broken), score()), (score(), score(**broken))):
        with pytest.raises(EvaluationError, match="arc_easy: acc,none is"):
            unpaired(*pair, higher_is_better=True, confidence=0.95)
