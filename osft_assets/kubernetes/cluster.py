"""What the handler asks of the cluster: a job, its pods, what events say of them, and an end.
TrainJobs are only ended: those who make and follow them are in `resources`.

Nothing is tried again here: whoever looks, looks again in a few seconds.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kubernetes.client import ApiClient, ApiException
from urllib3.exceptions import HTTPError

from osft_assets.core.pods.findings import Json, is_waiting, told_by
from osft_assets.core.train_jobs.name import MANAGER, PIPELINE_LABEL, RUN_LABEL

_GONE, _NOT_ALLOWED = 404, 403
_TRAIN_JOBS = ("trainer.kubeflow.org", "v1alpha1")
# Or a look at one step could hang for ever, and with it the run.
_IN_TIME = {"_request_timeout": 30}
_LOOKS, _LOOK_EVERY_SECONDS = 90, 1.0


class UnreachableError(Exception):
    """The cluster does not answer, or not that."""


@dataclass(frozen=True)
class Seen:
    """What there was of a step, as the API writes it. No `job`: there is none of that name."""

    job: Json | None
    pods: list[Json]
    warnings: list[str]


class Cluster:
    """The parts of the API that jobs need."""

    def __init__(
        self,
        batch_api: Any,
        core_api: Any,
        custom_api: Any,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._batch, self._core, self._custom, self._pause = batch_api, core_api, custom_api, pause
        self._plain = ApiClient().sanitize_for_serialization

    def look(self, job: str, namespace: str) -> Seen:
        """The job as it is now; UnreachableError when nobody can tell."""
        found = self._job(job, namespace)
        if found is None:
            return Seen(None, [], [])
        with _answering("list pods"):
            listed = self._core.list_namespaced_pod(
                namespace=namespace, label_selector=f"job-name={job}", **_IN_TIME
            )
        pods: list[Json] = self._plain(listed.items)
        names = [job, *(pod["metadata"]["name"] for pod in pods)]
        return Seen(found, pods, self._warnings(names, namespace) if is_waiting(pods) else [])

    def is_alive(self, job: str, namespace: str) -> bool:
        """Whether there is such a job to wait for. One that has failed or is ending is seen off."""
        for _ in range(_LOOKS):
            found = self._job(job, namespace)
            if found is None:
                return False
            if not found["metadata"].get("deletionTimestamp"):
                if not (found.get("status") or {}).get("failed"):
                    return True
                self.delete(job, namespace)
            self._pause(_LOOK_EVERY_SECONDS)
        return False  # making it anew will say that it is still there

    def delete(self, job: str, namespace: str) -> None:
        """Let the job and its pods end; nothing where there is none."""
        with _answering(f"delete the job {job}"):
            try:
                self._batch.delete_namespaced_job(
                    name=job, namespace=namespace, propagation_policy="Background", **_IN_TIME
                )
            except ApiException as problem:
                if problem.status != _GONE:
                    raise

    def end_steps_of(self, run_id: str, namespace: str) -> None:
        """Let the jobs of a run's steps end, those that have not yet."""
        selector = f"dagster/run-id={run_id},app.kubernetes.io/component=step_worker"
        with _answering("list jobs"):
            listed = self._batch.list_namespaced_job(namespace, label_selector=selector)
        for job in self._plain(listed.items):
            status = job.get("status") or {}
            if not status.get("succeeded") and not status.get("failed"):
                self.delete(job["metadata"]["name"], namespace)

    def end_train_jobs_of(self, run_id: str, namespace: str, pipeline: str = "") -> None:
        """Let a run's TrainJobs end, with all their pods; or only those of one pipeline."""
        labels = {"app.kubernetes.io/managed-by": MANAGER, RUN_LABEL: run_id}
        if pipeline:
            labels[PIPELINE_LABEL] = pipeline
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        where = (*_TRAIN_JOBS, namespace, "trainjobs")
        with _answering("delete TrainJobs"):
            try:
                listed = self._custom.list_namespaced_custom_object(
                    *where, label_selector=selector, **_IN_TIME
                )
                for job in listed["items"]:
                    self._custom.delete_namespaced_custom_object(
                        *where, job["metadata"]["name"], propagation_policy="Background", **_IN_TIME
                    )
            except ApiException as problem:
                # Where nobody installed Trainer, nobody was allowed to use it: there are none.
                if problem.status not in (_GONE, _NOT_ALLOWED):
                    raise

    def _job(self, job: str, namespace: str) -> Json | None:
        with _answering("read jobs"):
            try:
                found: Json = self._plain(
                    self._batch.read_namespaced_job(job, namespace, **_IN_TIME)
                )
            except ApiException as problem:
                if problem.status != _GONE:
                    raise
                return None
        return found

    def _warnings(self, names: list[str], namespace: str) -> list[str]:
        """Of events, which a role need not allow to read: they only make words better."""
        found: list[Json] = []
        for name in names:
            selector = f"involvedObject.name={name},type=Warning"
            try:
                listed = self._core.list_namespaced_event(
                    namespace, field_selector=selector, **_IN_TIME
                )
            except (ApiException, HTTPError):
                return []
            found += self._plain(listed.items)
        return told_by(found)


@contextmanager
def _answering(what: str) -> Iterator[None]:
    try:
        yield
    except ApiException as problem:
        raise UnreachableError(
            f"The cluster does not let us {what}: {problem.status} {problem.reason}"
        ) from problem
    except (HTTPError, OSError) as problem:
        raise UnreachableError(
            f"The cluster does not answer: {type(problem).__name__}"
        ) from problem
