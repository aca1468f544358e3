"""The recipe's time limits, counted while a TrainJob runs: a queue's time is nobody's fault."""

from osft_assets.core.errors import TrainingError
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.training_progress import duration


class RunningTime:
    """How long it has run, and how long without a sign."""

    def __init__(self, job: TrainingJob) -> None:
        self._stall_minutes: float = job.recipe["stall_timeout_minutes"]
        self._most_minutes: float = job.recipe["timeout_minutes"]
        self._last: float | None = None
        self._ran = self._silent = 0.0

    def goes_on(self, now: float, *, runs: bool, has_sign: bool) -> None:
        """Count the time since the last call; TrainingError when it was too much."""
        passed = 0.0 if self._last is None else now - self._last
        self._last = now
        if runs:
            self._ran += passed
            self._silent += passed
        if has_sign or not runs:
            self._silent = 0.0
        self._refuse("stall_timeout_minutes", self._stall_minutes, self._silent, "said nothing")
        self._refuse("timeout_minutes", self._most_minutes, self._ran, "has been running")

    def _refuse(self, name: str, minutes: float, seconds: float, what: str) -> None:
        if minutes and seconds > minutes * 60:
            raise TrainingError(
                f"Training {what} for {duration(seconds)} and was stopped. Look at its log, or "
                f"raise {name} ({minutes:g})"
            )
