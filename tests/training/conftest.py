"""Each run is a worker and its trainer, some 16 seconds of imports: many tests look at each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.runs import Run, Tiny, chats, make_job, make_tiny, train, write_rows

Trained = Callable[..., Run]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Below a directory named opt, as in RHOAI's image, which mini-trainer takes for OPT."""
    directory = tmp_path_factory.mktemp("tiny") / "opt"
    directory.mkdir()
    return make_tiny(directory / "model")


@pytest.fixture(scope="session")
def trained(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Trains in a directory of its own."""

    def run(algorithm: str, *command: str, **more: Any) -> Run:
        job = make_job(tiny, tmp_path_factory.mktemp(algorithm) / "run", algorithm, **more)
        return train(job, command) if command else train(job)

    return run


@pytest.fixture(scope="session")
def osft(trained: Trained) -> Run:
    """The defaults, with a checkpoint of every epoch."""
    return trained("osft", checkpoint_at_epoch=True, save_dtype="float32")


@pytest.fixture(scope="session")
def strict(trained: Trained) -> Run:
    """Strict OSFT, the best checkpoint of several."""
    return trained(
        "osft",
        freeze_unconstrained=True,
        validation_frequency=5,
        save_best_val_loss=True,
        lr_scheduler="constant_with_warmup",
        warmup_steps=2,
        learning_rate=2e-2,  # the projections alone learn slowly
    )


@pytest.fixture(scope="session")
def sft(trained: Trained) -> Run:
    """SFT on a schedule that Training Hub would drop; validated; only the last is saved."""
    return trained(
        "sft", checkpoint_at_epoch=False, validation_frequency=4, lr_scheduler="constant"
    )


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [row["messages"][1]["content"] for row in chats(96, seed=2)]
    path = tmp_path_factory.mktemp("documents") / "train.jsonl"
    return write_rows(path, [{"document": text} for text in texts])
