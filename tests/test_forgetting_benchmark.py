"""The benchmark of forgetting: which rate is a way's own, and how sure its figures are."""

import pytest

from benchmarks.forgetting import _with_interval, own_rate
from benchmarks.forgetting_runs import CONTENDERS, Score, _rows


def score(rate: float, new: float) -> Score:
    return Score("sft", rate, 0, new, 0.5, {}, 1.0)


@pytest.mark.parametrize(
    ("learned", "own"),
    [
        ({3e-3: 1.0, 5e-4: 0.95, 1e-3: 0.97, 2.5e-4: 0.3}, 5e-4),
        ({3e-3: 0.2, 5e-4: 0.1}, None),
        ({}, None),
    ],
)
def test_a_ways_own_rate_is_the_lowest_that_learns_enough(
    learned: dict[float, float], own: float | None
) -> None:
    assert own_rate([score(rate, new) for rate, new in learned.items()]) == own


def test_a_mean_comes_with_its_interval() -> None:
    # Student's t with 2 degrees of freedom: 4.303; the standard error is 0.1 / sqrt(3).
    assert _with_interval([0.4, 0.5, 0.6]) == "0.500 ± 0.248"
    assert _with_interval([0.4]) == "0.400"


def test_every_seed_holds_other_wordings_out_and_none_is_on_both_sides() -> None:
    train, holdout = _rows(1)
    questions = [{row["messages"][0]["content"] for row in rows} for rows in (train, holdout)]

    assert (len(train), len(holdout)) == (160, 40)
    assert not questions[0] & questions[1]
    assert _rows(2) != _rows(1) == (train, holdout)


def test_the_control_differs_from_strict_osft_in_one_thing() -> None:
    strict, control = CONTENDERS["osft, strict"], CONTENDERS["control: random directions"]

    assert strict.pipeline == control.pipeline == "demo"
    assert control.at_random
    assert not strict.at_random
