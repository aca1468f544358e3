"""One call of Training Hub, and nothing else: no verification, no certificate read, no record.

Without CUDA Training Hub has no backend that runs, so ours for the CPU are registered first.
"""

import contextlib
import json
import os
import random
import sys
from pathlib import Path

from benchmarks.training_contenders import DEMO, SETTINGS, UNFREEZE
from osft_assets.core.training_steps import METRIC_FILES, StepReader


def main(algorithm: str, epochs: int, directory: Path) -> None:
    """Train, with what it prints out of the way."""
    rows = _rows(directory)
    with contextlib.redirect_stdout(sys.stderr):
        _train(algorithm, epochs, directory, rows)
    lines = (directory / METRIC_FILES[algorithm]).read_text().splitlines()
    steps = StepReader(algorithm, epochs).read(lines)
    print(json.dumps({"steps": len(steps), "loss": steps[-1].loss}))


def _rows(directory: Path) -> Path:
    """As many rows as our dataset stage puts on the training side."""
    lines = sorted(set((DEMO / "new_facts.jsonl").read_text().splitlines()))
    random.Random(0).shuffle(lines)
    path = directory / "rows.jsonl"
    path.write_text("\n".join(lines[:180]) + "\n")
    return path


def _train(algorithm: str, epochs: int, directory: Path, rows: Path) -> None:
    import torch
    import training_hub

    from resources.training_backends import our_entries, register_cpu_backends
    from resources.training_environment import prepare_for_cpu

    on_cpu = not torch.cuda.is_available()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    arguments = {
        "model_path": str(DEMO / "model"),
        "data_path": str(rows),
        "ckpt_output_dir": str(directory),
        "num_epochs": epochs,
        **SETTINGS,
    }
    if algorithm == "osft":
        patterns = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"]
        patterns += ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
        arguments |= {"unfreeze_rank_ratio": UNFREEZE, "target_patterns": patterns, "seed": 42}
    else:
        arguments |= {"disable_flash_attn": True, "accelerate_full_state_at_epoch": False}
    train = training_hub.osft if algorithm == "osft" else training_hub.sft
    if not on_cpu:
        train(**arguments)
        return
    prepare_for_cpu(os.environ, parameters=1_000_000)
    register_cpu_backends()
    names = {"osft": "mini-trainer-cpu", "sft": "instructlab-training-cpu"}
    with our_entries(algorithm, (), on_cpu=True, before_launch=lambda: None):
        train(**arguments, backend=names[algorithm])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
