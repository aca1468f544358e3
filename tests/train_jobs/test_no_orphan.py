"""A step that is killed leaves no TrainJob behind: its restart goes on, or a sweep ends it."""

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from osft_assets.core.worker import LEASE_FILE
from tests.core.training_parts import outcome
from tests.train_jobs.fake_api import Fault, Request
from tests.train_jobs.following_child import train
from tests.train_jobs.training import RUN_ID, Training

# Forked from one process that has imported all there is to import: that takes seconds.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(
    ["tests.train_jobs.following_child", "kubernetes.client", "kubeflow_trainer_api.models"]
)
# When it is killed: before or after the API acts on the request of a kind that comes so many
# times, in the state that the controller has made by then.
POINTS: dict[str, tuple[str, str, int, str]] = {
    "before it knows whether there is one": ("before", "GET job", 1, ""),
    "before the dry run": ("before", "DRY job", 1, ""),
    "before it is made": ("before", "POST job", 1, ""),
    "made, and not told so": ("after", "POST job", 1, ""),
    "without pods": ("after", "GET job", 4, ""),
    "held back": ("after", "GET job", 4, "suspended"),
    "with pods that wait": ("after", "GET pods", 3, "pending"),
    "while it runs": ("after", "GET log", 3, "running"),
    "complete, and not looked at": ("before", "GET job", 2, "complete"),
    "before it is deleted": ("before", "DELETE job", 1, "complete"),
    "deleted, and not told so": ("after", "DELETE job", 1, "complete"),
}


def kind_of(request: Request) -> str:
    method = "DRY" if request.is_a_dry_run else request.method
    part = "log" if request.path.endswith("/log") else request.path.split("/")[-1]
    return f"{method} {part if part in ('pods', 'log', 'events') else 'job'}"


class Killer:
    """Kills the step's process at its point, once."""

    def __init__(self, training: Training, point: str) -> None:
        self.training = training
        self.side, self.kind, self.number, self.state = POINTS[point]
        self.count, self.has_killed = 0, False
        self.child: Any = None
        training.api.before = lambda request: self.see("before", request)
        training.api.after = lambda request: self.see("after", request)

    def see(self, side: str, request: Request) -> None:
        if self.has_killed:
            return
        if side == "after" and kind_of(request) == "POST job":
            self.control()
        if side != self.side or kind_of(request) != self.kind:
            return
        self.count += 1
        if self.count == self.number:
            self.has_killed = True
            if side == "before":  # it never arrives
                self.training.api.faults.append(Fault(request.method, request.path, 0))
            while self.child.pid is None:  # it asks before we are told that it has started
                time.sleep(0.001)
            os.kill(self.child.pid, signal.SIGKILL)

    def control(self) -> None:
        """The controller's work, up to the state that is wanted."""
        api = self.training.api
        if self.state == "suspended":
            api.condition("Suspended")
        if self.state == "pending":
            api.add_pods(phase="Pending")
        if self.state == "running":
            api.add_pods()
            self.training.writes_steps(1)
        if self.state == "complete":
            self.training.completes()


def killed_at(training: Training, point: str) -> Killer:
    """A step's process that was killed there."""
    killer = Killer(training, point)
    names = ("KUBERNETES_SERVER_URL", "KUBERNETES_AUTH_TOKEN", "NO_PROXY")
    environment = {name: os.environ[name] for name in names}
    child = _PROCESSES.Process(target=train, args=[str(training.workspace.root), environment])
    killer.child = child
    child.start()
    child.join(60)
    while training.api.busy:
        time.sleep(0.01)
    assert (child.exitcode, killer.has_killed) == (-signal.SIGKILL, True)
    return killer


def _goes_on(training: Training) -> Callable[[], None]:
    def go_on() -> None:
        training.api.condition("Suspended", status=False)
        training.api.add_pods()

    return go_on


@pytest.mark.parametrize("point", POINTS)
def test_a_step_that_is_killed_and_started_again_takes_its_training_over(
    training: Training, point: str
) -> None:
    killed_at(training, point)
    training.plan(_goes_on(training), lambda: training.writes_steps(2), training.completes)

    assert training.train() == outcome()
    assert len(training.api.created) == 1
    assert training.api.jobs == {}
    assert not list((training.workspace.root / "train_jobs").iterdir())


@pytest.mark.parametrize("point", POINTS)
def test_what_a_killed_step_left_is_ended_by_the_next_training(
    training: Training, point: str
) -> None:
    killed_at(training, point)
    home = training.workspace.root / "train_jobs"
    for left in home.glob("*"):  # half an hour passes
        for path in (left, left / LEASE_FILE):
            if path.exists():
                os.utime(path, (time.time() - 1800, time.time() - 1800))
    before = set(training.api.created)
    other = training.job(run_id=RUN_ID[::-1])

    stop_soon(training)

    with pytest.raises(KeyboardInterrupt):
        training.train(other)

    assert training.api.jobs == {}
    assert before <= set(training.api.deleted)
    assert list(home.iterdir()) == []


def stop_soon(training: Training) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    training.plan(lambda: None, interrupt)


def test_what_is_followed_is_not_swept(training: Training) -> None:
    killed_at(training, "while it runs")  # a moment ago: its step may come back
    [name] = training.api.jobs
    stop_soon(training)

    with pytest.raises(KeyboardInterrupt):
        training.train(training.job(run_id=RUN_ID[::-1]))

    assert list(training.api.jobs) == [name]
    assert (training.workspace.root / "train_jobs" / name).exists()


def test_a_sweep_that_cannot_be_done_now_stops_nothing(training: Training) -> None:
    left = training.workspace.root / "train_jobs" / "osft-left-1-1"
    left.mkdir(parents=True)
    os.utime(left, (time.time() - 1800, time.time() - 1800))
    training.api.faults.append(Fault("DELETE", left.name, 500))
    training.plan(training.api.add_pods, training.completes)

    assert training.train() == outcome()
    assert left.exists()


def test_a_train_job_that_failed_while_nobody_looked_is_made_anew(training: Training) -> None:
    """Its nodes gave up since nobody followed them."""
    killed_at(training, "while it runs")
    training.writes_problem("nobody has followed this training for 10 minutes")
    training.api.condition("Failed")
    training.plan(_goes_on(training), training.completes)

    assert training.train() == outcome()
    assert len(training.api.created) == 2
    assert training.api.jobs == {}


def test_one_whose_directory_is_gone_is_made_anew(training: Training) -> None:
    killed_at(training, "while it runs")
    shutil.rmtree(training.directory)
    training.plan(_goes_on(training), training.completes)

    assert training.train() == outcome()
    assert len(training.api.created) == 2
