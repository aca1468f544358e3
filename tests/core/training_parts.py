"""What the tests of training share: the inputs of one, and the record of a finished one."""

import json
from pathlib import Path
from typing import Any

from osft_assets.core.checkpoint import MODEL, CheckpointVersion, model_files
from osft_assets.core.loss_charts import loss_curve
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.core.records import DatasetSplit, SourceRecord
from osft_assets.core.training_inputs import TrainingInputs
from osft_assets.core.training_job import RowAccount, TrainingOutcome
from osft_assets.core.training_progress import TrainingProgress
from tests.fakes import certificate, step

BASE = ModelRecord(
    uri="hf://tiny/model",
    revision="abc",
    path="/models/tiny",
    fingerprint="base 1",
    architecture="Qwen2ForCausalLM",
    parameters=1000,
    dtype="float32",
    size_bytes=4000,
    has_chat_template=True,
)
ROWS = RowAccount(given=8, trained=8, too_short_or_long=0, over_gpu_limit=0, without_loss=0)

# A line of each trainer's metric file.
OSFT_STEP = {
    **{"step": 1, "epoch": 0, "steps_per_epoch": 6, "lr": 0.005, "grad_norm": 1.5, "loss": 5.9},
    **{"num_samples": 16.0, "num_loss_counted_tokens": 300.0, "num_total_tokens": 671.0},
    **{"tokens_per_second": 9000.5, "peak_memory_usage_GB": 3.5, "val_loss": None},
    "timestamp": "2026-11-21T09:24:25.536317",
}
SFT_STEP = {
    **{"epoch": 1, "step": 7, "rank": 0, "overall_throughput": 100.0, "lr": 0.001},
    **{"cuda_mem_allocated": 2.0, "num_loss_counted_tokens": 365, "num_tokens_rank0": 832},
    **{"batch_size": 16, "avg_loss": 3.38, "gradnorm": None, "num_epoch_steps": 6},
}


def osft_line(number: int, **values: Any) -> str:
    """A step as mini-trainer writes it."""
    return json.dumps({**OSFT_STEP, "step": number, **values})


def sft_line(number: int, **values: Any) -> str:
    """A step as instructlab-training writes it."""
    return json.dumps({**SFT_STEP, "step": number, **values})


def split(side: Any = "train", **values: Any) -> DatasetSplit:
    """One side of a prepared dataset."""
    told: dict[str, Any] = {
        "side": side,
        "path": f"/rows/{side}.jsonl",
        "version_path": "/rows",
        "fingerprint": "rows 1",
        "source": SourceRecord(uri="fake://rows", revision="1", files=("rows.jsonl",)),
        "kind": "messages",
        "rows": 8,
        "size_bytes": 800,
        "sha256": f"content of {side}",
    }
    return DatasetSplit(**told | values)


def inputs(**values: Any) -> TrainingInputs:
    """Everything that one training starts from."""
    told: dict[str, Any] = {
        "recipe": OsftRecipe(),
        "pod": PodRecipe(),
        "asked": (),
        "base_model": BASE,
        "train": split(),
        "holdout": split("holdout"),
    }
    return TrainingInputs(**told | values)


def outcome(**values: Any) -> TrainingOutcome:
    """What a training of four steps answers."""
    told: dict[str, Any] = {
        "model": "hf_format/samples_32",
        "steps": 4,
        "expected_steps": 4,
        "rows": ROWS,
        "backend": "fake",
        "device": "cpu",
        "world_size": 1,
        "attention": "sdpa",
        "versions": {"training-hub": "0.11.2"},
        "certificate": certificate(),
    }
    return TrainingOutcome(**told | values)


def checkpoint(
    directory: Path, losses: tuple[float, ...] = (4.0, 3.0, 2.0, 1.0), **values: Any
) -> CheckpointVersion:
    """A model on disk and the record of its training, without the marker."""
    (directory / MODEL).mkdir(parents=True)
    (directory / MODEL / "config.json").write_text("{}")
    (directory / MODEL / "model.safetensors").write_bytes(b"weights")
    progress = TrainingProgress(0, lambda _: None)
    for number, loss in enumerate(losses, start=1):
        progress(step(number, len(losses), loss))
    told: dict[str, Any] = {
        "fingerprint": "f" * 32,
        "pipeline": "lessons",
        "algorithm": "osft",
        "recipe": {},
        "base_model": BASE,
        "train_sha256": "content of train",
        "train_uri": "fake://rows",
        "holdout_sha256": "content of holdout",
        "files": model_files(directory / MODEL),
        "outcome": outcome(),
        "summary": progress.summary(),
        "losses": loss_curve(progress.steps),
        "model": BASE.model_copy(update={"uri": "lessons/checkpoint", "path": MODEL}),
    }
    return CheckpointVersion(**told | values)
