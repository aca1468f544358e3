"""Steps of a training as they end: read from the trainers' own metric files, thinned out, judged.

mini-trainer writes one JSON object a step to `training_metrics_0.jsonl`; instructlab-training one
to `training_params_and_metrics_global0.jsonl`, after lines of settings and between lines of
validation. Both write bare NaN.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from osft_assets.core.errors import TrainingError

METRIC_FILES = {
    "osft": "training_metrics_0.jsonl",
    "sft": "training_params_and_metrics_global0.jsonl",
}
# What one run may put on the pages of Dagster: a plot asks for the last hundred events.
MOST_OBSERVATIONS = 90


@dataclass(frozen=True)
class Step:
    """One optimizer step. None is what the trainer does not tell."""

    step: int
    total_steps: int
    epoch: int
    loss: float | None  # None: no token of the batch counted, so there was nothing to learn
    learning_rate: float
    grad_norm: float | None
    rows: int
    tokens: int
    tokens_per_second: float | None
    peak_memory_gb: float | None
    validation_loss: float | None = None  # None: not measured after this step

    @property
    def is_last(self) -> bool:
        """Whether nothing should follow. A trainer may go on: not every step would be shown."""
        return self.step == self.total_steps


class StepReader:
    """Turns lines of a metric file into steps."""

    def __init__(self, algorithm: str, num_epochs: int) -> None:
        self._read = _osft_step if algorithm == "osft" else _sft_step
        self._num_epochs = num_epochs
        self._last: Step | None = None

    def read(self, lines: Iterable[str]) -> list[Step]:
        """The steps among these lines. One that was given before may come again, with more told."""
        steps: list[Step] = []
        for line in lines:
            values = _parsed(line)
            step = self._read(values, self._num_epochs)
            if step is None and self._last and values.get("step") == self._last.step:
                # instructlab-training measures after the line of the step, in a line of its own.
                step = replace(self._last, validation_loss=values.get("val_loss"))
                if steps:
                    steps.pop()
            if step:
                steps.append(step)
                self._last = step
        return steps


def _parsed(line: str) -> Mapping[str, Any]:
    try:
        values = json.loads(line)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise TrainingError(
            f"The trainer wrote a step that cannot be read: {line[:80]!r}. Look whether the disk "
            "is full"
        )
    return values


def _osft_step(values: Mapping[str, Any], epochs: int) -> Step | None:
    if "loss" not in values:
        return None
    return Step(
        step=values["step"],
        total_steps=values["steps_per_epoch"] * epochs,
        epoch=values["epoch"],
        loss=_counted(values["loss"], values["num_loss_counted_tokens"]),
        learning_rate=values["lr"],
        grad_norm=values["grad_norm"],
        rows=int(values["num_samples"]),
        tokens=int(values["num_total_tokens"]),
        tokens_per_second=values["tokens_per_second"],
        peak_memory_gb=values["peak_memory_usage_GB"],
        # Until it is measured again, mini-trainer repeats the newest loss, but not its counts.
        validation_loss=values["val_loss"] if "val_num_samples" in values else None,
    )


def _sft_step(values: Mapping[str, Any], epochs: int) -> Step | None:
    if "avg_loss" not in values:
        return None
    rows, throughput = int(values["batch_size"]), values["overall_throughput"]
    tokens = int(values["num_tokens_rank0"])
    return Step(
        step=values["step"],
        total_steps=values["num_epoch_steps"] * epochs,
        epoch=values["epoch"],
        loss=_counted(values["avg_loss"], values["num_loss_counted_tokens"]),
        learning_rate=values["lr"],
        grad_norm=values["gradnorm"],
        rows=rows,
        tokens=tokens,
        tokens_per_second=throughput * tokens / rows if rows else None,
        peak_memory_gb=values["cuda_mem_allocated"] * 2**30 / 1e9,
    )


def _counted(loss: float, tokens: float) -> float | None:
    """A batch in which no token counts has the loss 0/0, and leaves the weights as they are."""
    return None if tokens == 0 else loss


def is_observed(step: Step) -> bool:
    """Whether this one of many steps is shown while training runs."""
    stride = math.ceil(step.total_steps / (MOST_OBSERVATIONS - 2))
    return step.step % stride == 0 or step.step == 1 or step.is_last
