"""A step's process that trains as a TrainJob, for a test that kills it."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from osft_assets.core.workspace import Workspace
from tests.train_jobs.fake_api import FakeApi
from tests.train_jobs.training import Clock, Training


class _RunningClock(Clock):
    """From the same moment on as the test's, but it really waits."""

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)
        self.seconds += seconds


def train(root: str, environment: Mapping[str, str]) -> None:
    """Until the end, or until it is killed."""
    os.environ.update(environment)
    clock = _RunningClock()
    workspace = Workspace(Path(root), "pvc://osft-workspace/home")
    Training(workspace, FakeApi(clock.now), clock).train(look_seconds=0.05)
