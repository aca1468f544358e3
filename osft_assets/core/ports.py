"""The outside world, as core sees it. Fakes are in `tests/fakes.py`, adapters in `resources/`."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from osft_assets.core.evaluation_job import EvaluationJob, EvaluationOutcome
from osft_assets.core.failed_run import FailedRun
from osft_assets.core.model_records import ModelFindings
from osft_assets.core.prompts import PromptJob, PromptOutcome
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.records import SourceRecord
from osft_assets.core.registry_records import (
    Property,
    RegisteredModel,
    RegisteredVersion,
    Registration,
)
from osft_assets.core.rows import RawRow
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from osft_assets.core.training_steps import Step


@dataclass(frozen=True)
class RowBatch:
    """Some rows of one file, in order. None is a blank line, which counts for the places only."""

    file: str
    unit: str  # "line" or "row": what `first` counts
    first: int
    rows: Sequence[RawRow | None]
    bytes_read: int  # of the whole source so far, as stored (compressed)

    def place(self, index: int) -> str:
        """How a person finds the row."""
        return f"{self.file} {self.unit} {self.first + index:,}"


# A generator, so that closing it early still lets a source look whether it was changed meanwhile.
Batches = Generator[RowBatch, None, None]


@dataclass(frozen=True)
class FoundSource:
    """A source that exists and may be read, with what identifies its present content."""

    record: SourceRecord
    size_bytes: int | None
    read: Callable[[], Batches] = field(repr=False)


class DatasetSource(Protocol):
    """Where rows come from."""

    def find(self, recipe: DatasetRecipe) -> FoundSource:
        """Resolve the address, or raise ConfigError (wrong) or SourceError (not there)."""
        ...


@dataclass(frozen=True)
class FoundModel:
    """A model that exists and may be read. `fetch` gives the directory it is in, once it is there.

    `revision` identifies its content: a commit, a digest, a hash of ETags or of the files.
    """

    uri: str
    revision: str
    fetch: Callable[[Callable[[str], None]], Path] = field(repr=False)


class ModelSource(Protocol):
    """Where base models come from."""

    def find(self, recipe: BaseModelRecipe) -> FoundModel:
        """Resolve the address, or raise ConfigError (wrong) or SourceError (not there)."""
        ...


class ModelInspector(Protocol):
    """Reads the files of a model without loading it."""

    def inspect(self, directory: Path) -> ModelFindings:
        """Configuration, tokenizer and every weight: what is there and what is wrong with it."""
        ...


@dataclass(frozen=True)
class TrainingWatch:
    """Who is told how training goes: its lines, and each step as it ends."""

    say: Callable[[str], None]
    step: Callable[[Step], None]


class Trainer(Protocol):
    """Whatever trains: a process here, a pod, several."""

    def versions(self) -> Mapping[str, str]:
        """The libraries that decide what comes out, with their versions."""
        ...

    def train(self, job: TrainingJob, watch: TrainingWatch) -> TrainingOutcome:
        """Train into `job.directory`, or raise ConfigError or TrainingError. Nothing goes on after.

        An exception from `watch`, or an interrupt, stops the training and its processes.
        """
        ...


class Evaluator(Protocol):
    """Whatever asks a model and scores its answers."""

    def evaluate(self, job: EvaluationJob, say: Callable[[str], None]) -> EvaluationOutcome:
        """Leave the scores of every task in `job.scores_path`; ConfigError or EvaluationError
        when that cannot be done. Nothing goes on after.
        """
        ...


class Prompter(Protocol):
    """Whoever puts questions to models for a person to read the answers."""

    def answer(self, job: PromptJob) -> PromptOutcome:
        """What each model says to each conversation; EvaluationError when one cannot be asked."""
        ...


class ModelStore(Protocol):
    """Where registered models are copied to, for servers that cannot reach the workspace."""

    def publish(self, directory: Path, target: str, name: str, say: Callable[[str], None]) -> str:
        """Copy the files of a model to `target` under `name`, and give the address to load it from.

        Whole or not at all; what is there already is not copied again. ConfigError or
        RegistryError when it cannot be done.
        """
        ...


Change = Callable[[RegisteredModel], Mapping[str, Property]]


class ModelRegistry(Protocol):
    """Where models are kept by name and version. Every method raises RegistryError when the
    registry does not do what is asked; nothing counts as done that was not read back.
    """

    def register(
        self, recipe: RegistryRecipe, registration: Registration, say: Callable[[str], None]
    ) -> RegisteredVersion:
        """Keep the model: made now, found as it was, or finished where another run was cut off."""
        ...

    def read(self, recipe: RegistryRecipe, name: str) -> RegisteredModel | None:
        """The model with all its versions, or None when there is none of that name."""
        ...

    def amend(self, recipe: RegistryRecipe, name: str, change: Change) -> RegisteredModel:
        """Set custom properties of the model, and leave its others as they are.

        `change` says which, of the model as it is then; nothing is written for none.
        """
        ...


class FailureHook(Protocol):
    """Who is told of a run that failed."""

    def tell(self, run: FailedRun) -> None:
        """Pass it on, or raise HookError; ConfigError where the setting is wrong."""
        ...
