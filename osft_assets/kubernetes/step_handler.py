"""Starts each step as a pod of its own kind, looks after it, and says what it died of.

Nothing here must outlive the run worker: another one goes on with the same jobs after a crash, and
loses no more than the memory of what was said.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.context.system import IStepContext
from dagster._core.executor.step_delegating import (
    CheckStepHealthResult,
    StepHandlerContext,
)
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.executor import K8sStepHandler
from kubernetes.client import CustomObjectsApi

from osft_assets.core.pods.findings import Asked, Finding
from osft_assets.core.pods.said import Said
from osft_assets.core.recipes.pod import EvaluationPodRecipe, PodRecipe, StepPodRecipe
from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.executor import COMPUTES
from osft_assets.kubernetes.cluster import Cluster, UnreachableError
from osft_assets.kubernetes.container import with_container
from osft_assets.kubernetes.diagnosis import finding
from osft_assets.kubernetes.pod import pod_config
from osft_assets.kubernetes.reported import has_reported
from osft_assets.kubernetes.step_pods import following_pod, pod_of


def _now() -> datetime:
    return datetime.now(UTC)


class PodStepHandler(K8sStepHandler):
    """Dagster's handler, as Dagster configured it, with pods and diagnoses of ours."""

    def __init__(
        self,
        configured: K8sStepHandler,
        place: TrainJobPlace,
        now: Callable[[], datetime] = _now,
        custom_api: Any = None,
    ) -> None:
        vars(self).update(vars(configured))
        self._train_jobs, self._now = place, now
        client = self._api_client
        custom = custom_api or CustomObjectsApi()
        self._cluster = Cluster(client.batch_api, client.core_api, custom)
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
        recipe = self._pod_of(step_handler_context)
        computes = COMPUTES in step_handler_context.step_tags[key]
        image = (recipe.image if recipe else "") or (self._train_jobs.image if computes else "")
        mounts = whole.run_k8s_config.container_config.get("volume_mounts", [])
        mounted = frozenset(str(mount.get("mount_path")) for mount in mounts)
        if recipe:
            ours = pod_config(recipe, mounted)
            whole = whole.merge(K8sContainerContext(run_k8s_config=ours))
        return with_container(whole, image, recipe)

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
        key = self._get_step_key(step_handler_context)
        self.end_training_of(step_handler_context.get_step_context(key))

    def _delete(self, context: StepHandlerContext, job: str, namespace: str) -> None:
        try:
            self._cluster.delete(job, namespace)
        except UnreachableError as problem:  # the step is over all the same, and must be told so
            self._event(context, f"{problem}. Delete the Kubernetes job {job} by hand.")

    def end_steps_of(self, run: dg.DagsterRun, instance: dg.DagsterInstance) -> None:
        """Delete the jobs of all its steps that have not ended, and its TrainJobs."""
        namespace = self._namespace(run, instance)
        self._cluster.end_steps_of(run.run_id, namespace)
        self._cluster.end_train_jobs_of(run.run_id, self._train_jobs.namespace or namespace)

    def end_training_of(self, step: IStepContext) -> None:
        """Delete the TrainJob of a step that will not come back to it."""
        if not self._follows_a_train_job(pod_of(step)):
            return
        run, pipeline = step.dagster_run, step.step.key.partition("__")[0]
        namespace = self._train_jobs.namespace or self._namespace(run, step.instance)
        try:
            self._cluster.end_train_jobs_of(run.run_id, namespace, pipeline)
        except UnreachableError as problem:
            told = f"{problem}. Nobody follows its TrainJob: that ends by itself within minutes."
            DagsterEvent.engine_event(step, told, EngineEventData())

    def _namespace(self, run: dg.DagsterRun, instance: dg.DagsterInstance) -> str:
        launcher: Any = instance.run_launcher
        whole = K8sContainerContext.create_for_run(run, launcher, include_run_tags=False)
        return str(whole.merge(self._executor_container_context).namespace)

    def _pod_of(self, context: StepHandlerContext) -> StepPodRecipe | None:
        recipe = pod_of(context.get_step_context(self._get_step_key(context)))
        if isinstance(recipe, PodRecipe) and self._follows_a_train_job(recipe):
            return following_pod(recipe)
        return recipe

    def _follows_a_train_job(self, recipe: StepPodRecipe | None) -> bool:
        place = self._train_jobs
        return isinstance(recipe, PodRecipe) and (place.always or recipe.workers > 1)

    def _is_alive(self, job: str, namespace: str) -> bool:
        try:
            return self._cluster.is_alive(job, namespace)
        except UnreachableError:  # making it asks again, more than once
            return False

    def _look(self, context: StepHandlerContext, job: str, namespace: str) -> Finding | None:
        seen = self._cluster.look(job, namespace)
        asked = _asked(self._pod_of(context))
        return finding(seen.job, seen.pods, seen.warnings, asked, self._now())

    def _place(self, context: StepHandlerContext) -> tuple[str, str]:
        """The names of its job and of the namespace."""
        whole = super()._get_container_context(context)
        return self._get_k8s_step_job_name(context), str(whole.namespace)

    def _event(self, context: StepHandlerContext, words: str) -> DagsterEvent:
        step = context.get_step_context(self._get_step_key(context))
        return DagsterEvent.engine_event(step, words, EngineEventData())


def _asked(recipe: StepPodRecipe | None) -> Asked:
    if isinstance(recipe, PodRecipe):
        return Asked("pod", recipe.memory, recipe.start_timeout_minutes)
    if isinstance(recipe, EvaluationPodRecipe):
        return Asked("evaluation_pod", recipe.memory, recipe.start_timeout_minutes)
    return Asked()
