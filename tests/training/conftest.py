"""Each run is a worker and its trainer, some 16 seconds of imports: many tests look at each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.nodes import GLOO_WORKER, train_on_two
from tests.training.runs import Run, Tiny, chats, make_job, make_tiny, train, write_rows

Trained = Callable[..., Run]
Pods = tuple[Run, Run]
_FSDP1_SETTINGS = {"num_epochs": 1, "validation_frequency": 3}


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


@pytest.fixture(scope="session")
def fsdp2_settings(documents: Path) -> dict[str, Any]:
    """Strict OSFT on documents, as two processes train it."""
    return {
        **{"rows": documents, "kind": "documents", "is_pretraining": True, "block_size": 64},
        **{"freeze_unconstrained": True, "num_epochs": 1},
    }


@pytest.fixture(scope="session")
def fsdp2(trained: Trained, fsdp2_settings: dict[str, Any]) -> Run:
    """OSFT in two processes of one pod."""
    return trained("osft", *GLOO_WORKER, gpu=2, asked=("gpu",), **fsdp2_settings)


@pytest.fixture(scope="session")
def fsdp1(trained: Trained) -> Run:
    """SFT in two processes of one pod."""
    more = {**_FSDP1_SETTINGS, "checkpoint_at_epoch": False}
    return trained("sft", *GLOO_WORKER, gpu=2, asked=("gpu",), **more)


@pytest.fixture(scope="session")
def osft_pods(
    tiny: Tiny, tmp_path_factory: pytest.TempPathFactory, fsdp2_settings: dict[str, Any]
) -> Pods:
    """The same OSFT in two pods of one process each."""
    directory = tmp_path_factory.mktemp("osft") / "run"
    more = {**fsdp2_settings, "is_spread": True, "workers": 2}
    return train_on_two(make_job(tiny, directory, "osft", **more))


@pytest.fixture(scope="session")
def sft_pods(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Pods:
    """The same SFT in two pods of one process each; with the full state of its epoch."""
    directory = tmp_path_factory.mktemp("sft") / "run"
    full = {"accelerate_full_state_at_epoch": True, "checkpoint_at_epoch": True}
    more = {**_FSDP1_SETTINGS, **full, "is_spread": True, "workers": 2}
    return train_on_two(make_job(tiny, directory, "sft", **more))
