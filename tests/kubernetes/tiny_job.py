"""A job of one step that computes, whose pods are processes of this machine."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.step_delegating import StepDelegatingExecutor
from kubernetes.client import ApiClient

from osft_assets.config import launch_schema
from osft_assets.core.recipes.automation import RetryRecipe
from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.executor import COMPUTES
from osft_assets.kubernetes.executor import PodExecutor
from osft_assets.retries import retried
from tests.kubernetes.fake_cluster import FakeCluster, pod
from tests.kubernetes.steps import handler

DIRECTORY = "TINY_JOB_DIRECTORY"  # where a step says that it has started; set, the first one waits
_RETRY = RetryRecipe(times=2, first_pause_seconds=0)


class ProcessCluster(FakeCluster):
    """Starts a process for each job, unless its pod is to die: `deaths` of the first ones."""

    def __init__(self, *deaths: dict[str, Any]) -> None:
        super().__init__()
        self.deaths = list(deaths)
        self.processes: list[subprocess.Popen[bytes]] = []

    def create_namespaced_job(self, body: Any, namespace: str, **_: Any) -> None:
        super().create_namespaced_job(body, namespace)
        job = ApiClient().sanitize_for_serialization(body)
        name = job["metadata"]["name"]
        if self.deaths:
            self.pods.append(pod("Failed", name, **self.deaths.pop(0)))
            self.jobs[name]["status"] = {"failed": 1}
            return
        self.pods.append(pod("Running", name))
        [container] = job["spec"]["template"]["spec"]["containers"]
        told = {each["name"]: each.get("value") or "" for each in container["env"]}
        command = [sys.executable, "-W", "ignore", "-m", *container["args"]]
        self.processes.append(subprocess.Popen(command, env={**os.environ, **told}))


CLUSTER: list[ProcessCluster] = []


@dg.op(config_schema={"pod": dg.Field(launch_schema(PodRecipe()))}, tags={COMPUTES: "yes"})
@retried(_RETRY)
def training(context: dg.OpExecutionContext) -> Any:
    if directory := os.environ.get(DIRECTORY):
        (Path(directory) / f"started-{context.retry_number}").touch()
        if context.retry_number == 0:
            time.sleep(100)
    return dg.Output(context.retry_number)


def _pods(context: dg.InitExecutorContext) -> PodExecutor:
    from tests.kubernetes.steps import Clock

    made: Any = handler(context.instance, CLUSTER[-1], Clock())
    theirs = StepDelegatingExecutor(
        made, RetryMode.ENABLED, sleep_seconds=0.1, check_step_health_interval_seconds=1
    )
    return PodExecutor(theirs, made)


@dg.job(executor_def=dg.ExecutorDefinition(name="pods", executor_creation_fn=_pods))
def tiny_job() -> None:
    training()
