"""A step's pod is looked after: what is said, when it is given up, and what is deleted."""

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent
from dagster._core.execution.plan.objects import StepFailureData, StepRetryData
from dagster._utils.error import SerializableErrorInfo
from kubernetes.client import ApiException
from urllib3.exceptions import MaxRetryError

from osft_assets.kubernetes.step_handler import PodStepHandler
from tests.kubernetes.fake_cluster import (
    NOW,
    FakeCluster,
    condition,
    container,
    pod,
    warning,
)
from tests.kubernetes.steps import TRAINING, Clock, Launched, handler

OOM = container(terminated={"exitCode": 137, "reason": "OOMKilled"})
NO_ROOM = condition("PodScheduled", "False", reason="Unschedulable", message="0/3 nodes: no GPU")


class Step:
    """The training of one run, launched, and whoever looks after it."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        cluster: FakeCluster,
        clock: Clock,
        pipeline: dict[str, Any] | None = None,
    ) -> None:
        self.cluster, self.clock, self.instance = cluster, clock, instance
        self.run = Launched(instance, pipeline)
        self.handler = handler(instance, cluster, clock)
        list(self.handler.launch_step(self.run.context(TRAINING)))
        [self.job] = cluster.jobs

    def becomes(self, phase: str, **status: Any) -> None:
        """Its pod is in this state from now on."""
        self.cluster.pods = [pod(phase, self.job, **status)]
        if phase == "Failed":
            self.cluster.jobs[self.job]["status"] = {"failed": 1}

    def look(self, by: PodStepHandler | None = None) -> str:
        """What is wrong with it; nothing when it is healthy."""
        seen = (by or self.handler).check_step_health(self.run.context(TRAINING))
        assert seen.is_healthy is (seen.unhealthy_reason is None)
        return seen.unhealthy_reason or ""

    def said(self) -> list[str]:
        return self.run.said()


@pytest.fixture
def step(instance: dg.DagsterInstance, cluster: FakeCluster, clock: Clock) -> Step:
    return Step(instance, cluster, clock)


def test_a_pod_that_ran_out_of_memory_is_told_with_the_setting_and_its_job_deleted(
    step: Step,
) -> None:
    step.becomes("Failed", **OOM)

    told = step.look()

    assert told.startswith("Its pod's memory ran out: the container dagster was OOMKilled. Raise ")
    assert "pod.memory (32Gi), or lower train.max_tokens_per_gpu" in told
    assert step.job in told
    assert step.cluster.deleted == [(step.job, "Background")]
    assert step.handler.may_pass(TRAINING)


def test_a_wrong_image_is_not_worth_another_try(step: Step) -> None:
    step.becomes("Pending", **container(waiting={"reason": "InvalidImageName", "message": "x"}))

    assert "cannot be pulled: x" in step.look()
    assert step.cluster.deleted
    assert not step.handler.may_pass(TRAINING)


def test_a_pod_that_runs_is_left_alone(step: Step) -> None:
    step.becomes("Running", **container(running={"startedAt": NOW}))

    assert step.look() == ""
    assert step.cluster.deleted == []
    assert step.said() == []


def test_the_schedulers_words_are_said_once_and_again_when_they_change_or_time_passes(
    step: Step,
) -> None:
    step.becomes("Pending", **NO_ROOM)

    for _ in range(30):
        step.clock.now += timedelta(seconds=10)
        assert step.look() == ""
    once = step.said()
    step.clock.now += timedelta(minutes=10)
    step.look()
    again = step.said()
    other = condition("PodScheduled", "False", reason="Unschedulable", message="0/3 nodes: taint")
    step.becomes("Pending", **other)
    step.look()

    assert once == [f"{TRAINING}: Its pod waits for a node: 0/3 nodes: no GPU."]
    assert len(again) == 2
    assert step.said()[2:] == [f"{TRAINING}: Its pod waits for a node: 0/3 nodes: taint."]


def test_a_pod_that_does_not_start_in_time_fails_and_frees_its_place(
    instance: dg.DagsterInstance, cluster: FakeCluster, clock: Clock
) -> None:
    step = Step(instance, cluster, clock, {"pod": {"start_timeout_minutes": 5}})
    step.becomes("Pending", **NO_ROOM)

    clock.now += timedelta(minutes=4)
    early = step.look()
    clock.now += timedelta(minutes=2)

    assert early == ""
    assert "did not start within 5 minutes (pod.start_timeout_minutes)" in step.look()
    assert cluster.jobs == {}


def test_what_events_say_is_passed_on(step: Step) -> None:
    step.becomes("Pending", **container(waiting={"reason": "ContainerCreating"}))
    step.cluster.events = [warning(f"{step.job}-x7k2p", "FailedMount: no such claim")]

    step.look()

    assert step.said() == [f"{TRAINING}: Its pod does not start: FailedMount: no such claim."]


@pytest.mark.parametrize(
    "trouble",
    [
        ApiException(status=429, reason="Too Many Requests"),
        ApiException(status=500, reason="Internal Server Error"),
        ApiException(status=503, reason="Service Unavailable"),
        ApiException(status=403, reason="Forbidden"),
        MaxRetryError(None, "/", None),  # type: ignore[arg-type]
        ConnectionResetError(),
        TimeoutError(),
    ],
    ids=str,
)
def test_a_cluster_that_does_not_answer_fails_no_step(step: Step, trouble: Exception) -> None:
    step.becomes("Failed", **OOM)
    step.cluster.fails = trouble

    while_away = [step.look(), step.look()]
    step.cluster.fails = None

    assert while_away == ["", ""]
    assert len(step.said()) == 1
    assert "OOMKilled" in step.look()


def test_a_failure_that_the_step_reported_itself_is_not_reported_twice(step: Step) -> None:
    step.becomes("Failed", **container(terminated={"exitCode": 1, "reason": "Error"}))
    context = step.run.context(TRAINING).get_step_context(TRAINING)
    error = SerializableErrorInfo("TrainingError: the loss is NaN", [], "TrainingError")
    DagsterEvent.step_failure_event(context, StepFailureData(error, None))

    assert step.look() == ""


def test_a_try_that_was_reported_says_nothing_of_the_next_one(step: Step) -> None:
    context = step.run.context(TRAINING).get_step_context(TRAINING)
    DagsterEvent.step_retry_event(context, StepRetryData(SerializableErrorInfo("x", [], None), 0))
    step.cluster.jobs.clear()
    second = step.run.context(TRAINING, tries=1)
    list(step.handler.launch_step(second))
    [job] = step.cluster.jobs
    step.cluster.pods = [pod("Failed", job, **OOM)]

    assert not step.handler.check_step_health(second).is_healthy


def test_a_job_that_somebody_deleted_is_told(step: Step) -> None:
    step.cluster.jobs.clear()

    assert "somebody deleted it" in step.look()
    assert not step.handler.may_pass(TRAINING)


def test_another_run_worker_goes_on_with_the_pod_that_is_there(
    step: Step, instance: dg.DagsterInstance
) -> None:
    step.becomes("Running", **container(running={"startedAt": NOW}))
    successor = handler(instance, step.cluster, step.clock)

    healthy = step.look(successor)
    list(successor.launch_step(step.run.context(TRAINING)))

    assert healthy == ""
    assert len(step.cluster.created) == 1
    assert step.cluster.deleted == []
    assert step.said() == [f"The Kubernetes job {step.job} is there already: it goes on"]


def test_another_run_worker_starts_anew_what_died_meanwhile(
    step: Step, instance: dg.DagsterInstance
) -> None:
    """The name of the job is the same, and Kubernetes would refuse a second one."""
    step.becomes("Failed", **OOM)
    successor = handler(instance, step.cluster, step.clock)

    assert "OOMKilled" in step.look(successor)
    list(successor.launch_step(step.run.context(TRAINING)))

    assert len(step.cluster.created) == 2
    assert list(step.cluster.jobs) == [step.job]


def test_a_cancelled_run_deletes_its_jobs_and_does_not_mind_those_that_are_gone(
    step: Step,
) -> None:
    list(step.handler.terminate_step(step.run.context(TRAINING)))
    list(step.handler.terminate_step(step.run.context(TRAINING)))

    assert step.cluster.deleted == [(step.job, "Background")]


def test_a_job_that_cannot_be_deleted_keeps_no_dead_step_alive(step: Step) -> None:
    step.becomes("Failed", **OOM)
    step.cluster.keeps = ApiException(status=403, reason="Forbidden")

    assert "OOMKilled" in step.look()
    [said] = step.said()
    assert "does not let us delete the job" in said
    assert "403 Forbidden. Delete the Kubernetes job" in said


def test_a_light_step_that_dies_is_explained_too(
    instance: dg.DagsterInstance, cluster: FakeCluster, clock: Clock
) -> None:
    run, made = Launched(instance), handler(instance, cluster, clock)
    context = run.context("mine__dataset")
    list(made.launch_step(context))
    [job] = cluster.jobs
    cluster.pods = [pod("Failed", job, reason="Evicted", message="low on memory")]

    told = made.check_step_health(context).unhealthy_reason

    assert told is not None
    assert "was evicted from gpu-1: low on memory" in told


def _labels(step: Step, pipeline: str = "mine") -> dict[str, str]:
    return {
        "app.kubernetes.io/managed-by": "osft-assets",
        "dagster/run-id": step.run.run.run_id,
        "osft-assets/pipeline": pipeline,
    }


@pytest.fixture
def spread(instance: dg.DagsterInstance, cluster: FakeCluster, clock: Clock) -> Step:
    """A training over two pods, beside those of other pipelines and of other runs."""
    step = Step(instance, cluster, clock, {"pod": {"workers": 2}})
    cluster.train_jobs = {
        "ours": _labels(step),
        "another pipeline's": _labels(step, "other"),
        "another run's": _labels(step) | {"dagster/run-id": "7"},
        "somebody's": {"dagster/run-id": step.run.run.run_id},
    }
    return step


def test_a_step_that_is_ended_takes_its_train_job_with_it_and_no_other(spread: Step) -> None:
    list(spread.handler.terminate_step(spread.run.context(TRAINING)))

    assert set(spread.cluster.train_jobs) == {"another pipeline's", "another run's", "somebody's"}


def test_a_run_that_is_ended_takes_all_its_train_jobs_with_it(spread: Step) -> None:
    spread.handler.end_steps_of(spread.run.run, spread.instance)

    assert set(spread.cluster.train_jobs) == {"another run's", "somebody's"}
    assert spread.cluster.jobs == {}


def test_a_following_pod_that_died_leaves_its_train_job_to_the_next_try(spread: Step) -> None:
    spread.becomes("Failed", **OOM)

    assert "what the deployment says of its pods" in spread.look()
    assert "ours" in spread.cluster.train_jobs


@pytest.mark.parametrize("status", [403, 404])
def test_a_cluster_without_trainer_has_no_train_jobs_to_end(spread: Step, status: int) -> None:
    spread.cluster.has_no_trainer = ApiException(status=status)

    spread.handler.end_steps_of(spread.run.run, spread.instance)
    list(spread.handler.terminate_step(spread.run.context(TRAINING)))

    assert not [said for said in spread.said() if "TrainJob" in said]


def test_a_train_job_that_cannot_be_ended_is_told_with_what_becomes_of_it(spread: Step) -> None:
    spread.cluster.has_no_trainer = ApiException(status=500, reason="Internal Server Error")

    list(spread.handler.terminate_step(spread.run.context(TRAINING)))

    told = spread.said()[-1]
    assert "does not let us delete TrainJobs: 500 Internal Server Error. " in told
    assert told.endswith("Nobody follows its TrainJob: that ends by itself within minutes.")


def test_for_a_training_of_one_pod_nobody_asks_for_train_jobs(step: Step) -> None:
    step.cluster.has_no_trainer = ApiException(status=500)

    list(step.handler.terminate_step(step.run.context(TRAINING)))

    assert not [said for said in step.said() if "TrainJob" in said]
