"""What a model scores that only guesses, where that is known: in multiple choice.

Which tasks are left out of an average because of it is `core.forgetting_arithmetic`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_OF_CHOICES = frozenset({"acc", "acc_norm", "acc_bytes"})
Samples = Sequence[Mapping[str, Any]]


def chance_of(
    metric: str,
    samples: Mapping[str, Samples],
    tasks: Mapping[str, Any],
    weights: Mapping[str, float],
) -> float | None:
    """The mean over the questions of all these tasks; `weights`: what a question of a task counts.

    None where a task is no multiple choice, or the metric no share of right choices.
    """
    if metric not in _OF_CHOICES or any(t.OUTPUT_TYPE != "multiple_choice" for t in tasks.values()):
        return None
    total = weight = 0.0
    for name, task in tasks.items():
        shares = [_share_of_right(task, sample) for sample in samples[name]]
        total += weights[name] * sum(shares)
        weight += weights[name] * len(shares)
    return total / weight if weight else None


def _share_of_right(task: Any, sample: Mapping[str, Any]) -> float:
    right = sample["target"]
    return (len(right) if isinstance(right, list) else 1) / len(task.doc_to_choice(sample["doc"]))
