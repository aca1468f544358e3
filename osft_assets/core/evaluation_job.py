"""What an evaluation is asked, and what it answers: two JSON files in its directory.

The worker (`resources.evaluation_worker`) reads the one and writes the other last of all. What it
found for each task is a directory of its own, which `core.scores` reads.
"""

from typing import Any

from osft_assets.core.records import Record
from osft_assets.core.rows import RowKind
from osft_assets.core.scores import TaskKind


class RowsToScore(Record):
    """A file of rows that the model is asked about, and the task's name for it."""

    name: str
    kind: TaskKind
    row_kind: RowKind
    path: str
    sha256: str
    rows: int


class EvaluationJob(Record):
    """Everything the worker needs. `model_fingerprint` is of the files at `model_path`."""

    directory: str
    workspace: str
    scores_path: str  # where the directories of finished tasks are, of this model alone
    model_path: str
    model_fingerprint: str
    recipe: dict[str, Any]
    rows: tuple[RowsToScore, ...]


class EvaluationOutcome(Record):
    """What came of it. `directories`: task name -> its directory, in the order asked."""

    directories: dict[str, str]
    reused: tuple[str, ...]
    backend: str
    device: str
    versions: dict[str, str]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
