"""A run worker without a cluster: the steps of a pipeline, and the handler that starts them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.context.system import PlanData, PlanOrchestrationContext
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.step_delegating import StepDelegatingExecutor, StepHandlerContext
from dagster._core.log_manager import DagsterLogManager
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import instance_for_test
from dagster._grpc.types import ExecuteStepArgs
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.executor import K8sStepHandler

from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.core.workspace import Workspace
from osft_assets.kubernetes.step_handler import PodStepHandler
from osft_assets.pipeline import build_pipeline
from tests.fakes import fake_resources
from tests.kubernetes.fake_cluster import NOW, FakeCluster

TRAINING, SCORES, DATASET = "mine__training", "mine__scores", "mine__dataset"


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = datetime.fromisoformat(NOW).astimezone(UTC)

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def launching(directory: Path, **launcher: Any) -> Iterator[dg.DagsterInstance]:
    """An instance whose runs would be pods, of a cluster that is never asked."""
    config = directory / "kubeconfig"
    where = {"server": "http://127.0.0.1:9"}
    entries = {
        "clusters": [{"name": "c", "cluster": where}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    }
    config.write_text(yaml.safe_dump({"current-context": "c", **entries}))
    settings = {
        "load_incluster_config": False,
        "kubeconfig_file": str(config),
        "job_namespace": "ml",
        "service_account_name": "steps",
        "job_image": "control:1",
        "instance_config_map": "dagster-instance",
        **launcher,
    }
    override = {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": settings}
    with instance_for_test(overrides={"run_launcher": override}) as instance:
        yield instance


class Launched:
    """One run of a pipeline called mine, and its steps as the executor hands them on."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        pipeline: dict[str, Any] | None = None,
        config: dict[str, Any] | None = None,
    ) -> None:
        values = {"name": "mine", "dataset": {"data_uri": "pvc://x"}, **(pipeline or {})}
        self.instance, self.job = instance, _job(json.dumps(values))
        self.plan = create_execution_plan(self.job, config or {})
        self.run = instance.create_run_for_job(
            self.job, execution_plan=self.plan, run_config=config or {}
        )

    def context(self, key: str, tries: int = 0) -> StepHandlerContext:
        step = self.plan.get_step_by_key(key)
        known = KnownExecutionState()
        for _ in range(tries):
            known = known._replace(
                previous_retry_attempts={key: known.get_retry_state().get_attempt_count(key) + 1}
            )
        return StepHandlerContext(
            instance=self.instance,
            plan_context=self.plan_context(),
            steps=[step],
            execute_step_args=ExecuteStepArgs(
                job_origin=self._origin(),
                run_id=self.run.run_id,
                step_keys_to_execute=[key],
                instance_ref=self.instance.get_ref(),
                retry_mode=RetryMode.DEFERRED,
                known_state=known,
            ),
            dagster_run=self.run,
        )

    def plan_context(self) -> PlanOrchestrationContext:
        data = PlanData(
            job=InMemoryJob(self.job),
            dagster_run=self.run,
            instance=self.instance,
            execution_plan=self.plan,
            retry_mode=RetryMode.ENABLED,
        )
        log = DagsterLogManager.create(loggers=[], instance=self.instance, dagster_run=self.run)
        return PlanOrchestrationContext(data, log, StepDelegatingExecutor.__new__(_Nobody), None)

    def _origin(self) -> Any:

        pointer = ModuleCodePointer("osft_assets.definitions", "defs", None)
        repository = RepositoryPythonOrigin("python", pointer, container_image="control:1")
        return JobPythonOrigin(self.job.name, repository_origin=repository)

    def said(self) -> list[str]:
        """What the run's log has from us."""
        return [
            str(entry.dagster_event.message)
            for entry in self.instance.all_logs(self.run.run_id)
            if entry.dagster_event and entry.dagster_event.is_engine_event
        ]


@cache
def _job(pipeline: str) -> dg.JobDefinition:
    recipe = PipelineRecipe.model_validate_json(pipeline)
    resources = dg.Definitions(resources=fake_resources(Workspace(Path("/nowhere"))))
    defs = dg.Definitions.merge(build_pipeline(recipe), resources)
    return defs.resolve_job_def("mine_pipeline")


class _Nobody(StepDelegatingExecutor):
    """Orchestrates nothing."""


def handler(
    instance: dg.DagsterInstance,
    cluster: FakeCluster,
    now: Callable[[], datetime],
    image: str = "trainer:1",
    always: bool = False,
) -> PodStepHandler:
    """Ours, with a cluster in memory."""
    theirs = K8sStepHandler(
        image=None,
        container_context=K8sContainerContext(),
        load_incluster_config=False,
        kubeconfig_file=instance.run_launcher.kubeconfig_file,  # type: ignore[attr-defined]
        k8s_client_batch_api=cluster,
        k8s_client_core_api=cluster,
    )
    place = TrainJobPlace(always, in_pod=True, image=image)
    made = PodStepHandler(theirs, place, now, cluster)
    made._cluster._pause = lambda _: None
    return made
