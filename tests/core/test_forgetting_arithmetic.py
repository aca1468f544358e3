"""What is left of old skills over a chain of trainings."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.forgetting import SkillMatrix, TaskComparison
from osft_assets.core.forgetting_arithmetic import (
    backward_transfer,
    extended,
    left_out,
    retention,
)
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.scores import ScoresRecord, TaskScores
from tests.core.gate_parts import comparison, difference, record, score, task
from tests.core.properties import repeatable

POLICY = GateRecipe()
shares = st.floats(0.05, 1)


def kept(base: float, tuned: float, **values: Any) -> TaskComparison:
    return comparison(difference=difference(base=base, tuned=tuned), **values)


def holdout(loss: float, of: str = "", asked: str = "") -> TaskScores:
    """The own one, or that of an earlier pipeline."""
    kind, name = ("earlier", f"holdout:{of}") if of else ("holdout", "holdout")
    scores = score("bits_per_byte", loss), score("exact_match", 0.9)
    return task(*scores, kind=kind, name=name, prompt_hashes={name: asked} if asked else {})


def matrix(*rows: tuple[float | None, ...], **values: Any) -> SkillMatrix:
    """Of the skills a, b, ..., with less is better; the first row is the base's."""
    count = len(rows[0])
    names = tuple("abcdef"[:count])
    defaults: dict[str, Any] = {
        "steps": ("base", *"abcdef"[: len(rows) - 1]),
        "skills": names,
        "metrics": ("bits_per_byte,none",) * count,
        "higher_is_better": (False,) * count,
        "values": rows,
        "rows": (("",) * count,) * len(rows),
    }
    return SkillMatrix(**(defaults | values))


def chain(losses: list[list[float]]) -> SkillMatrix:
    """Trainings one after another: losses[step][skill], of which each measures what it knows."""
    names, found = "abcdef", None
    for step in range(1, len(losses)):
        asked = [holdout(0, of=name) for name in names[: step - 1]] + [holdout(0)]
        before, after = (
            record(names[step - 1], *(_with(each, loss) for each, loss in zip(asked, row)))  # noqa: B905 - a step knows the first skills only
            for row in losses[step - 1 : step + 1]
        )
        found = extended(found, before, after, POLICY)
    assert found
    return found


def _with(asked: TaskScores, loss: float) -> TaskScores:
    scores = tuple(
        each.model_copy(update={"value": loss}) if each.metric == "bits_per_byte" else each
        for each in asked.scores
    )
    return asked.model_copy(update={"scores": scores})


losses_of_a_chain = st.integers(1, 4).flatmap(
    lambda skills: st.lists(
        st.lists(shares, min_size=skills, max_size=skills),
        min_size=skills + 1,
        max_size=skills + 1,
    )
)


# Retention


def test_retention_is_the_mean_share_that_is_left() -> None:
    tasks = [kept(0.8, 0.4), kept(0.5, 0.6), kept(2.0, 2.5, higher_is_better=False)]

    assert retention(tasks) == pytest.approx((0.5 + 1.2 + 0.8) / 3)


@repeatable
@given(st.lists(st.tuples(shares, st.booleans()), min_size=1, max_size=5))
def test_a_model_that_did_not_change_retains_all(tasks: list[tuple[float, bool]]) -> None:
    found = retention([kept(each, each, higher_is_better=more) for each, more in tasks])

    assert found == pytest.approx(1)


@repeatable
@given(shares, shares, shares)
def test_the_worse_the_model_the_less_is_retained(base: float, one: float, other: float) -> None:
    worse, better = sorted((one, other))

    of_shares = [retention([kept(base, each)]) for each in (worse, better)]
    of_losses = [retention([kept(base, each, higher_is_better=False)]) for each in (better, worse)]

    assert of_shares == sorted(of_shares)  # type: ignore[type-var]
    assert of_losses == sorted(of_losses)  # type: ignore[type-var]


@pytest.mark.parametrize(
    "tasks",
    [
        [],
        [kept(0.5, 0.5, kind="holdout")],
        [kept(0.0, 0.5)],
        [kept(-0.1, 0.5)],
        [kept(0.0, 0.5, higher_is_better=False)],
        [kept(0.5, 0.0, higher_is_better=False)],
    ],
)
def test_where_there_was_nothing_old_nothing_is_retained(tasks: list[TaskComparison]) -> None:
    assert retention(tasks) is None
    assert retention([*tasks, kept(0.5, 0.25)]) == 0.5


@pytest.mark.parametrize(
    ("base", "chance", "counts"),
    [
        (0.28, 0.25, False),
        (0.30, 0.25, True),
        (0.03, None, False),
        (0.05, None, True),
    ],
)
def test_what_the_base_may_have_guessed_is_no_skill_to_retain(
    base: float, chance: float | None, counts: bool
) -> None:
    found = retention([kept(base, base / 2, chance=chance), kept(0.8, 0.8)])  # stderr 0.02

    assert found == pytest.approx(0.75 if counts else 1)


# Backward transfer


def test_backward_transfer_is_what_later_trainings_did_to_earlier_skills() -> None:
    found = backward_transfer(
        matrix((2.0, 2.0, None), (1.0, 1.9, None), (1.2, 0.8, 3.0), (1.5, 0.7, 0.1))
    )

    # a: 1.0 when learned, 1.5 now; b: 0.8, then 0.7. Less is better; c is only just learned.
    assert found == pytest.approx((-0.5 + 0.1) / 2)


def test_more_is_better_turns_it() -> None:
    rows = ((0.1, 0.1), (0.9, 0.1), (0.6, 0.8))

    found = backward_transfer(matrix(*rows, higher_is_better=(True, True)))

    assert found == pytest.approx(-0.3)


@pytest.mark.parametrize(
    ("rows", "values"),
    [
        ([(2.0,), (1.0,)], {}),
        ([(2.0, 2.0), (None, 2.0), (1.2, 1.0)], {}),
        ([(2.0, 2.0), (1.0, 2.0), (None, 1.0)], {}),
        ([(2.0, 2.0), (1.0, 2.0), (1.2, 1.0)], {"steps": ("base", "x", "y")}),
        (
            [(2.0, 2.0, 2.0), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)],
            {"metrics": ("bits_per_byte,none", "bits_per_token,none", "acc,none")},
        ),
    ],
)
def test_what_was_not_measured_or_has_no_common_unit_has_no_mean(
    rows: Any, values: dict[str, Any]
) -> None:
    assert backward_transfer(matrix(*rows, **values)) is None


# The matrix


def test_the_first_training_makes_two_steps_of_one_skill() -> None:
    found = extended(None, record("a", holdout(2.0)), record("a", holdout(1.0)), POLICY)

    assert found == matrix((2.0,), (1.0,), steps=("model of a", "a"))


def test_the_next_training_adds_a_step_and_a_skill() -> None:
    before = record("b", holdout(1.0, of="a"), holdout(3.0))
    after = record("b", holdout(1.1, of="a"), holdout(0.5))

    found = extended(matrix((2.0,), (1.0,)), before, after, POLICY)

    assert found == matrix((2.0, None), (1.0, 3.0), (1.1, 0.5))


def test_a_training_without_a_holdout_adds_a_step_alone() -> None:
    before, after = (record("b", holdout(loss, of="a")) for loss in (1.0, 1.1))

    found = extended(matrix((2.0,), (1.0,)), before, after, POLICY)

    assert found == matrix((2.0,), (1.0,), (1.1,))


def test_a_training_that_measures_nothing_leaves_a_row_of_unknowns() -> None:
    found = extended(matrix((2.0,), (1.0,)), record("b"), record("b"), POLICY)

    assert found == matrix((2.0,), (1.0,), (None,))
    assert extended(None, record("b"), record("b"), POLICY).values == ((), ())


def test_skills_of_the_users_own_are_columns_too_and_transfer_nothing() -> None:
    own = [
        task(score("exact_match", value), kind="skill", name="skill:old") for value in (1.0, 0.8)
    ]

    found = extended(
        None, record("a", own[0], holdout(1)), record("a", own[1], holdout(0.1)), POLICY
    )

    assert found.skills == ("a", "skill:old")
    assert found.metrics == ("bits_per_byte,none", "exact_match,none")
    assert [row[1] for row in found.values] == [1.0, 0.8]
    assert backward_transfer(found) is None


def test_an_earlier_skill_that_no_report_told_of_becomes_a_column() -> None:
    before = record("b", holdout(3.0), holdout(1.0, of="a"))
    after = record("b", holdout(0.5), holdout(1.1, of="a"))

    found = extended(None, before, after, POLICY)

    # By its loss, like every holdout, although its answers could be checked.
    assert found == matrix((1.0, 3.0), (1.1, 0.5), steps=("model of b", "b"))


def test_a_skill_keeps_the_metric_it_was_first_measured_by() -> None:
    first = matrix((0.5,), (0.9,), metrics=("exact_match,none",), higher_is_better=(True,))
    before, after = (record("b", holdout(loss, of="a")) for loss in (1.0, 1.1))

    assert extended(first, before, after, POLICY).values[-1] == (0.9,)


def test_a_cell_that_its_own_step_did_not_measure_is_measured_by_the_next() -> None:
    before, after = (record("b", holdout(loss, of="a")) for loss in (1.0, 1.1))

    found = extended(matrix((2.0,), (None,)), before, after, POLICY)

    assert found.values == ((2.0,), (1.0,), (1.1,))


def test_a_holdout_that_was_split_anew_is_not_compared_with_the_old_one() -> None:
    before, after = (record("a", holdout(loss, asked="old")) for loss in (2.0, 1.0))
    first = extended(None, before, after, POLICY)
    before, after = (record("b", holdout(loss, of="a", asked="old")) for loss in (1.0, 1.1))
    second = extended(first, before, after, POLICY)
    before, after = (record("c", holdout(loss, of="a", asked="new")) for loss in (0.3, 0.2))
    third = extended(second, before, after, POLICY)

    [column] = third.columns()

    assert backward_transfer(second) == pytest.approx(-0.1)
    assert column.values == (2.0, 1.0, 0.3, 0.2)  # b, measured again on the rows that c was asked
    assert [column.is_of_other_rows(step) for step in range(4)] == [True, True, False, False]
    assert backward_transfer(third) is None
    assert (left_out(second), left_out(third)) == ([], ["a"])


def test_a_holdout_split_anew_before_the_next_training_is_measured_again() -> None:
    before, after = (record("a", holdout(loss, asked="old")) for loss in (2.0, 1.0))
    first = extended(None, before, after, POLICY)
    before, after = (record("b", holdout(loss, of="a", asked="new")) for loss in (0.7, 0.9))
    second = extended(first, before, after, POLICY)

    assert second.values == ((2.0,), (0.7,), (0.9,))
    assert backward_transfer(second) == pytest.approx(-0.2)
    assert left_out(second) == []


def test_a_pipeline_that_trains_on_from_its_own_model_is_a_step_again() -> None:
    again: list[ScoresRecord] = [record("a", holdout(1.0))] * 2

    twice = extended(matrix((2.0,), (1.0,)), *again, POLICY)
    thrice = extended(twice, *again, POLICY)

    assert thrice.steps == ("base", "a", "a (2)", "a (3)")


@repeatable
@given(losses_of_a_chain)
def test_a_chain_measures_each_skill_from_its_base_on(losses: list[list[float]]) -> None:
    found = chain(losses)

    assert (len(found.values), found.skills) == (len(losses), tuple("abcdef"[: len(losses) - 1]))
    for step, row in enumerate(found.values):
        for skill, value in enumerate(row):
            assert value == (losses[step][skill] if step >= skill else None)


@repeatable
@given(losses_of_a_chain)
def test_one_more_training_changes_no_value_that_was_there(losses: list[list[float]]) -> None:
    whole = chain(losses)
    if len(losses) > 2:
        shorter = chain(losses[:-1])
        assert [row[: len(shorter.skills)] for row in whole.values[:-1]] == list(shorter.values)


@repeatable
@given(losses_of_a_chain, st.floats(0.01, 0.5))
def test_backward_transfer_is_negative_just_when_earlier_skills_got_worse(
    losses: list[list[float]], worse: float
) -> None:
    skills = len(losses) - 1
    for skill in range(skills):
        losses[-1][skill] = losses[skill + 1][skill] + worse

    found = backward_transfer(chain(losses))

    assert found == (pytest.approx(-worse) if skills > 1 else None)
