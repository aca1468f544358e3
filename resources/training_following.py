"""Passes on how a training goes, whoever runs it: its lines, and the steps in its metric file."""

import os
from collections.abc import Sequence
from pathlib import Path

from osft_assets.core.ports import TrainingWatch
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.training_steps import METRIC_FILES, StepReader
from resources.line_tail import LineTail


class TrainingFollowing:
    """Of one training, from its start to its end."""

    def __init__(self, job: TrainingJob, watch: TrainingWatch) -> None:
        self._watch = watch
        self._metrics_path = Path(job.directory) / METRIC_FILES[job.algorithm]
        self._metrics: LineTail | None = None
        self._reader = StepReader(job.algorithm, job.recipe["num_epochs"])

    def pass_on(self, lines: Sequence[str]) -> bool:
        """These lines, and the steps there are by now; whether there were steps."""
        for line in lines:
            self._watch.say(line)
        if self._metrics is None and self._metrics_path.exists():
            self._metrics = LineTail(os.open(self._metrics_path, os.O_RDONLY))
        steps = self._reader.read(self._metrics.lines()) if self._metrics else []
        for step in steps:
            self._watch.step(step)
        return bool(steps)

    def to_the_end(self) -> None:
        """The rest of the steps, once nobody writes any more."""
        if self._metrics:
            self._open_anew(self._metrics.descriptor)
        while self._metrics and not self._metrics.ended:
            self.pass_on([])

    def _open_anew(self, descriptor: int) -> None:
        """NFS shows the newest that another machine wrote to those who open the file after it."""
        fresh = os.open(self._metrics_path, os.O_RDONLY)
        os.lseek(fresh, os.lseek(descriptor, 0, os.SEEK_CUR), os.SEEK_SET)
        os.dup2(fresh, descriptor)
        os.close(fresh)

    def close(self) -> None:
        """No more is read."""
        if self._metrics:
            os.close(self._metrics.descriptor)
