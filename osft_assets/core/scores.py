"""What an evaluation found: tidy rows of scores, and what every document added to them.

One directory a task and model, below `<workspace>/_scores`, named by what decides its content:

    scores.json      a TaskScores, the marker, written last
    documents.jsonl  one DocumentScore a line: what comparisons pair
    lm_eval.json     everything else that lm-eval returned
    samples.jsonl    every prompt, answer and what it scored, where log_samples asks for it

How one is made is `core.evaluation`; how two are compared, `core.comparison`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from osft_assets.core.errors import EvaluationError
from osft_assets.core.lineage import fingerprint
from osft_assets.core.records import Record

SCORES_FILE = "scores.json"
DOCUMENTS_FILE = "documents.jsonl"
RESULTS_FILE = "lm_eval.json"
SAMPLES_FILE = "samples.jsonl"
# benchmark: an lm-eval task. holdout: rows kept from training. earlier: the holdout of a pipeline
# this one started from. skill: rows of the user's own that the model should still know.
TaskKind = Literal["benchmark", "holdout", "earlier", "skill"]


class Score(Record):
    """One number. `task` is a part of the TaskScores it belongs to, or the whole."""

    task: str
    metric: str
    filter: str
    value: float
    stderr: float | None  # None where lm-eval has no formula
    n: int
    higher_is_better: bool | None
    version: str
    shots: int
    chance: float | None = None  # what guessing scores; None where that is not known

    @property
    def key(self) -> str:
        """As lm-eval writes it: the metric and the filter the answers went through."""
        return f"{self.metric},{self.filter}"


class TaskScores(Record):
    """The scores of one task. Two of the same `fingerprint` were asked exactly the same.

    `name` is what settings call it: arc_easy, holdout, holdout:first, skill:old.
    `scores` of a group hold those of its parts too.
    """

    name: str
    kind: TaskKind
    fingerprint: str  # of definition, documents and settings; not of the model
    model_fingerprint: str
    scores: tuple[Score, ...]
    prompt_hashes: dict[str, str]
    seconds: float
    caveat: str = ""

    @property
    def questions(self) -> str:
        """The same where the same was asked, whatever the task is called; empty when not known."""
        hashes = sorted(self.prompt_hashes.values())
        return fingerprint({"questions": hashes}) if hashes else ""

    def overall(self) -> tuple[Score, ...]:
        """The scores of the task as a whole."""
        return tuple(score for score in self.scores if score.task == self.name)


class ScoresRecord(Record):
    """What `base_scores` and `scores` are. `directories`: task name -> where its files are."""

    pipeline: str
    model_uri: str
    model_fingerprint: str  # of the files of the model, not of how it was made
    fingerprint: str
    tasks: tuple[TaskScores, ...]
    directories: dict[str, str]
    table_path: str


class ChampionScores(Record):
    """What `champion_scores` is: the scores of the version in use. `scores` is None where there is
    none; `why_not` says why.
    """

    name: str
    version: str = ""
    scores: ScoresRecord | None = None
    why_not: str = ""

    @property
    def fingerprint(self) -> str:
        """Of the scores."""
        return self.scores.fingerprint if self.scores else "none"


class DocumentScore(Record):
    """What one document, such as a question, adds to each metric.

    A metric is the sum of the totals over the sum of the weights: (1, 1) for a right answer, the
    (bits, bytes) of a text. Documents of one `cluster`, such as the turns of a conversation, are
    not independent of each other.
    """

    document: str
    cluster: str
    metrics: dict[str, tuple[float, float]]


class Measured(NamedTuple):
    """One document under one metric."""

    document: str
    cluster: str
    total: float
    weight: float


def read_documents(directory: Path, key: str) -> list[Measured]:
    """What each document added to the metric `key` of the task; empty where no such thing exists,
    as for corpus BLEU.
    """
    return [
        Measured(row["document"], row["cluster"], *row["metrics"][key])
        for row in _rows(directory / DOCUMENTS_FILE)
        if key in row["metrics"]
    ]


def read_scores(directory: Path) -> TaskScores:
    """The scores of a finished task."""
    try:
        return TaskScores.model_validate_json((directory / SCORES_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise EvaluationError(
            f"{directory / SCORES_FILE} is missing, damaged or of another version of the code. "
            "Materialize the scores again"
        ) from None


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                yield json.loads(line)
    except (FileNotFoundError, ValueError):
        raise EvaluationError(
            f"{path} is missing or damaged. Delete its directory, then materialize the scores again"
        ) from None
