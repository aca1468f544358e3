"""Programs that do the same training: `python -m benchmarks.training_contenders.NAME ALGORITHM
EPOCHS DIRECTORY`. Each prints one JSON object: the steps it made and the loss of the last.
"""

from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[2] / "osft_assets/defs/demo"
SETTINGS: dict[str, Any] = {
    "effective_batch_size": 32,
    "learning_rate": 5e-4,
    "max_seq_len": 512,
    "max_tokens_per_gpu": 4096,
}
UNFREEZE = 0.5
