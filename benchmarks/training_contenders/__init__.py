"""Programs that do the same training: `python -m benchmarks.training_contenders.NAME WORK.json`.

Each prints one JSON object: the steps it made, the loss of the last, and how fast they were.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from osft_assets.core.training_steps import Step

DEMO = Path(__file__).parents[2] / "osft_assets/defs/demo"
_SMALL = {
    "effective_batch_size": 16,
    "learning_rate": 2e-3,
    "max_seq_len": 256,
    "max_tokens_per_gpu": 1024,
}


@dataclass(frozen=True)
class Work:
    """What both have to do."""

    algorithm: str
    directory: str
    num_epochs: int
    model: str
    rows: str
    settings: dict[str, Any]

    def write(self, path: Path) -> Path:
        """As the programs read it."""
        path.write_text(json.dumps(asdict(self)))
        return path


def demo_work(algorithm: str, directory: str, num_epochs: int) -> Work:
    """The demo's model and rows, on any machine."""
    own = {"unfreeze_rank_ratio": 0.5} if algorithm == "osft" else {}
    return Work(
        algorithm=algorithm,
        directory=directory,
        num_epochs=num_epochs,
        model=str(DEMO / "model"),
        rows=str(DEMO / "new_facts.jsonl"),
        settings=_SMALL | own,
    )


def read_work(path: str) -> Work:
    """What `Work.write` wrote."""
    return Work(**json.loads(Path(path).read_text()))


def figures(steps: Sequence[Step]) -> str:
    """What a program prints. The first steps pay for warming up."""
    later = steps[len(steps) // 4 :]
    return json.dumps(
        {
            "steps": len(steps),
            "loss": steps[-1].loss,
            "tokens_per_second": fmean(step.tokens_per_second or 0.0 for step in later),
            "tokens_per_step": fmean(step.tokens for step in later),
            "peak_memory_gb": max(step.peak_memory_gb or 0.0 for step in steps),
        }
    )
