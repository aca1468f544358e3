"""The training stage: a checkpoint is made once, whole, and `final_model` leads to the newest."""

import errno
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.checkpoint import is_whole, read_version
from osft_assets.core.checkpoint_lineage import LINEAGE_FILE
from osft_assets.core.errors import ConfigError, TrainingError, WorkspaceError
from osft_assets.core.ports import Trainer, TrainingWatch
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.training import Listener, TrainedCheckpoint, TrainingStage
from osft_assets.core.training_inputs import TrainingInputs
from osft_assets.core.training_job import STEPS_FILE, TrainingJob, TrainingOutcome
from osft_assets.core.training_progress import Observation
from osft_assets.core.workspace import Workspace
from tests.core.training_parts import BASE, inputs, split
from tests.fakes import FINDINGS, FakeInspector, FakeTrainer

_ROOT = Path(__file__).parents[2]
_RUN_WITHOUT_ROOM = """
import resource, signal, sys
from pathlib import Path
from osft_assets.core.errors import WorkspaceError
from osft_assets.core.workspace import Workspace
from tests.core.test_training import run
from tests.fakes import FakeTrainer

class Chatty(FakeTrainer):
    def train(self, job, watch):
        for _ in range(100):
            watch.say("x" * 1_000)
        return super().train(job, watch)

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))
try:
    run(Workspace(Path(sys.argv[1])), Chatty())
except WorkspaceError as problem:
    print(problem)
"""
_OSFT_FILES = {"model", STEPS_FILE, "training.log", "loss_chart.html", "checkpoint.json"}


def run(
    workspace: Workspace,
    trainer: Trainer | None = None,
    given: TrainingInputs | None = None,
    said: list[str] | None = None,
    observed: list[Observation] | None = None,
) -> TrainedCheckpoint:
    given = given or inputs()
    algorithm = "sft" if isinstance(given.recipe, SftRecipe) else "osft"
    pipeline = PipelineRecipe(name="lessons", algorithm=algorithm, train=given.recipe)
    stage = TrainingStage(pipeline, workspace, trainer or FakeTrainer(), FakeInspector())
    listener = Listener(
        ([] if said is None else said).append, ([] if observed is None else observed).append
    )
    return stage.run(given, listener)


def rows(number: int) -> TrainingInputs:
    """Inputs that differ from each other in their rows."""
    return inputs(train=split(sha256=f"rows {number}"))


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} if directory.exists() else set()


def checkpoints(workspace: Workspace) -> set[str]:
    return names_in(workspace.root / "lessons/checkpoints")


def final_model(workspace: Workspace) -> Path:
    return (workspace.root / "lessons/final_model").resolve()


# Made once


def test_a_checkpoint_holds_the_model_the_steps_the_log_and_the_chart(workspace: Workspace) -> None:
    trained = run(workspace)

    assert names_in(trained.directory) == _OSFT_FILES
    assert names_in(trained.directory / "model") == {"config.json", "model.safetensors"}
    assert "training begins" in (trained.directory / "training.log").read_text()
    assert trained.version.fingerprint == trained.directory.name
    assert not trained.reused


def test_what_is_handed_on_is_what_is_on_disk(workspace: Workspace) -> None:
    trained = run(workspace)

    assert read_version(trained.directory) == trained.version
    assert is_whole(trained.directory)


def test_the_record_says_what_the_checkpoint_was_made_of(workspace: Workspace) -> None:
    version = run(workspace).version

    assert (version.pipeline, version.algorithm) == ("lessons", "osft")
    assert (version.base_model, version.train_uri) == (BASE, "fake://rows")
    assert version.recipe == OsftRecipe().model_dump()
    assert version.summary.final_loss == 1.0
    assert version.losses.train == ((1, 4.0), (2, 3.0), (3, 2.0), (4, 1.0))
    assert version.model.architecture == FINDINGS.architecture
    assert version.model.uri == "lessons/checkpoint"


def test_the_inspector_looks_at_the_trained_model(workspace: Workspace) -> None:
    inspector = FakeInspector()
    pipeline = PipelineRecipe(name="lessons")
    stage = TrainingStage(pipeline, workspace, FakeTrainer(), inspector)

    stage.run(inputs(), Listener(lambda _: None, lambda _: None))

    assert [path.name for path in inspector.directories] == ["model"]


def test_the_same_inputs_are_trained_once(workspace: Workspace) -> None:
    trainer, said = FakeTrainer(), list[str]()
    first = run(workspace, trainer)

    again = run(workspace, trainer, said=said)

    assert (again.directory, again.version) == (first.directory, first.version)
    assert again.reused
    assert len(trainer.jobs) == 1
    assert said == [f"Nothing changed since {first.directory.name} was trained: reused."]


@pytest.mark.parametrize(
    "given",
    [
        inputs(pod=PodRecipe(gpu=8)),
        inputs(recipe=OsftRecipe(timeout_minutes=5)),
        inputs(recipe=OsftRecipe(wandb_project="project")),
    ],
    ids=["pod", "time-out", "tracking"],
)
def test_what_decides_nothing_trains_nothing(workspace: Workspace, given: TrainingInputs) -> None:
    run(workspace)

    assert run(workspace, given=given).reused


@pytest.mark.parametrize(
    "given",
    [rows(2), inputs(recipe=OsftRecipe(seed=1)), inputs(recipe=SftRecipe())],
    ids=["rows", "recipe", "algorithm"],
)
def test_what_decides_the_model_trains_another_and_keeps_the_old(
    workspace: Workspace, given: TrainingInputs
) -> None:
    old = run(workspace)

    new = run(workspace, given=given)

    assert checkpoints(workspace) == {old.directory.name, new.directory.name}


def test_another_version_of_the_trainer_trains_anew(workspace: Workspace) -> None:
    trainer = FakeTrainer()
    run(workspace, trainer)

    trainer.installed = {"training-hub": "0.12.0"}

    assert not run(workspace, trainer).reused


def test_the_stable_link_leads_to_the_newest_model(workspace: Workspace) -> None:
    run(workspace, given=rows(1))
    newest = run(workspace, given=rows(2))

    assert final_model(workspace) == (newest.directory / "model").resolve()


def test_going_back_to_older_inputs_moves_the_link_back(workspace: Workspace) -> None:
    old = run(workspace, given=rows(1))
    run(workspace, given=rows(2))

    run(workspace, given=rows(1))

    assert final_model(workspace) == (old.directory / "model").resolve()


def test_epochs_and_full_states_are_kept_and_rubbish_is_not(workspace: Workspace) -> None:
    class WithEpochs(FakeTrainer):
        def train(self, job: TrainingJob, watch: TrainingWatch) -> TrainingOutcome:
            for name in ("hf_format/samples_8", "full_state/epoch_0"):
                (Path(job.directory) / name).mkdir(parents=True)
                (Path(job.directory) / name / "weights").write_text(name)
            return super().train(job, watch)

    trainer = WithEpochs(epochs=("hf_format/samples_8",), full_states=("full_state/epoch_0",))

    directory = run(workspace, trainer).directory

    assert names_in(directory) == _OSFT_FILES | {"epochs", "full_state"}
    assert (directory / "epochs/samples_8/weights").read_text() == "hf_format/samples_8"
    assert (directory / "full_state/epoch_0/weights").read_text() == "full_state/epoch_0"


def test_steps_are_observed_while_it_trains(workspace: Workspace) -> None:
    observed: list[Observation] = []

    run(workspace, FakeTrainer([3.0] * 1_000), observed=observed)

    assert len(observed) <= 90
    assert [o.step.step for o in (observed[0], observed[-1])] == [1, 1_000]


def test_rows_for_the_trainer_go_where_they_are_wanted(workspace: Workspace) -> None:
    trainer = FakeTrainer()

    run(workspace, trainer, inputs(recipe=OsftRecipe(data_output_dir="/dev/shm/rows")))

    assert trainer.jobs[0].rows_directory.startswith("/dev/shm/rows/")


# Failures


class Interrupted(BaseException):
    """What Dagster raises when a run is cancelled is not an Exception either."""


_FAILURES = [TrainingError("out of memory"), ConfigError("no GPU"), ValueError("a bug")]
_FAILURES_OF_ANY_KIND = [*_FAILURES, Interrupted(), KeyboardInterrupt()]
every_failure = pytest.mark.parametrize("problem", _FAILURES_OF_ANY_KIND, ids=repr)


@every_failure
def test_a_failure_leaves_no_checkpoint_and_no_link(
    workspace: Workspace, problem: BaseException
) -> None:
    with pytest.raises(type(problem)):
        run(workspace, FakeTrainer(fails=problem))

    assert checkpoints(workspace) == set()
    assert not (workspace.root / "lessons/final_model").is_symlink()


@every_failure
def test_a_failure_leaves_the_link_at_the_last_good_model(
    workspace: Workspace, problem: BaseException
) -> None:
    good = run(workspace, given=rows(1))

    with pytest.raises(type(problem)):
        run(workspace, FakeTrainer(fails=problem), rows(2))

    assert final_model(workspace) == (good.directory / "model").resolve()
    assert checkpoints(workspace) == {good.directory.name}


@every_failure
def test_a_retry_after_a_failure_starts_clean(workspace: Workspace, problem: BaseException) -> None:
    with pytest.raises(type(problem)):
        run(workspace, FakeTrainer(fails=problem))

    trained = run(workspace)

    assert not trained.reused
    assert is_whole(trained.directory)


@every_failure
def test_the_log_of_a_failure_is_kept(workspace: Workspace, problem: BaseException) -> None:
    with pytest.raises(type(problem)):
        run(workspace, FakeTrainer(fails=problem))

    [log] = (workspace.root / "lessons/logs").iterdir()
    assert "training begins" in log.read_text()


def test_the_log_of_a_failure_is_kept_when_the_retry_follows_at_once(workspace: Workspace) -> None:
    for _ in range(3):
        with pytest.raises(TrainingError):
            run(workspace, FakeTrainer(fails=TrainingError("out of memory")))

    assert len(names_in(workspace.root / "lessons/logs")) == 3


def test_an_error_names_the_log(workspace: Workspace) -> None:
    with pytest.raises(TrainingError) as problem:
        run(workspace, FakeTrainer(fails=TrainingError("out of memory")))

    found = re.fullmatch(r"out of memory\. All it printed is in (.*\.log)", str(problem.value))
    assert found
    assert "training begins" in Path(found[1]).read_text()


def test_a_training_that_diverges_is_stopped_and_leaves_nothing(workspace: Workspace) -> None:
    with pytest.raises(TrainingError, match=r"The loss is nan at step 2 of 3.*\.log"):
        run(workspace, FakeTrainer([1.0, float("nan"), 1.0]))

    assert checkpoints(workspace) == set()


def test_a_training_without_a_counted_token_leaves_nothing(workspace: Workspace) -> None:
    with pytest.raises(TrainingError, match="No step had a token to learn from"):
        run(workspace, FakeTrainer([None, None]))

    assert checkpoints(workspace) == set()


def test_the_newest_twenty_logs_are_kept(workspace: Workspace) -> None:
    logs = workspace.root / "lessons/logs"
    logs.mkdir(parents=True)
    for number in range(30):
        (logs / f"20200101T0000{number:02d}-old.log").write_text("old")

    run(workspace)

    assert len(names_in(logs)) == 20
    assert "20200101T000010-old.log" not in names_in(logs)


def test_a_directory_in_the_way_of_the_link_is_told_before_any_work(workspace: Workspace) -> None:
    (workspace.root / "lessons/final_model").mkdir(parents=True)
    trainer = FakeTrainer()

    with pytest.raises(WorkspaceError, match="final_model is in the way"):
        run(workspace, trainer)

    assert trainer.jobs == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_while_training_is_said_and_leaves_nothing(
    workspace: Workspace, number: int
) -> None:
    with pytest.raises(WorkspaceError, match=r"No room to write .*checkpoints: [\d.]+ GB are free"):
        run(workspace, FakeTrainer(fails=OSError(number, os.strerror(number))))

    assert checkpoints(workspace) == set()


def test_a_full_disk_while_the_checkpoint_is_written_is_said(workspace: Workspace) -> None:
    """A full disk, as far as one process is concerned: no file may grow beyond 64 KiB."""
    command = [sys.executable, "-c", _RUN_WITHOUT_ROOM, str(workspace.root)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True, cwd=_ROOT)

    assert re.match(r"No room to write .*checkpoints: [\d.]+ GB are free there", outcome.stdout)
    assert checkpoints(workspace) == set()
    assert not (workspace.root / "lessons/final_model").is_symlink()


# Damage


def lose_the_marker(directory: Path) -> None:
    (directory / "checkpoint.json").unlink()


def truncate_the_weights(directory: Path) -> None:
    (directory / "model/model.safetensors").write_bytes(b"wei")


def lose_the_model(directory: Path) -> None:
    shutil.rmtree(directory / "model")


every_damage = pytest.mark.parametrize(
    "damage", [lose_the_marker, truncate_the_weights, lose_the_model]
)


@every_damage
def test_a_damaged_checkpoint_is_trained_anew(
    workspace: Workspace, damage: Callable[[Path], None]
) -> None:
    trainer, said = FakeTrainer(), list[str]()
    first = run(workspace, trainer)
    damage(first.directory)

    again = run(workspace, trainer, said=said)

    assert again.directory == first.directory
    assert not again.reused
    assert is_whole(again.directory)
    assert len(trainer.jobs) == 2
    assert checkpoints(workspace) == {first.directory.name}
    told = f"{first.directory} is not as it was written: training it anew."
    assert said.count(told) == 1


@every_damage
def test_a_damaged_checkpoint_that_was_registered_is_not_replaced(
    workspace: Workspace, damage: Callable[[Path], None]
) -> None:
    trainer = FakeTrainer()
    directory = run(workspace, trainer).directory
    (directory / LINEAGE_FILE).write_text("{}")
    damage(directory)

    with pytest.raises(TrainingError, match="was registered, and is not as it was written"):
        run(workspace, trainer)

    assert len(trainer.jobs) == 1


@every_damage
def test_a_damaged_checkpoint_stays_until_the_new_one_is_there(
    workspace: Workspace, damage: Callable[[Path], None]
) -> None:
    directory = run(workspace).directory
    damage(directory)

    with pytest.raises(TrainingError):
        run(workspace, FakeTrainer(fails=TrainingError("out of memory")))

    assert (directory / "training.log").exists()


# Old ones


def test_only_so_many_checkpoints_are_kept(workspace: Workspace) -> None:
    said: list[str] = []
    made = [run(workspace, given=kept(number, 2), said=said).directory for number in range(4)]

    assert checkpoints(workspace) == {path.name for path in made[-2:]}
    assert said.count("Deleted 1 old checkpoints, 0.0 GB.") == 2


def test_with_keep_checkpoints_zero_all_are_kept(workspace: Workspace) -> None:
    for number in range(4):
        run(workspace, given=kept(number, 0))

    assert len(checkpoints(workspace)) == 4


def test_an_old_checkpoint_that_is_used_again_is_not_deleted(workspace: Workspace) -> None:
    oldest, *_ = [run(workspace, given=kept(number, 0)).directory for number in range(3)]

    assert run(workspace, given=kept(0, 1)).reused

    assert checkpoints(workspace) == {oldest.name}


def test_a_checkpoint_counts_as_new_when_it_is_used_again(workspace: Workspace) -> None:
    """Or a run that ends just now would delete it before any record names it."""
    reused, *_ = [run(workspace, given=kept(number, 0)).directory for number in range(3)]
    run(workspace, given=kept(0, 0))

    newest = run(workspace, given=kept(3, 2)).directory

    assert checkpoints(workspace) == {reused.name, newest.name}


def kept(number: int, keep: int) -> TrainingInputs:
    recipe = OsftRecipe(keep_checkpoints=keep)
    return inputs(recipe=recipe, train=split(sha256=f"rows {number}"))


# Several runs at once


class Together(FakeTrainer):
    """Two trainings that end at the same moment."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.barrier = threading.Barrier(2, timeout=20)

    def train(self, job: TrainingJob, watch: TrainingWatch) -> TrainingOutcome:
        outcome = super().train(job, watch)
        self.barrier.wait()
        return outcome


@pytest.mark.parametrize("damaged", [False, True])
def test_two_runs_of_the_same_inputs_end_with_one_whole_checkpoint(
    workspace: Workspace, damaged: bool
) -> None:
    if damaged:
        truncate_the_weights(run(workspace).directory)
    trainer = Together()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: run(workspace, trainer), range(2))

    assert len(trainer.jobs) == 2
    assert first.directory == second.directory
    assert is_whole(first.directory)
    assert names_in(first.directory.parent) == {first.directory.name}
    assert final_model(workspace) == (first.directory / "model").resolve()


def test_two_runs_at_once_have_a_log_each(workspace: Workspace) -> None:
    trainer = Together()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: run(workspace, trainer), range(2)))

    assert len(names_in(workspace.root / "lessons/logs")) == 2


def test_runs_that_delete_the_same_old_checkpoints_do_not_disturb_each_other(
    workspace: Workspace,
) -> None:
    for number in range(12):
        run(workspace, given=kept(number, 0))

    with ThreadPoolExecutor(4) as pool:
        trained = list(pool.map(lambda n: run(workspace, given=kept(n, 4)), range(12, 16)))

    # One that another run was deleting may have been left to the next.
    assert checkpoints(workspace) >= {one.directory.name for one in trained}
    assert all(is_whole(one.directory) for one in trained)

    last = run(workspace, given=kept(16, 4))

    assert len(checkpoints(workspace)) == 4
    assert is_whole(last.directory)
