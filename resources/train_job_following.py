"""Follows a TrainJob to its end: its state by the API, its steps by the shared workspace.

What a state means is `core.train_jobs.states`. An API that is away is no reason to give up: the
nodes train on, and what they write is seen all the same.
"""

import multiprocessing
from contextlib import closing
from typing import NoReturn

from osft_assets.core.errors import TrainingError
from osft_assets.core.pods.findings import Asked, Json, is_waiting
from osft_assets.core.pods.said import Said
from osft_assets.core.ports import TrainingWatch
from osft_assets.core.train_jobs.failures import failure_of, said_why
from osft_assets.core.train_jobs.limits import RunningTime
from osft_assets.core.train_jobs.request import NODE
from osft_assets.core.train_jobs.states import Seen, State, state_of
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from osft_assets.core.worker_log import OWN_PREFIX
from resources.train_job_api import ApiError, TrainJobApi
from resources.train_job_asking import Asking
from resources.train_job_directory import TrainJobDirectory
from resources.train_job_log import TrainJobLog
from resources.train_job_pace import Pace
from resources.training_following import TrainingFollowing


class TrainJobFollowing:
    """Of one TrainJob. `job`: as its nodes read it."""

    def __init__(
        self,
        api: TrainJobApi,
        directory: TrainJobDirectory,
        job: TrainingJob,
        watch: TrainingWatch,
        pace: Pace,
    ) -> None:
        self._api, self._directory, self._job = api, directory, job
        self._name = directory.path.name
        self._watch, self._pace = watch, pace
        self._progress = TrainingFollowing(job, watch)
        self._log = TrainJobLog(api)
        self._time, self._said = RunningTime(job), Said(pace.now)
        pod = job.pod
        self._asked = Asked("pod", pod["memory"], pod["start_timeout_minutes"])
        self._state, self._has_run = State("wait"), False
        self._job_seen: Json = {}
        self._pods: list[Json] = []
        self._job_api = Asking("The TrainJob", pace, self._say)
        self._log_api = Asking("The log of its first node", pace, self._say)

    def to_the_end(self) -> TrainingOutcome:
        """What came of it, or the error that says why nothing did."""
        with closing(self._progress):
            while True:
                self._directory.renew()
                _refuse_a_dead_run()
                self._look()
                if self._state.phase == "complete":
                    return self._complete()
                if self._state.phase == "gone" and (outcome := self._directory.outcome()):
                    self._drain()
                    return outcome
                if self._state.phase in ("failed", "lost", "gone"):
                    self._give_up()
                self._pause()

    def _pause(self) -> None:
        """Until the next look, with what the nodes wrote meanwhile."""
        lines = self._log_api.answer(lambda: self._log.read(self._pods)) or []
        has_sign = self._progress.pass_on(lines) or bool(lines)
        runs = self._state.phase == "run"
        self._time.goes_on(self._pace.clock(), runs=runs, has_sign=has_sign)
        self._pace.pause(self._pace.look_seconds)

    def _look(self) -> None:
        seen = self._job_api.answer(self._see)
        if seen is None:
            return  # it is as it was, for all we know
        self._pods = list(seen.pods or self._pods)
        self._job_seen = seen.job or self._job_seen
        self._state = state_of(seen, self._asked, self._pace.now(), has_run=self._has_run)
        self._has_run = self._has_run or self._state.phase == "run"
        if self._state.words and self._state.phase in ("wait", "run"):
            self._say(self._state.words)

    def _see(self) -> Seen:
        job = self._api.read(self._name)
        if job is None:
            return Seen(None, None)
        try:
            pods = self._api.pods(self._name)
        except ApiError as problem:
            self._say(f"Its pods cannot be seen: {problem}")
            return Seen(job, None)
        names = [self._name, f"{self._name}-{NODE}-0", *(pod["metadata"]["name"] for pod in pods)]
        return Seen(job, pods, self._api.warnings(names) if is_waiting(pods) else [])

    def _complete(self) -> TrainingOutcome:
        """Its outcome, which a shared filesystem may show a while later."""
        self._drain()
        deadline = self._pace.clock() + self._pace.lag_seconds
        while (outcome := self._directory.outcome()) is None:
            if self._pace.clock() > deadline:
                raise TrainingError(
                    f"The TrainJob is complete, but there is no outcome in {self._directory.path}: "
                    "its pods wrote elsewhere. Look whether OSFT_WORKSPACE_URI names the claim and "
                    "the path that OSFT_WORKSPACE is"
                )
            self._directory.renew()
            self._pace.pause(self._pace.look_seconds)
        self._drain()
        return outcome

    def _give_up(self) -> NoReturn:
        self._drain()
        if self._state.phase != "failed":
            raise TrainingError(self._state.words, transient=self._state.may_pass)
        deadline = self._pace.clock() + self._pace.lag_seconds
        while True:
            problems = self._directory.problems(self._job.workers)
            if problems or not said_why(self._pods) or self._pace.clock() > deadline:
                raise failure_of(self._job_seen, self._pods, problems, self._asked)
            self._pace.pause(self._pace.look_seconds)

    def _drain(self) -> None:
        """The rest of what was written, now that nobody writes any more."""
        lines = self._log_api.last_answer(lambda: self._log.read(self._pods, is_final=True))
        self._progress.pass_on(lines or [])
        self._progress.to_the_end()

    def _say(self, words: str) -> None:
        if self._said.is_news(self._name, words):
            self._watch.say(f"{OWN_PREFIX}{words}.")


def _refuse_a_dead_run() -> None:
    """A step of a run is a process below the run's own, which lives on when that one is killed."""
    run = multiprocessing.parent_process()
    if run is not None and not run.is_alive():
        raise TrainingError("The run that this training belongs to is gone. Launch it again")
