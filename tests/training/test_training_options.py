"""Options that get lost between Training Hub and the trainers have an effect."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.runs import Run, Tiny, make_job

pytestmark = pytest.mark.timeout(300)
_OSFT = {
    **{"batch-size": 16, "max-tokens-per-gpu": 1024, "learning-rate": 0.005, "seed": 42},
    **{"lr-scheduler": "linear", "max-epochs": 1, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8},
    **{"weight-decay": 0, "lr-scheduler-kwargs": "{}", "osft-unfreeze-rank-ratio": 0.25},
}
_SFT = {
    **{"effective_batch_size": 16, "max_batch_len": 1024, "learning_rate": 0.005, "seed": 42},
    **{"lr_scheduler": "cosine", "num_epochs": 1, "num_warmup_steps": 0, "save_samples": 0},
    **{"distributed_training_framework": "fsdp", "adamw_beta1": 0.9, "adamw_weight_decay": 0},
}


def _losses(
    algorithm: str, base: Run, tiny: Tiny, directory: Path, variations: list[dict[str, object]]
) -> list[list[float]]:
    job = make_job(tiny, directory, algorithm)
    path = directory / "job.json"
    path.write_text(job.model_dump_json())
    model, data = (
        ("model-name-or-path", "data-path")
        if algorithm == "osft"
        else (
            "model_name_or_path",
            "data_path",
        )
    )
    usual = _OSFT if algorithm == "osft" else _SFT
    switch = ["--osft"] if algorithm == "osft" else ["--disable_flash_attn"]
    paths = {model: tiny.model, data: base.directory / "rows/data.jsonl"}
    flags = [
        [*switch, *(f"--{name}={value}" for name, value in {**usual, **paths, **changed}.items())]
        for changed in variations
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.variations", algorithm, path, json.dumps(flags)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_DISABLE_JIT": "1"},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    losses: list[list[float]] = json.loads(done.stdout.splitlines()[-1])
    return losses


def test_the_options_of_osft_have_an_effect(osft: Run, tiny: Tiny, tmp_path: Path) -> None:
    changed: dict[str, object] = {
        **{"beta1": 0.5, "beta2": 0.5, "eps": 1e-3, "weight-decay": 0.9, "seed": 1},
        **{"lr-scheduler": "constant"},
    }
    usual, again, *others = _losses(
        "osft", osft, tiny, tmp_path, [{}, {}, *({name: value} for name, value in changed.items())]
    )

    assert usual == again
    for name, losses in zip(changed, others, strict=True):
        assert losses != usual, name


def test_the_options_of_sft_have_an_effect(osft: Run, tiny: Tiny, tmp_path: Path) -> None:
    changed: dict[str, object] = {
        **{"lr_scheduler": "constant", "seed": 1, "adamw_beta1": 0.5, "adamw_weight_decay": 0.9}
    }
    usual, again, *others = _losses(
        "sft", osft, tiny, tmp_path, [{}, {}, *({name: value} for name, value in changed.items())]
    )

    assert usual == again
    for name, losses in zip(changed, others, strict=True):
        assert losses != usual, name
