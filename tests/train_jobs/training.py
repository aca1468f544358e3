"""One training as a TrainJob, with the test as its controller: each pause is a step of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from osft_assets.core.ports import TrainingWatch
from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from osft_assets.core.training_steps import METRIC_FILES, Step
from osft_assets.core.worker import OUTCOME_FILE, WorkerProblem, problem_file
from osft_assets.core.workspace import Workspace
from resources.train_job_pace import Pace
from resources.train_job_trainer import TrainJobTrainer
from tests.core.training_parts import BASE, osft_line, outcome
from tests.train_jobs.fake_api import NAMESPACE, FakeApi

RUN_ID = "0123abcd-4567-89ab-cdef-0123456789ab"
TOKEN = "hunter2-and-more"
PLACE = TrainJobPlace(always=False, in_pod=True, image="trainer:1", namespace=NAMESPACE)
_MOST_IDLE_LOOKS = 10_000


@dataclass
class Clock:
    """Time passes when somebody waits; the controller does one thing each time."""

    script: list[Callable[[], object]] = field(default_factory=list)
    seconds: float = 0.0
    idle: int = 0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def pause(self, seconds: float) -> None:
        self.seconds += seconds
        if self.script:
            self.script.pop(0)()
            return
        self.idle += 1
        if self.idle > _MOST_IDLE_LOOKS:
            raise AssertionError("the controller has nothing more to do, and the step still waits")

    def pace(self, **values: Any) -> Pace:
        told: dict[str, Any] = {"now": self.now, "clock": lambda: self.seconds}
        return Pace(pause=self.pause, **told | values)


class NobodyHere:
    """The trainer of this machine, which must not be asked to train."""

    def __init__(self) -> None:
        self.jobs: list[TrainingJob] = []

    def versions(self) -> dict[str, str]:
        return {"training-hub": "0.11.2"}

    def train(self, job: TrainingJob, watch: TrainingWatch) -> TrainingOutcome:  # noqa: ARG002
        self.jobs.append(job)
        return outcome(backend="here")


@dataclass
class Training:
    """What goes in, and what is heard of it."""

    workspace: Workspace
    api: FakeApi
    clock: Clock
    place: TrainJobPlace = PLACE
    here: NobodyHere = field(default_factory=NobodyHere)
    lines: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    on_line: Callable[[str], object] = lambda _: None
    on_step: Callable[[Step], object] = lambda _: None

    def job(self, pod: PodRecipe | None = None, **values: Any) -> TrainingJob:
        draft = self.workspace.root / "lessons" / "draft" / "run"
        draft.mkdir(parents=True, exist_ok=True)
        pod = pod or PodRecipe(workers=2)
        limits = {"stall_timeout_minutes": 0.0, "timeout_minutes": 0.0}
        told: dict[str, Any] = {
            "algorithm": "osft",
            "directory": str(draft),
            "rows_directory": str(draft / "rows"),
            "model": BASE.model_copy(update={"path": str(self.workspace.root / "models/tiny")}),
            "train_path": str(self.workspace.root / "rows/train.jsonl"),
            "train_rows": 8,
            "holdout_path": "",
            "holdout_rows": 0,
            "kind": "messages",
            "recipe": {"num_epochs": 1, **limits, **values.pop("limits", {})},
            "gpu": pod.gpu,
            "workers": pod.workers,
            "num_procs": pod.num_procs,
            "env_vars": pod.env_vars,
            "run_id": RUN_ID,
            "pipeline": "lessons",
            "fingerprint": "feed" * 8,
            "versions": {"training-hub": "0.11.2"},
            "pod": pod.model_dump(),
        }
        return TrainingJob(**told | values)

    def train(self, job: TrainingJob | None = None, **pace: Any) -> TrainingOutcome:
        trainer = TrainJobTrainer(self.workspace, self.here, self.place, self.clock.pace(**pace))
        return trainer.train(job or self.job(), TrainingWatch(self._say, self._step))

    def _say(self, line: str) -> None:
        self.lines.append(line)
        self.on_line(line)

    def _step(self, step: Step) -> None:
        self.steps.append(step)
        self.on_step(step)

    @property
    def directory(self) -> Path:
        """Where it trains, while there is one."""
        return self.workspace.root / "train_jobs" / self.api.name

    def plan(self, *script: Callable[[], object]) -> None:
        """What the controller does, one thing a look."""
        self.clock.script.extend(script)

    # What the nodes do

    def writes_steps(self, *numbers: int) -> None:
        with (self.directory / METRIC_FILES["osft"]).open("a") as stream:
            stream.writelines(f"{osft_line(number)}\n" for number in numbers)

    def writes_outcome(self) -> None:
        model = self.directory / "hf_format" / "samples_32"
        model.mkdir(parents=True, exist_ok=True)
        (model / "config.json").write_text("{}")
        (self.directory / OUTCOME_FILE).write_text(outcome().model_dump_json())

    def writes_problem(self, message: str, rank: int = 0, **values: Any) -> None:
        told = WorkerProblem(message=message, **values)
        (self.directory / problem_file(rank)).write_text(told.model_dump_json())

    def completes(self) -> None:
        self.writes_outcome()
        for rank in range(2):
            self.api.end_pod(rank, 0, "Completed")
        self.api.condition("Complete")

    @property
    def words(self) -> str:
        """All that was said."""
        return "\n".join(self.lines)
