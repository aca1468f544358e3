"""Numbers about a whole chain of trainings: retention, backward transfer, the skill matrix.

They inform; what blocks is judged task by task, in `core.gate`.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from statistics import fmean

from osft_assets.core.deciding_metric import deciding_metric
from osft_assets.core.forgetting import SkillColumn, SkillMatrix, TaskComparison
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.scores import Score, ScoresRecord, TaskScores

_EARLIER = "holdout:"  # before the name of the pipeline whose holdout it is
# So many above what guessing scores is a skill: of 44 models that guess, one gets there.
_STDERRS = 2


def retention(comparisons: Sequence[TaskComparison]) -> float | None:
    """The mean share of the old tasks' scores that is left: 1 is all. None without old tasks.

    Of a metric where less is better, base / tuned. What the base cannot do has no share: scores of
    0 or less, and those that it could have guessed.
    """
    shares = [share for each in comparisons if each.kind != "holdout" for share in _shares(each)]
    return fmean(shares) if shares else None


def may_be_guessed(comparison: TaskComparison) -> bool:
    """Whether the base's score could be chance, so that there is nothing to retain.

    Where guessing is not known to score anything, it is taken to score nothing.
    """
    difference = comparison.difference
    least = difference.base - _STDERRS * (difference.base_stderr or 0.0)
    return comparison.higher_is_better and least <= (comparison.chance or 0.0)


def backward_transfer(matrix: SkillMatrix) -> float | None:
    """What later trainings did to earlier skills, on average: below 0, they were forgotten.

    After Lopez-Paz and Ranzato (2017): the last value minus the one right after the skill was
    learned, turned so that more is better. None where no skill has both, and where they have
    different metrics: such a mean has no unit. What was asked other rows since is `left_out`.
    """
    changes = [
        (column.metric, change)
        for column in matrix.columns()
        for change in _change(column, matrix.steps)
    ]
    if len({metric for metric, _ in changes}) != 1:
        return None
    return fmean(change for _, change in changes)


def left_out(matrix: SkillMatrix) -> list[str]:
    """The skills that were asked other rows since they were learned: nothing is said of them."""
    return [
        column.skill
        for column in matrix.columns()
        if column.skill in matrix.steps[:-1]
        and column.is_of_other_rows(matrix.steps.index(column.skill))
    ]


def extended(
    matrix: SkillMatrix | None, base: ScoresRecord, tuned: ScoresRecord, policy: GateRecipe
) -> SkillMatrix:
    """The ancestor's matrix with one more step, and with the skills first measured now.

    `base` measured the ancestor's checkpoint, which is the last step of `matrix`. Without an
    ancestor's matrix, the base is the first step. A pipeline that trains on from its own champion
    is a step again: lessons, lessons (2).
    """
    steps = matrix.steps if matrix else (base.model_uri,)
    before, after = _skills(base), _skills(tuned)
    columns = matrix.columns() if matrix else []
    known = {column.skill for column in columns}
    columns += [
        _new_column(skill, before[skill], len(steps), policy)
        for skill in sorted(before)
        if skill not in known
    ]
    grown = [_grown(each, before, after) for each in columns]
    return _matrix((*steps, _next_step(steps, tuned.pipeline)), grown)


def _shares(comparison: TaskComparison) -> Iterator[float]:
    base, tuned = comparison.difference.base, comparison.difference.tuned
    if comparison.higher_is_better and base > 0 and not may_be_guessed(comparison):
        yield max(tuned, 0.0) / base
    elif not comparison.higher_is_better and base > 0 and tuned > 0:
        yield base / tuned


def _change(column: SkillColumn, steps: Sequence[str]) -> Iterator[float]:
    """Nothing for the newest skill: it has had no time to be forgotten."""
    if column.skill not in steps[:-1]:
        return
    step = steps.index(column.skill)
    learned, last = column.values[step], column.values[-1]
    if learned is not None and last is not None and column.rows[step] == column.rows[-1]:
        yield last - learned if column.higher_is_better else learned - last


def _next_step(steps: Sequence[str], pipeline: str) -> str:
    names = (f"{pipeline} ({number})" if number > 1 else pipeline for number in count(1))
    return next(name for name in names if name not in steps)


def _skills(record: ScoresRecord) -> dict[str, TaskScores]:
    """The holdouts, by the pipelines they belong to, and the user's own skills, by their names."""
    return {
        record.pipeline if task.kind == "holdout" else task.name.removeprefix(_EARLIER): task
        for task in record.tasks
        if task.kind in ("holdout", "earlier", "skill")
    }


def _new_column(skill: str, task: TaskScores, steps: int, policy: GateRecipe) -> SkillColumn:
    # As a holdout is judged, whichever it is now: or the first column of a chain, an earlier skill
    # by its second step, could have another metric than all that follow.
    own = task if task.kind == "skill" else task.model_copy(update={"kind": "holdout"})
    score = deciding_metric(own, policy)
    empty: tuple[None, ...] = (None,) * steps
    return SkillColumn(skill, score.key, score.higher_is_better is True, empty, ("",) * steps)


def _grown(
    column: SkillColumn, before: Mapping[str, TaskScores], after: Mapping[str, TaskScores]
) -> SkillColumn:
    """With the new step's value, and the last step's where only now it was measured, or measured
    on the rows that the new step was asked.
    """
    last, again, new = (
        (column.values[-1], column.rows[-1]),
        _cell(before, column),
        _cell(after, column),
    )
    if again[0] is not None and (last[0] is None or last[1] != again[1]):
        last = again
    return column._replace(
        values=(*column.values[:-1], last[0], new[0]), rows=(*column.rows[:-1], last[1], new[1])
    )


def _cell(tasks: Mapping[str, TaskScores], column: SkillColumn) -> tuple[float | None, str]:
    """The value, and what was asked for it."""
    task = tasks.get(column.skill)
    scores: tuple[Score, ...] = task.overall() if task else ()
    value = next((score.value for score in scores if score.key == column.metric), None)
    return (None, "") if value is None or task is None else (value, task.questions)


def _matrix(steps: tuple[str, ...], columns: Sequence[SkillColumn]) -> SkillMatrix:
    return SkillMatrix(
        steps=steps,
        skills=tuple(column.skill for column in columns),
        metrics=tuple(column.metric for column in columns),
        higher_is_better=tuple(column.higher_is_better for column in columns),
        values=tuple(
            tuple(column.values[step] for column in columns) for step in range(len(steps))
        ),
        rows=tuple(tuple(column.rows[step] for column in columns) for step in range(len(steps))),
    )
