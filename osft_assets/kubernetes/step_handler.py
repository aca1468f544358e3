"""Starts each step as a pod of its own kind, looks after it, and says what it died of.

Nothing here must outlive the run worker: another one goes on with the same jobs after a crash, and
loses no more than the memory of what was said.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.executor.step_delegating import (
    CheckStepHealthResult,
    StepHandlerContext,
)
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.executor import K8sStepHandler
from dagster_k8s.job import UserDefinedDagsterK8sConfig

from osft_assets.core.pods.findings import Asked, Finding
from osft_assets.core.pods.said import Said
from osft_assets.core.recipes.pod import PodRecipe, StepPodRecipe
from osft_assets.executor import COMPUTES
from osft_assets.kubernetes.cluster import Cluster, UnreachableError
from osft_assets.kubernetes.diagnosis import finding
from osft_assets.kubernetes.pod import pod_config, resources
from osft_assets.kubernetes.reported import has_reported
from osft_assets.kubernetes.step_pods import pod_of

# So that the step knows, whatever else the deployment gives its pods, that it is in one.
_IN_A_POD = {"name": "OSFT_EXECUTOR", "value": "k8s"}


def _now() -> datetime:
    return datetime.now(UTC)


class PodStepHandler(K8sStepHandler):
    """Dagster's handler, as Dagster configured it, with pods and diagnoses of ours."""

    def __init__(
        self,
        configured: K8sStepHandler,
        trainer_image: str,
        now: Callable[[], datetime] = _now,
    ) -> None:
        vars(self).update(vars(configured))
        self._trainer_image, self._now = trainer_image, now
        self._cluster = Cluster(self._api_client.batch_api, self._api_client.core_api)
        self._said = Said(now)
        self._lost: dict[str, Finding] = {}

    @property
    def name(self) -> str:
        """As the run's log calls it."""
        return "PodStepHandler"

    def may_pass(self, step_key: str) -> bool:
        """Whether the pod that the step lost last died of something that may pass."""
        return step_key in self._lost and self._lost[step_key].may_pass

    def _get_container_context(self, step_handler_context: StepHandlerContext) -> Any:
        key = self._get_step_key(step_handler_context)
        whole = super()._get_container_context(step_handler_context)
        recipe = pod_of(step_handler_context.get_step_context(key))
        computes = COMPUTES in step_handler_context.step_tags[key]
        image = (recipe.image if recipe else "") or (self._trainer_image if computes else "")
        mounts = whole.run_k8s_config.container_config.get("volume_mounts", [])
        mounted = frozenset(str(mount.get("mount_path")) for mount in mounts)
        if recipe:
            ours = pod_config(recipe, mounted)
            whole = whole.merge(K8sContainerContext(run_k8s_config=ours))
        return _with_container(whole, _always(image, recipe))

    def launch_step(self, step_handler_context: StepHandlerContext) -> Iterator[DagsterEvent]:
        """Start the step's job; one of that name that still ends is waited for."""
        key = self._get_step_key(step_handler_context)
        self._lost.pop(key, None)
        place = self._place(step_handler_context)
        if self._is_alive(*place):
            yield self._event(
                step_handler_context, f"The Kubernetes job {place[0]} is there already: it goes on"
            )
            return
        yield from super().launch_step(step_handler_context)

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        """Whether there is still something to wait for."""
        key = self._get_step_key(step_handler_context)
        job, namespace = self._place(step_handler_context)
        try:
            found = self._look(step_handler_context, job, namespace)
        except UnreachableError as problem:  # the next look may tell
            found = Finding(str(problem), is_lost=False)
        if found is None:
            return CheckStepHealthResult.healthy()
        if not found.is_lost:
            if self._said.is_news(job, found.words):
                self._event(step_handler_context, f"{key}: {found.words}.")
            return CheckStepHealthResult.healthy()
        if has_reported(step_handler_context, key):
            return CheckStepHealthResult.healthy()
        self._lost[key] = found
        self._delete(step_handler_context, job, namespace)
        return CheckStepHealthResult.unhealthy(f"{found.words}. (Kubernetes job {job})")

    def terminate_step(self, step_handler_context: StepHandlerContext) -> Iterator[DagsterEvent]:
        """Delete the step's job: its pod gets SIGTERM, and ends its training within seconds."""
        job, namespace = self._place(step_handler_context)
        yield self._event(step_handler_context, f"Deleting the Kubernetes job {job}")
        self._delete(step_handler_context, job, namespace)

    def _delete(self, context: StepHandlerContext, job: str, namespace: str) -> None:
        try:
            self._cluster.delete(job, namespace)
        except UnreachableError as problem:  # the step is over all the same, and must be told so
            self._event(context, f"{problem}. Delete the Kubernetes job {job} by hand.")

    def end_steps_of(self, run: dg.DagsterRun, instance: dg.DagsterInstance) -> None:
        """Delete the jobs of all its steps that have not ended."""
        launcher: Any = instance.run_launcher
        whole = K8sContainerContext.create_for_run(run, launcher, include_run_tags=False)
        whole = whole.merge(self._executor_container_context)
        self._cluster.end_steps_of(run.run_id, str(whole.namespace))

    def _is_alive(self, job: str, namespace: str) -> bool:
        try:
            return self._cluster.is_alive(job, namespace)
        except UnreachableError:  # making it asks again, more than once
            return False

    def _look(self, context: StepHandlerContext, job: str, namespace: str) -> Finding | None:
        seen = self._cluster.look(job, namespace)
        recipe = pod_of(context.get_step_context(self._get_step_key(context)))
        return finding(seen.job, seen.pods, seen.warnings, _asked(recipe), self._now())

    def _place(self, context: StepHandlerContext) -> tuple[str, str]:
        """The names of its job and of the namespace."""
        whole = super()._get_container_context(context)
        return self._get_k8s_step_job_name(context), str(whole.namespace)

    def _event(self, context: StepHandlerContext, words: str) -> DagsterEvent:
        step = context.get_step_context(self._get_step_key(context))
        return DagsterEvent.engine_event(step, words, EngineEventData())


def _always(image: str, recipe: StepPodRecipe | None) -> dict[str, Any]:
    """What replaces what the deployment says of the container, or comes on top of it."""
    return {
        # The end of a log that nobody wrote an event about is all that is left of a failure.
        "termination_message_policy": "FallbackToLogsOnError",
        **({"image": image} if image else {}),
        # Merged, a limit of the deployment's for light steps would stay below what is requested.
        **({"resources": resources(recipe)} if recipe else {}),
    }


def _with_container(whole: K8sContainerContext, fields: dict[str, Any]) -> K8sContainerContext:
    config = whole.run_k8s_config.to_dict()  # type: ignore[no-untyped-call]
    container = {**config["container_config"], **fields}
    container["env"] = [*container.get("env", []), _IN_A_POD]
    told: Any = {**config, "container_config": container}
    told = UserDefinedDagsterK8sConfig.from_dict(told)  # type: ignore[no-untyped-call]
    return whole._replace(run_k8s_config=told)


def _asked(recipe: StepPodRecipe | None) -> Asked:
    if recipe is None:
        return Asked()
    section = "pod" if isinstance(recipe, PodRecipe) else "evaluation_pod"
    return Asked(section, recipe.memory, recipe.start_timeout_minutes)
