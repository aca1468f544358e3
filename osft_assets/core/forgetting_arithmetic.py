"""Numbers about a whole chain of trainings: retention, backward transfer, the skill matrix.

They inform; what blocks is judged task by task, in `core.gate`.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from osft_assets.core.deciding_metric import deciding_metric
from osft_assets.core.errors import EvaluationError
from osft_assets.core.forgetting import SkillMatrix, TaskComparison
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.scores import Score, ScoresRecord, TaskScores

_EARLIER = "holdout:"  # before the name of the pipeline whose holdout it is


class _Column(NamedTuple):
    skill: str
    metric: str
    higher_is_better: bool
    values: tuple[float | None, ...]  # one a step


def retention(comparisons: Sequence[TaskComparison]) -> float | None:
    """The mean share of the old tasks' scores that is left: 1 is all. None without old tasks.

    Of a metric where less is better, base / tuned. Scores of 0 or less have no share.
    """
    shares = [share for each in comparisons if each.kind != "holdout" for share in _shares(each)]
    return fmean(shares) if shares else None


def backward_transfer(matrix: SkillMatrix) -> float | None:
    """What later trainings did to earlier skills, on average: below 0, they were forgotten.

    After Lopez-Paz and Ranzato (2017): the last value minus the one right after the skill was
    learned, turned so that more is better. None where no skill has both, and where they have
    different metrics: such a mean has no unit.
    """
    changes = [
        (column.metric, change)
        for column in _columns(matrix)
        for change in _change(column, matrix.steps)
    ]
    if len({metric for metric, _ in changes}) != 1:
        return None
    return fmean(change for _, change in changes)


def extended(
    matrix: SkillMatrix | None, base: ScoresRecord, tuned: ScoresRecord, policy: GateRecipe
) -> SkillMatrix:
    """The ancestor's matrix with one more step, and with the skills first measured now.

    `base` measured the ancestor's checkpoint, which is the last step of `matrix`. Without an
    ancestor's matrix, the base is the first step.
    """
    steps = matrix.steps if matrix else (base.model_uri,)
    if tuned.pipeline in steps:
        raise EvaluationError(
            f"{tuned.pipeline} is already a step of {' > '.join(steps)}: expected a pipeline that "
            "this one does not start from. Look at start_from"
        )
    before, after = _skills(base), _skills(tuned)
    columns = list(_columns(matrix)) if matrix else []
    known = {column.skill for column in columns}
    columns += [
        _new_column(skill, before[skill], len(steps), policy)
        for skill in sorted(before)
        if skill not in known
    ]
    return _matrix((*steps, tuned.pipeline), [_grown(each, before, after) for each in columns])


def _shares(comparison: TaskComparison) -> Iterator[float]:
    base, tuned = comparison.difference.base, comparison.difference.tuned
    if comparison.higher_is_better and base > 0:
        yield max(tuned, 0.0) / base
    elif not comparison.higher_is_better and base > 0 and tuned > 0:
        yield base / tuned


def _change(column: _Column, steps: Sequence[str]) -> Iterator[float]:
    """Nothing for the newest skill: it has had no time to be forgotten."""
    if column.skill not in steps[:-1]:
        return
    learned, last = column.values[steps.index(column.skill)], column.values[-1]
    if learned is not None and last is not None:
        yield last - learned if column.higher_is_better else learned - last


def _skills(record: ScoresRecord) -> dict[str, TaskScores]:
    """The holdouts, by the pipelines they belong to."""
    return {
        record.pipeline if task.kind == "holdout" else task.name.removeprefix(_EARLIER): task
        for task in record.tasks
        if task.kind in ("holdout", "earlier")
    }


def _new_column(skill: str, task: TaskScores, steps: int, policy: GateRecipe) -> _Column:
    # As a holdout is judged, whichever it is now: or the first column of a chain, an earlier skill
    # by its second step, could have another metric than all that follow.
    score = deciding_metric(task.model_copy(update={"kind": "holdout"}), policy)
    return _Column(skill, score.key, score.higher_is_better is True, (None,) * steps)


def _grown(
    column: _Column, before: Mapping[str, TaskScores], after: Mapping[str, TaskScores]
) -> _Column:
    """With the new step's value, and the last step's where only now it was measured."""
    *earlier, last = column.values
    if last is None:
        last = _value(before, column)
    return column._replace(values=(*earlier, last, _value(after, column)))


def _value(tasks: Mapping[str, TaskScores], column: _Column) -> float | None:
    scores: tuple[Score, ...] = tasks[column.skill].overall() if column.skill in tasks else ()
    return next((score.value for score in scores if score.key == column.metric), None)


def _columns(matrix: SkillMatrix) -> Iterator[_Column]:
    by_skill = zip(*matrix.values, strict=True)
    of_columns = zip(matrix.skills, matrix.metrics, matrix.higher_is_better, by_skill, strict=True)
    return (_Column(*column) for column in of_columns)


def _matrix(steps: tuple[str, ...], columns: Sequence[_Column]) -> SkillMatrix:
    return SkillMatrix(
        steps=steps,
        skills=tuple(column.skill for column in columns),
        metrics=tuple(column.metric for column in columns),
        higher_is_better=tuple(column.higher_is_better for column in columns),
        values=tuple(
            tuple(column.values[step] for column in columns) for step in range(len(steps))
        ),
    )
