"""Follows the steps of one training: says how far it is, stops it when it diverges, sums it up.

How a step is read is `core.training_steps`.
"""

import math
import time
from collections.abc import Callable
from statistics import fmean

from osft_assets.core.errors import TrainingError
from osft_assets.core.records import Record
from osft_assets.core.training_steps import Step, is_observed


class Observation(Record):
    """One step as it is shown while training runs."""

    step: Step
    seconds_left: float | None  # the first step cannot tell: it pays for warming up

    @property
    def sentence(self) -> str:
        """The same as a line of the log."""
        step = self.step
        loss = "no token counted" if step.loss is None else f"loss {step.loss:.4f}"
        held_out = step.validation_loss
        holdout = "" if held_out is None else f", holdout {held_out:.4f}"
        speed = f", {step.tokens_per_second:,.0f} tokens/s" if step.tokens_per_second else ""
        left = "" if self.seconds_left is None else f", about {duration(self.seconds_left)} left"
        return (
            f"step {step.step:,} of {step.total_steps:,}: {loss}{holdout}, "
            f"lr {step.learning_rate:.2e}{speed}{left}"
        )


class TrainingSummary(Record):
    """A whole training in a few numbers."""

    steps: int
    first_loss: float
    final_loss: float
    lowest_loss: float
    mean_loss_of_last_tenth: float
    validation_loss: float | None  # the newest
    rows: int
    tokens: int
    tokens_per_second: float | None


class TrainingProgress:
    """Called with every step."""

    def __init__(
        self,
        divergence_factor: float,
        observe: Callable[[Observation], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._factor, self._observe, self._clock = divergence_factor, observe, clock
        self._start: float | None = None
        self.steps: list[Step] = []

    def __call__(self, step: Step) -> None:
        """Take note of a step; TrainingError when there is no point in going on."""
        if self.steps and step.step == self.steps[-1].step:  # told before, now with its holdout
            self.steps[-1] = step
            return
        now = self._clock()
        # The first step says nothing about speed: it pays for warming up.
        self._start = now if self._start is None else self._start
        self.steps.append(step)
        self._refuse_divergence(step)
        if is_observed(step):
            done = len(self.steps) - 1
            ahead = step.total_steps - step.step
            left = (now - self._start) / done * ahead if done else None
            self._observe(Observation(step=step, seconds_left=left))

    def _refuse_divergence(self, step: Step) -> None:
        if step.loss is None:
            return
        place = f"at step {step.step:,} of {step.total_steps:,}"
        if not math.isfinite(step.loss):
            raise TrainingError(
                f"The loss is {step.loss} {place}: the weights are lost. Lower learning_rate"
            )
        first = next(s.loss for s in self.steps if s.loss is not None)
        if self._factor and step.loss > self._factor * max(first, 1.0):
            raise TrainingError(
                f"The loss grew from {first:.3g} to {step.loss:.3g} {place}: training diverges. "
                "Lower learning_rate, raise warmup_steps, or set divergence_factor to 0"
            )

    def summary(self) -> TrainingSummary:
        """The run so far."""
        losses = [step.loss for step in self.steps if step.loss is not None]
        if not losses:
            raise TrainingError("No step had a token to learn from. Look at the rows")
        validation = [s.validation_loss for s in self.steps if s.validation_loss is not None]
        speeds = [s.tokens_per_second for s in self.steps[1:] if s.tokens_per_second]
        return TrainingSummary(
            steps=len(self.steps),
            first_loss=losses[0],
            final_loss=losses[-1],
            lowest_loss=min(losses),
            mean_loss_of_last_tenth=fmean(losses[-math.ceil(len(losses) / 10) :]),
            validation_loss=validation[-1] if validation else None,
            rows=sum(step.rows for step in self.steps),
            tokens=sum(step.tokens for step in self.steps),
            tokens_per_second=fmean(speeds) if speeds else None,
        )


def duration(seconds: float) -> str:
    """Such as 40 s, 12 min or 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
