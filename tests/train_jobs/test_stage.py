"""The training stage with a TrainJob below it: one checkpoint, and nothing left beside it."""

import os
from typing import Any

from osft_assets.core.checkpoint import is_whole
from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.core.training_inputs import TrainingInputs
from osft_assets.core.training_job import STEPS_FILE
from osft_assets.core.worker import LEASE_FILE
from resources.train_job_trainer import TrainJobTrainer
from tests.core.test_training import run
from tests.core.training_parts import BASE, inputs, split
from tests.train_jobs.training import RUN_ID, Training


def given(training: Training) -> TrainingInputs:
    """A training whose model and rows are in the workspace."""
    root = training.workspace.root
    told: dict[str, Any] = {
        "base_model": BASE.model_copy(update={"path": str(root / "models/tiny")}),
        "train": split(path=str(root / "rows/train.jsonl")),
        "holdout": split("holdout", path=str(root / "rows/eval.jsonl")),
    }
    pod = PodRecipe(workers=2)
    return inputs(**told, pod=pod, asked=("workers",), run_id=RUN_ID)


def ends_well(training: Training) -> None:
    training.writes_outcome()
    (training.directory / "hf_format/samples_32/model.safetensors").write_bytes(b"weights")
    (training.directory / STEPS_FILE).write_bytes(b"steps")
    training.writes_steps(1, 2)
    training.api.condition("Complete")


def test_a_checkpoint_of_a_train_job_is_as_any_other(training: Training) -> None:
    training.plan(training.api.add_pods, lambda: ends_well(training))
    trainer = TrainJobTrainer(
        training.workspace, training.here, training.place, training.clock.pace()
    )
    said: list[str] = []

    made = run(training.workspace, trainer, given(training), said)

    assert is_whole(made.directory)
    assert made.version.summary.steps == 2
    assert any(line.startswith("Created the TrainJob osft-lessons-") for line in said)
    assert list((training.workspace.root / "train_jobs").iterdir()) == []
    assert not list(made.directory.rglob(LEASE_FILE))
    assert not list(made.directory.parent.glob(".writing-*"))


def test_a_second_run_uses_it_and_makes_no_train_job(training: Training) -> None:
    training.plan(training.api.add_pods, lambda: ends_well(training))
    trainer = TrainJobTrainer(
        training.workspace, training.here, training.place, training.clock.pace()
    )
    run(training.workspace, trainer, given(training))

    again = run(training.workspace, trainer, given(training))

    assert again.reused
    assert len(training.api.created) == 1


def test_the_lease_is_renewed_while_somebody_follows(training: Training) -> None:
    seen: list[bool] = []

    def look() -> None:
        lease = training.directory / LEASE_FILE
        seen.append(lease.stat().st_mtime > 1000)
        os.utime(lease, (1000, 1000))
        training.clock.seconds += 20

    training.plan(training.api.add_pods, *[look] * 5, training.completes)

    training.train()

    assert seen == [True] * 5
