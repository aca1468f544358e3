"""One fake per port, held against the adapters' own contract by `tests/test_fakes.py`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import msgspec

from osft_assets.core.evaluation_job import EvaluationJob, EvaluationOutcome
from osft_assets.core.failed_run import FailedRun
from osft_assets.core.lineage import fingerprint
from osft_assets.core.model_records import ModelFindings
from osft_assets.core.ports import (
    Change,
    DatasetSource,
    Evaluator,
    FailureHook,
    FoundModel,
    FoundSource,
    ModelInspector,
    ModelRegistry,
    ModelSource,
    ModelStore,
    Prompter,
    RowBatch,
    Trainer,
    TrainingWatch,
)
from osft_assets.core.prompts import PromptJob, PromptOutcome
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.records import SourceRecord
from osft_assets.core.registry_records import (
    FINGERPRINT_PROPERTY,
    LOCAL_REGISTRY,
    RegisteredModel,
    RegisteredVersion,
    Registration,
    VersionListing,
)
from osft_assets.core.registry_versions import choose_version
from osft_assets.core.scores import (
    DOCUMENTS_FILE,
    SCORES_FILE,
    DocumentScore,
    Score,
    TaskKind,
    TaskScores,
)
from osft_assets.core.training_job import (
    STEPS_FILE,
    Certificate,
    MatrixLeak,
    RowAccount,
    TrainingJob,
    TrainingOutcome,
)
from osft_assets.core.training_steps import Step
from osft_assets.core.worker_log import OWN_PREFIX
from osft_assets.core.workspace import Workspace
from resources.record_io import RecordIOManager


def chat(question: str, answer: str, **columns: Any) -> dict[str, Any]:
    """A row with one question and one answer."""
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": messages, **columns}


def chats(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Different rows, the same ones every time."""
    return [
        chat(f"What is {number}?", f"It is {number}.") for number in range(start, start + count)
    ]


def lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as a JSONL file."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


class FakeSource:
    """Rows from memory. Counts how often it was read, and remembers what it was asked for."""

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        revision: str = "fake:1",
        uri: str = "fake://rows",
        name: str = "rows.jsonl",
    ) -> None:
        self.rows = rows
        self.uri, self.name = uri, name
        self.revision = revision
        self.times_read = 0
        self.recipes: list[DatasetRecipe] = []

    def find(self, recipe: DatasetRecipe) -> FoundSource:
        self.recipes.append(recipe)
        record = SourceRecord(uri=self.uri, revision=self.revision, files=(self.name,))
        return FoundSource(record, len(lines(self.rows)), self._read)

    def _read(self) -> Any:
        self.times_read += 1
        encoded = [msgspec.json.encode(row) for row in self.rows]
        for first in range(0, len(encoded), 1000):
            end = first + 1000
            bytes_read = sum(len(row) + 1 for row in encoded[:end])
            yield RowBatch(self.name, "line", first + 1, encoded[first:end], bytes_read)


def step(number: int, total: int, loss: float | None, **values: Any) -> Step:
    """One step of a training."""
    told: dict[str, Any] = {
        "step": number,
        "total_steps": total,
        "epoch": 0,
        "loss": loss,
        "learning_rate": 1e-4,
        "grad_norm": 1.0,
        "rows": 8,
        "tokens": 800,
        "tokens_per_second": 4_000.0,
        "peak_memory_gb": 0.5,
    }
    return Step(**told | values)


def certificate(leak: float = 1e-5, **values: Any) -> Certificate:
    """OSFT's certificate of a model with one constrained matrix."""
    told: dict[str, Any] = {
        "name": "layers.0.q_proj.weight",
        "leak_left": leak,
        "leak_right": leak / 2,
        "update": 0.01,
        "rank": 16,
        "free_rank": 16,
        "rounding": 0.02,
    }
    return Certificate(
        matrices=(MatrixLeak(**told | values),),
        constrained_parameters=900,
        unconstrained_parameters=100,
        frozen_parameters=0,
        dtype="float32",
    )


class FakeTrainer:
    """Trains nothing, in no time: passes on the losses it was given and writes a model's files.

    `fails` is raised after the steps. Counts how often it trained, and remembers the jobs.
    """

    def __init__(
        self,
        losses: Sequence[float | None] = (4.0, 3.0, 2.0, 1.0),
        fails: BaseException | None = None,
        **outcome: Any,
    ) -> None:
        self.losses, self.fails, self._told = losses, fails, outcome
        self.jobs: list[TrainingJob] = []
        self.installed = {"training-hub": "0.11.2"}

    def versions(self) -> dict[str, str]:
        return self.installed

    def train(self, job: TrainingJob, watch: TrainingWatch) -> TrainingOutcome:
        self.jobs.append(job)
        watch.say("training begins")
        for number, loss in enumerate(self.losses, start=1):
            watch.step(step(number, len(self.losses), loss))
        if self.fails:
            raise self.fails
        return self._write(job)

    def _write(self, job: TrainingJob) -> TrainingOutcome:
        run = Path(job.directory)
        model = run / "hf_format/samples_32"
        model.mkdir(parents=True)
        (model / "config.json").write_text('{"architectures": ["Qwen2ForCausalLM"]}')
        (model / "model.safetensors").write_bytes(b"weights of " + job.algorithm.encode())
        (run / STEPS_FILE).write_bytes(b"steps")
        (run / "rubbish").write_text("left by the trainer")
        steps, rows = len(self.losses), job.train_rows
        told: dict[str, Any] = {
            "model": "hf_format/samples_32",
            "steps": steps,
            "expected_steps": steps,
            "rows": RowAccount(
                given=rows, trained=rows, too_short_or_long=0, over_gpu_limit=0, without_loss=0
            ),
            "backend": "fake",
            "device": "cpu",
            "world_size": 1,
            "attention": "sdpa",
            "versions": self.installed,
            "certificate": certificate() if job.algorithm == "osft" else None,
            "seconds": 2.0,
        }
        return TrainingOutcome(**told | self._told)


FINDINGS = ModelFindings(
    architecture="TinyForCausalLM",
    parameters=64,
    dtype="bfloat16",
    size_bytes=128,
    has_chat_template=True,
)


class FakeModelSource:
    """A model that is a directory already. Counts how often it was fetched."""

    def __init__(
        self, directory: Path, revision: str = "fake:1", uri: str = "fake://model"
    ) -> None:
        self.directory, self.revision, self.uri = directory, revision, uri
        self.times_fetched = 0
        self.recipes: list[BaseModelRecipe] = []

    def find(self, recipe: BaseModelRecipe) -> FoundModel:
        self.recipes.append(recipe)
        return FoundModel(self.uri, self.revision, self._fetch)

    def _fetch(self, _: Any) -> Path:
        self.times_fetched += 1
        return self.directory


class FakeInspector:
    """Finds what it is told to. Remembers where it looked."""

    def __init__(self, findings: ModelFindings = FINDINGS) -> None:
        self.findings = findings
        self.directories: list[Path] = []

    def inspect(self, directory: Path) -> ModelFindings:
        self.directories.append(directory)
        return self.findings


class FakeEvaluator:
    """Asks nobody: `right` says which share of 100 documents a task's base and tuned model answer.

    Counts how often it was asked, and remembers the jobs.
    """

    DOCUMENTS = 100

    def __init__(
        self,
        right: Mapping[str, tuple[float, float]] | None = None,
        fails: BaseException | None = None,
    ) -> None:
        self.right = {"holdout": (0.1, 0.9)} | dict(right or {})
        self.fails = fails
        self.jobs: list[EvaluationJob] = []

    def evaluate(self, job: EvaluationJob, say: Callable[[str], None]) -> EvaluationOutcome:
        self.jobs.append(job)
        say(f"{OWN_PREFIX}asking {job.model_path}")
        if self.fails:
            raise self.fails
        kinds: dict[str, TaskKind] = {rows.name: rows.kind for rows in job.rows}
        kinds |= {name: "benchmark" for name in job.recipe["tasks"]}
        directories = {name: self._write(name, kind, job) for name, kind in kinds.items()}
        return EvaluationOutcome(
            directories={name: str(place) for name, place in directories.items()},
            reused=(),
            backend="fake",
            device="cpu",
            versions={"lm-eval": "0.4.13"},
            seconds=1.0,
        )

    def _write(self, name: str, kind: TaskKind, job: EvaluationJob) -> Path:
        share = self.right.get(name, (0.8, 0.8))[_is_of_this_pipeline(job)]
        metric = "acc" if kind == "benchmark" else "exact_match"
        marks = [float(number < share * self.DOCUMENTS) for number in range(self.DOCUMENTS)]
        values: dict[str, list[float]] = {metric: marks}
        if kind != "benchmark":
            values["bits_per_byte"] = [1.0 - 0.5 * mark for mark in marks]
        place = Path(job.scores_path) / f"{name.replace(':', '-')}-{job.recipe['limit']}"
        place.mkdir(parents=True, exist_ok=True)
        lines_of_documents = [
            DocumentScore(
                document=str(number),
                cluster=str(number),
                metrics={f"{key},none": (found[number], 1.0) for key, found in values.items()},
            ).model_dump_json()
            for number in range(self.DOCUMENTS)
        ]
        (place / DOCUMENTS_FILE).write_text("\n".join(lines_of_documents) + "\n")
        scores = TaskScores(
            name=name,
            kind=kind,
            fingerprint=fingerprint({"task": name, "limit": job.recipe["limit"]}),
            model_fingerprint=job.model_fingerprint,
            scores=tuple(self._score(name, key, found) for key, found in values.items()),
            prompt_hashes={},
            seconds=0.5,
        )
        (place / SCORES_FILE).write_text(scores.model_dump_json())
        return place

    def _score(self, name: str, metric: str, values: Sequence[float]) -> Score:
        return Score(
            task=name,
            metric=metric,
            filter="none",
            value=fmean(values),
            stderr=stdev(values) / len(values) ** 0.5,
            n=len(values),
            higher_is_better=metric != "bits_per_byte",
            version="1",
            shots=0,
        )


class FakePrompter:
    """Every model repeats the question, with its number. Remembers the jobs."""

    def __init__(self) -> None:
        self.jobs: list[PromptJob] = []

    def answer(self, job: PromptJob) -> PromptOutcome:
        self.jobs.append(job)
        answers = tuple(
            tuple(f"model {number}: {chat[-1]['content']}" for chat in job.conversations)
            for number, _ in enumerate(job.model_paths, start=1)
        )
        return PromptOutcome(answers=answers, device="cpu")


class FakeModelStore:
    """Copies nothing. Remembers which files each address got."""

    def __init__(self) -> None:
        self.published: dict[str, list[str]] = {}

    def publish(self, directory: Path, target: str, name: str, say: Callable[[str], None]) -> str:
        uri = f"{target}/{name}"
        self.published[uri] = sorted(path.name for path in directory.iterdir())
        say(f"copied to {uri}")
        return uri


class FakeRegistry:
    """Models in memory. `fails` is raised by whatever is asked. Remembers the registrations."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.fails = fails
        self.models: dict[tuple[str, str], RegisteredModel] = {}
        self.registrations: list[Registration] = []

    def register(
        self, recipe: RegistryRecipe, registration: Registration, say: Callable[[str], None]
    ) -> RegisteredVersion:
        self._fail()
        self.registrations.append(registration)
        there = self._model(str(recipe.server or LOCAL_REGISTRY), registration.name)
        taken = {one.version: str(one.properties[FINGERPRINT_PROPERTY]) for one in there.versions}
        asked = registration.version
        version = choose_version(registration.name, asked, registration.fingerprint, taken)
        created = version not in taken
        if created:
            there = self._add(there, version, registration)
        say(f"registered {there.name} {version}" if created else "registered before")
        found = next(one for one in there.versions if one.version == version)
        return RegisteredVersion(
            registry=there.registry,
            name=there.name,
            version=version,
            model_id=there.model_id,
            version_id=found.version_id,
            artifact_id=found.version_id,
            uri=found.uri,
            fingerprint=registration.fingerprint,
            created=created,
        )

    def read(self, recipe: RegistryRecipe, name: str) -> RegisteredModel | None:
        self._fail()
        return self.models.get(_place(recipe, name))

    def amend(self, recipe: RegistryRecipe, name: str, change: Change) -> RegisteredModel:
        self._fail()
        there = self.models[_place(recipe, name)]
        return self._keep(there, properties={**there.properties, **change(there)})

    def _fail(self) -> None:
        if self.fails:
            raise self.fails

    def _model(self, registry: str, name: str) -> RegisteredModel:
        new = RegisteredModel(
            registry=registry,
            name=name,
            model_id=str(len(self.models) + 1),
            state="LIVE",
            properties={},
            versions=(),
        )
        return self.models.setdefault((registry, name), new)

    def _add(self, model: RegisteredModel, version: str, told: Registration) -> RegisteredModel:
        listing = VersionListing(
            version=version,
            version_id=str(len(model.versions) + 1),
            state="LIVE",
            author=told.author,
            uri=told.uri,
            created_ms=1_000 * len(model.versions),
            properties=told.properties | {FINGERPRINT_PROPERTY: told.fingerprint},
        )
        return self._keep(model, versions=(*model.versions, listing))

    def _keep(self, model: RegisteredModel, **values: Any) -> RegisteredModel:
        changed = model.model_copy(update=values)
        self.models[model.registry, model.name] = changed
        return changed


def _place(recipe: RegistryRecipe, name: str) -> tuple[str, str]:
    return str(recipe.server or LOCAL_REGISTRY), name


def _is_of_this_pipeline(job: EvaluationJob) -> bool:
    """Whether the model is the tuned one: a base can be another pipeline's checkpoint."""
    own = [rows.path for rows in job.rows if rows.kind == "holdout"]
    home = Path(own[0]).parents[2] if own else Path(job.workspace)
    return "checkpoints" in job.model_path and Path(job.model_path).is_relative_to(home)


class FakeFailureHook:
    """Remembers what it was told. `fails` is raised instead."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.fails = fails
        self.told: list[FailedRun] = []

    def tell(self, run: FailedRun) -> None:
        if self.fails:
            raise self.fails
        self.told.append(run)


def fake_resources(workspace: Workspace, **real: Any) -> dict[str, Any]:
    """What a pipeline needs, fake but for its records; `real` replaces some."""
    fakes = {
        "workspace": workspace,
        "dataset_source": FakeSource(chats(50)),
        "model_source": FakeModelSource(workspace.root),
        "model_inspector": FakeInspector(),
        "trainer": FakeTrainer(),
        "evaluator": FakeEvaluator(),
        "prompter": FakePrompter(),
        "model_registry": FakeRegistry(),
        "model_store": FakeModelStore(),
        "failure_hook": FakeFailureHook(),
        "git_commit": "c0ffee",
        "io_manager": RecordIOManager(workspace),
    }
    return fakes | real


_: type[DatasetSource] = FakeSource
_model_source: type[ModelSource] = FakeModelSource
_model_inspector: type[ModelInspector] = FakeInspector
__: type[Trainer] = FakeTrainer
_evaluator: type[Evaluator] = FakeEvaluator
_model_registry: type[ModelRegistry] = FakeRegistry
_model_store: type[ModelStore] = FakeModelStore
_prompter: type[Prompter] = FakePrompter
_failure_hook: type[FailureHook] = FakeFailureHook
