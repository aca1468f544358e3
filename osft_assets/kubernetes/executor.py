"""The executor of OSFT_EXECUTOR=k8s: Dagster's own, whose steps get their pod from their config.

Its config is Dagster's `k8s_job_executor`'s. What a step's pod is, and what is done when it dies,
is `step_handler`; here is whether it is tried again.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster._core.definitions.executor_definition import multiple_process_executor_requirements
from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import IStepContext, PlanOrchestrationContext
from dagster._core.execution.plan.objects import StepRetryData
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.executor.step_delegating import StepDelegatingExecutor
from dagster_k8s import k8s_job_executor
from dagster_shared.error import SerializableErrorInfo

from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.kubernetes.step_handler import PodStepHandler
from osft_assets.retries import CANCELLED, retry_recipe_of


def kubernetes_executor(train_jobs: TrainJobPlace) -> dg.ExecutorDefinition:
    """Steps as pods; those that compute in the trainers' image, unless their settings name another;
    those whose training is a TrainJob in a small pod, for they only follow it.
    """

    def steps_as_pods(context: dg.InitExecutorContext) -> PodExecutor:
        # Dagster reads its config, the launcher and the cluster's address; we take all that over.
        theirs: Any = k8s_job_executor.executor_creation_fn(context)  # type: ignore[misc]
        return PodExecutor(theirs, PodStepHandler(theirs._step_handler, train_jobs))

    return dg.ExecutorDefinition(
        name="k8s",
        config_schema=k8s_job_executor.config_schema,  # type: ignore[arg-type]
        requirements=multiple_process_executor_requirements(),
        executor_creation_fn=steps_as_pods,
    )


class PodExecutor(StepDelegatingExecutor):
    """Tries a step again when its pod died of what may pass, as often as its `retry` says."""

    def __init__(self, configured: StepDelegatingExecutor, handler: PodStepHandler) -> None:
        vars(self).update(vars(configured))
        self._step_handler = self._pods = handler

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        """As Dagster does. But where runs are resumed it leaves the steps of a cancelled one alone,
        and on a real cluster their pods kept their GPUs to the end.
        """
        try:
            yield from super().execute(plan_context, execution_plan)
        finally:
            run = plan_context.instance.get_run_by_id(plan_context.run_id)
            if run and run.status in CANCELLED:
                self._pods.end_steps_of(run, plan_context.instance)

    def log_failure_or_retry_event_after_error(
        self,
        step_context: IStepContext,
        err_info: SerializableErrorInfo,
        known_state: KnownExecutionState,
    ) -> DagsterEvent:
        """What becomes of a step whose pod is lost: another try, or a failure."""
        key = step_context.step.key
        recipe = retry_recipe_of(step_context.job.get_definition(), step_context.node_handle)
        tries = known_state.get_retry_state().get_attempt_count(key) + 1
        if not recipe or tries > recipe.times or not self._is_worth_it(step_context):
            self._pods.end_training_of(step_context)
            return super().log_failure_or_retry_event_after_error(
                step_context, err_info, known_state
            )
        pause = recipe.pause_seconds(tries)
        return DagsterEvent.step_retry_event(
            step_context,
            StepRetryData(err_info, pause),  # type: ignore[no-untyped-call]
        )

    def _is_worth_it(self, step: IStepContext) -> bool:
        return self._pods.may_pass(step.step.key) and not step.retry_mode.disabled
