"""What one document adds to a metric, and which documents hang together."""

import math
from collections.abc import Mapping
from typing import Any

from resources.row_tasks import ratio

_LN2 = math.log(2)


def cluster_of(task: str, sample: Mapping[str, Any]) -> str:
    """The turns of one conversation hang together; other documents stand for themselves."""
    row = sample["doc"].get("row") if isinstance(sample["doc"], Mapping) else None
    is_turn = row is not None and "turn" in sample["doc"]
    return f"{task}/row {row}" if is_turn else f"{task}/{sample['doc_id']}"


def added_by(adder: Any, value: Any) -> tuple[float, float] | None:
    """What one document adds, and its weight, where the metric is a mean or a ratio."""
    from lm_eval.api.metrics import bits_per_byte, mean

    if adder is mean and isinstance(value, int | float):
        return float(value), 1.0
    if adder is ratio:
        return float(value[0]), float(value[1])
    if adder is bits_per_byte:
        return -float(value[0]) / _LN2, float(value[1])
    return None
