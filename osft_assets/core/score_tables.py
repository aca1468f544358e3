"""Scores of a model, and the differences between two, as tables.

In words: `core.forgetting_summary`.
"""

from collections.abc import Iterator, Sequence

from osft_assets.core.figures import (
    compares_shares,
    difference_with_interval,
    figure,
    is_share,
    metric_name,
)
from osft_assets.core.forgetting import ChampionComparison, ForgettingReport, TaskComparison
from osft_assets.core.forgetting_arithmetic import may_be_guessed
from osft_assets.core.forgetting_summary import holdouts, old_skills
from osft_assets.core.markup import markdown_table
from osft_assets.core.scores import Score, TaskScores

_MOST_ROWS = 40
COMPARED = ("task", "metric", "base", "tuned", "difference (+ is better)", "n", "verdict")
AGAINST_CHAMPION = tuple("champion" if name == "base" else name for name in COMPARED)
JUDGED = ("task", "compared", "effect size", "p-value", "why", "to keep in mind")
SCORED = ("task", "metric", "value ± standard error", "n", "better is", "version")
_BETTER = {True: "higher", False: "lower", None: ""}


def comparison_table(report: ForgettingReport) -> str:
    """Every task before and after, the holdout and the losses first."""
    return markdown_table(COMPARED, comparison_rows(report.comparisons))


def champion_table(champion: ChampionComparison) -> str:
    """The same, with the champion as what was before."""
    return markdown_table(AGAINST_CHAMPION, comparison_rows(champion.comparisons))


def comparison_rows(comparisons: Sequence[TaskComparison]) -> list[tuple[str, ...]]:
    """The cells of the table."""
    return [_compared(comparison) for comparison in holdouts(comparisons) + old_skills(comparisons)]


def judged_rows(report: ForgettingReport) -> list[tuple[str, ...]]:
    """How each task was compared, and why it was judged so."""
    return [
        (
            comparison.task,
            comparison.difference.method,
            _number(comparison.difference.effect_size),
            _number(comparison.difference.p_value),
            comparison.reason,
            " ".join(_to_keep_in_mind(comparison)),
        )
        for comparison in holdouts(report.comparisons) + old_skills(report.comparisons)
    ]


def score_table(tasks: Sequence[TaskScores]) -> str:
    """The scores of one model. The parts of groups, which can be dozens, come after all tasks."""
    parts = [score for task in tasks for score in task.scores if score.task != task.name]
    scores = [score for task in tasks for score in task.overall()] + parts
    table = markdown_table(SCORED, [_scored(score) for score in scores[:_MOST_ROWS]])
    more = len(scores) - _MOST_ROWS
    return f"{table}\n\nand {more} more" if more > 0 else table


def overall_rows(tasks: Sequence[TaskScores]) -> list[tuple[str, ...]]:
    """The same, of tasks as a whole."""
    scores = [score for task in tasks for score in task.overall()]
    return [_scored(score) for score in scores[:_MOST_ROWS]]


def _compared(comparison: TaskComparison) -> tuple[str, ...]:
    share, difference = compares_shares(comparison), comparison.difference
    return (
        comparison.task,
        metric_name(comparison.metric),
        figure(difference.base, share=share),
        figure(difference.tuned, share=share),
        difference_with_interval(comparison),
        f"{difference.documents:,}",
        comparison.verdict,
    )


def _to_keep_in_mind(comparison: TaskComparison) -> Iterator[str]:
    if comparison.caveat:
        yield comparison.caveat
    if comparison.kind != "holdout" and may_be_guessed(comparison):
        yield "The base may have guessed: no part of the retention."


def _number(value: float | None) -> str:
    return "" if value is None else figure(value, share=False)


def _scored(score: Score) -> tuple[str, ...]:
    share = is_share(score.metric, score.value)
    return (
        score.task,
        metric_name(score.key),
        f"{figure(score.value, share=share)}{_error(score, share=share)}",
        f"{score.n:,}",
        _BETTER[score.higher_is_better],
        score.version,
    )


def _error(score: Score, *, share: bool) -> str:
    return "" if score.stderr is None else f" ± {figure(score.stderr, share=share)}"
