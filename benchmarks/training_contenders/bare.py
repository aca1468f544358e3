"""One call of Training Hub, and nothing else: no verification, no record, no check.

Without CUDA Training Hub has no backend that runs, so ours for the CPU is registered first, and
measures the certificate too.
"""

import contextlib
import os
import random
import sys
from pathlib import Path
from typing import Any

from benchmarks.training_contenders import Work, figures, read_work
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.training_job import JOB_VARIABLE, TrainingJob
from osft_assets.core.training_steps import METRIC_FILES, StepReader
from osft_assets.core.worker import JOB_FILE

_PATTERNS = [f"self_attn.{name}_proj" for name in "qkvo"]
_PATTERNS += [f"mlp.{name}_proj" for name in ("gate", "up", "down")]


def main(work: Work) -> None:
    """Train, with what it prints out of the way."""
    with contextlib.redirect_stdout(sys.stderr):
        _train(work)
    lines = (Path(work.directory) / METRIC_FILES[work.algorithm]).read_text().splitlines()
    print(figures(StepReader(work.algorithm, work.num_epochs).read(lines)))


def _train(work: Work) -> None:
    import torch
    import training_hub

    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    train = training_hub.osft if work.algorithm == "osft" else training_hub.sft
    if torch.cuda.is_available():
        os.environ["TESTING"] = "true"  # SDPA, as ours without flash-attn
        train(**_arguments(work))
    else:
        _train_on_cpu(work, train)


def _train_on_cpu(work: Work, train: Any) -> None:
    from resources.training_backends import our_entries, register_cpu_backends
    from resources.training_environment import prepare_for_cpu

    prepare_for_cpu(os.environ, parameters=1_000_000)
    os.environ[JOB_VARIABLE] = str(_write_job(work))
    register_cpu_backends()
    names = {"osft": "mini-trainer-cpu", "sft": "instructlab-training-cpu"}
    with our_entries(work.algorithm, (), on_cpu=True, before_launch=lambda: None):
        train(**_arguments(work), backend=names[work.algorithm])


def _write_job(work: Work) -> Path:
    """What our entries read; without CUDA there is nothing else that would train."""
    pipeline = PipelineRecipe(
        name="bare",
        algorithm=work.algorithm,
        train={**work.settings, "num_epochs": work.num_epochs},
    )
    model = ModelRecord(
        uri=work.model,
        revision="",
        path=work.model,
        fingerprint="",
        architecture="",
        parameters=0,
        dtype="",
        size_bytes=0,
        has_chat_template=True,
    )
    job = TrainingJob(
        algorithm=pipeline.algorithm,
        directory=work.directory,
        rows_directory=work.directory,
        model=model,
        train_path=work.rows,
        train_rows=0,
        holdout_path="",
        holdout_rows=0,
        kind="messages",
        recipe=pipeline.train.model_dump(),
    )
    path = Path(work.directory) / JOB_FILE
    path.write_text(job.model_dump_json())
    return path


def _arguments(work: Work) -> dict[str, Any]:
    own: dict[str, Any] = {"disable_flash_attn": True, "accelerate_full_state_at_epoch": False}
    if work.algorithm == "osft":
        own = {"target_patterns": _PATTERNS, "seed": 42, "use_liger": False}
    return {
        "model_path": work.model,
        "data_path": str(_rows(work)),
        "ckpt_output_dir": work.directory,
        "num_epochs": work.num_epochs,
        **work.settings,
        **own,
    }


def _rows(work: Work) -> Path:
    """As many rows as our dataset stage puts on the training side."""
    lines = sorted(set(Path(work.rows).read_text().splitlines()))
    random.Random(0).shuffle(lines)
    path = Path(work.directory) / "rows.jsonl"
    path.write_text("\n".join(lines[: round(0.9 * len(lines))]) + "\n")
    return path


if __name__ == "__main__":
    main(read_work(sys.argv[1]))
