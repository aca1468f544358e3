"""What came of one run of the demo: a file that its process writes and the tables are made of."""

from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Literal

from pydantic import Field

from osft_assets.core.figures import difference_with_interval
from osft_assets.core.forgetting import ForgettingReport, SkillMatrix, TaskComparison
from osft_assets.core.records import Record
from osft_assets.core.scores import ScoresRecord, read_documents
from osft_assets.demo.skills import exam

OLD_SKILLS = "skill:old"
_NEW_FACTS = "holdout"
_METRIC = "exact_match"


class Outcome(Record):
    """One run. `refused`: by the gate, which is an answer and no failure."""

    pipeline: str
    rate: float
    ended: Literal["registered", "refused", "failed"]
    new: float = 0.0  # share of right answers, on the held-out wordings
    new_before: float = 0.0
    new_questions: int = 0
    old: float = 0.0
    old_before: float = 0.0
    old_low: float = 0.0  # of the difference: its interval of 95 %
    old_high: float = 0.0
    old_questions: int = 0
    old_words: str = ""
    retention: float | None = None
    why: str = ""
    registered_as: str = ""
    steps: int = 0
    report: str = ""
    model: str = ""
    skills: dict[str, float] = Field(default_factory=dict)  # the old ones, each by itself
    skills_before: dict[str, float] = Field(default_factory=dict)
    matrix: SkillMatrix | None = None


def measured(
    report: ForgettingReport, before: ScoresRecord, after: ScoresRecord
) -> dict[str, object]:
    """The fields of an outcome that a report and its scores tell."""
    old = next(each for each in report.comparisons if each.task == OLD_SKILLS)
    new, questions = _exact(after, _NEW_FACTS)
    return {
        "new": new,
        "new_before": _exact(before, _NEW_FACTS)[0],
        "new_questions": questions,
        "old": _exact(after, OLD_SKILLS)[0],
        "old_before": _exact(before, OLD_SKILLS)[0],
        "old_questions": old.difference.documents,
        "old_low": old.difference.low,
        "old_high": old.difference.high,
        "old_words": difference_with_interval(old),
        "retention": _kept(old),
        "skills": _by_skill(after),
        "skills_before": _by_skill(before),
        "matrix": report.matrix,
    }


def _exact(scores: ScoresRecord, name: str) -> tuple[float, int]:
    task = next(task for task in scores.tasks if task.name == name)
    score = next(score for score in task.overall() if score.metric == _METRIC)
    return score.value, score.n


def _by_skill(scores: ScoresRecord) -> dict[str, float]:
    """The questions are scored as one task, which decides; they come in the order of the exam."""
    documents = read_documents(Path(scores.directories[OLD_SKILLS]), f"{_METRIC},none")
    right = defaultdict(list)
    for row, document in zip(exam(), documents, strict=True):
        right[row["skill"]].append(document.total / document.weight)
    return {skill: fmean(shares) for skill, shares in right.items()}


def _kept(old: TaskComparison) -> float | None:
    base = old.difference.base
    return old.difference.tuned / base if base else None
