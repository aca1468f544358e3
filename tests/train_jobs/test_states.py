"""The states of a TrainJob and what is done about each: the rows of the table in docs/trainjobs.md.

The API is a server on this machine, and Kubernetes' own client speaks to it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.errors import ConfigError, OsftError, TrainingError
from osft_assets.core.worker import CONFIG_EXIT, FAILURE_EXIT
from tests.core.training_parts import outcome
from tests.train_jobs.fake_api import Fault, stamp
from tests.train_jobs.training import Training

_HOURS = 3600.0


def passes(training: Training, seconds: float) -> Callable[[], None]:
    """Time, at one look."""

    def pass_by() -> None:
        training.clock.seconds += seconds

    return pass_by


def failure(training: Training, *script: Any, **pace: Any) -> OsftError:
    """What is said of a training that fails; its TrainJob is gone afterwards."""
    training.plan(*script)
    with pytest.raises(OsftError) as problem:
        training.train(**pace)
    assert training.api.jobs == {}
    assert not list((training.workspace.root / "train_jobs").iterdir())
    return problem.value


# Before it runs


def test_a_train_job_without_pods_is_waited_for(training: Training) -> None:
    training.plan(*[lambda: None] * 3, training.api.add_pods, training.completes)

    assert training.train() == outcome()
    assert "The TrainJob has no pods yet." in training.words


def test_a_train_job_that_gets_no_pods_in_time_is_given_up(training: Training) -> None:
    def warn() -> None:
        training.api.warn(training.api.name, 'exceeded quota: gpus, requested: "2"')

    found = failure(training, warn, *[passes(training, 600)] * 13)

    assert isinstance(found, TrainingError)
    assert "got no pods within 120 minutes (pod.start_timeout_minutes): exceeded quota" in str(
        found
    )
    assert training.clock.seconds < 2.3 * _HOURS


def test_a_quota_that_keeps_pods_away_is_told_while_it_is_waited_for(training: Training) -> None:
    def warn() -> None:
        training.api.warn(f"{training.api.name}-node-0", "exceeded quota: gpus")

    training.plan(warn, lambda: None, training.api.add_pods, training.completes)

    training.train()

    assert "The TrainJob has no pods yet: exceeded quota: gpus." in training.words


def test_a_train_job_that_a_queue_holds_back_waits_without_limit(training: Training) -> None:
    def resume() -> None:
        training.api.condition("Suspended", status=False)
        training.api.add_pods()

    training.plan(
        lambda: training.api.condition("Suspended", "TrainJob is suspended"),
        *[passes(training, 48 * _HOURS)] * 3,
        *(resume, training.completes),
    )

    assert training.train(job=training.job(limits={"timeout_minutes": 1.0})) == outcome()
    assert "held back, by a queue such as Kueue or by hand: TrainJob is suspended" in training.words


def test_the_time_in_a_queue_does_not_count_as_time_to_start(training: Training) -> None:
    def resume_after_a_day() -> None:
        training.clock.seconds += 24 * _HOURS
        training.api.condition("Suspended", status=False)

    training.plan(
        lambda: training.api.condition("Suspended"),
        *(resume_after_a_day, lambda: None, training.api.add_pods, training.completes),
    )

    assert training.train() == outcome()


def test_a_pod_that_no_node_has_room_for_is_told_and_waited_for(training: Training) -> None:
    gate = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
    training.plan(
        lambda: training.api.add_pods(phase="Pending", conditions=[gate]),
        *(training.api.add_pods, training.completes),
    )

    assert training.train() == outcome()
    assert "Node 0: its pod waits for a node: 0/3 nodes are available." in training.words


def test_a_pod_that_does_not_start_in_time_is_given_up(training: Training) -> None:
    pend = lambda: training.api.add_pods(phase="Pending")  # noqa: E731

    found = failure(training, pend, *[passes(training, 600)] * 13)

    assert "did not start within 120 minutes (pod.start_timeout_minutes)" in str(found)


def test_an_image_that_does_not_exist_is_given_up_at_once(training: Training) -> None:
    waiting = {"reason": "ErrImagePull", "message": "manifest unknown: not found"}
    container = {"name": "node", "image": "trainer:2", "state": {"waiting": waiting}}

    found = failure(
        training, lambda: training.api.add_pods(phase="Pending", containerStatuses=[container])
    )

    assert "Node 0: the image trainer:2 cannot be pulled" in str(found)
    assert training.clock.seconds < 60


# While it runs


def test_steps_and_lines_arrive_while_it_runs(training: Training) -> None:
    training.plan(
        training.api.add_pods,
        lambda: training.api.say("loading", "ready"),
        lambda: training.writes_steps(1),
        lambda: training.writes_steps(2, 3),
        training.completes,
    )
    heard: list[int] = []
    training.on_step = lambda _: heard.append(len(training.clock.script))

    training.train()

    assert [step.step for step in training.steps] == [1, 2, 3]
    assert heard[0] > 0  # before its end
    assert [line for line in training.lines if line in ("loading", "ready")] == ["loading", "ready"]


def test_a_training_that_is_suspended_while_it_runs_is_made_anew_by_a_retry(
    training: Training,
) -> None:
    found = failure(
        training,
        training.api.add_pods,
        lambda: None,
        lambda: training.api.condition("Suspended"),
    )

    assert "was suspended while it ran" in str(found)
    assert found.is_transient


def test_a_pod_that_dies_is_told_and_what_becomes_of_it_is_left_to_trainer(
    training: Training,
) -> None:
    training.plan(
        training.api.add_pods,
        lambda: training.api.end_pod(1, 137, "OOMKilled"),
        *(training.api.add_pods, training.completes),
    )

    assert training.train() == outcome()
    assert "Node 1: its pod's memory ran out" in training.words


def test_a_pod_that_is_told_to_end_is_told(training: Training) -> None:
    def drain() -> None:
        time = stamp(training.clock.now())
        training.api.set_pod(0, {"phase": "Running"}, deletionTimestamp=time)

    training.plan(training.api.add_pods, drain, lambda: None, training.completes)

    training.train()

    assert "Node 0: its pod is told to end." in training.words


def test_a_training_that_says_nothing_for_too_long_is_stopped(training: Training) -> None:
    training.plan(training.api.add_pods)

    with pytest.raises(TrainingError, match="said nothing for 5 min"):
        training.train(job=training.job(limits={"stall_timeout_minutes": 5.0}))

    assert training.api.jobs == {}


def test_a_training_that_takes_too_long_is_stopped_whatever_it_says(training: Training) -> None:
    chatter = [lambda: training.api.say("still here")] * 40
    training.plan(training.api.add_pods, *chatter)

    with pytest.raises(TrainingError, match="has been running for 6. s"):
        training.train(job=training.job(limits={"timeout_minutes": 1.0}))

    assert training.api.jobs == {}


# Its end


def test_a_complete_train_job_gives_its_outcome_and_its_files(training: Training) -> None:
    job = training.job()
    training.plan(training.api.add_pods, training.completes)

    assert training.train(job) == outcome()
    assert training.api.jobs == {}
    assert training.api.deleted == training.api.created
    assert list((training.workspace.root / "train_jobs").iterdir()) == []
    assert (Path(job.directory) / "hf_format/samples_32/config.json").exists()


def test_one_that_is_complete_before_the_first_look_gives_its_outcome(training: Training) -> None:
    def at_once(request: Any) -> None:
        if request.method == "POST" and not request.is_a_dry_run:
            training.writes_steps(1, 2)
            training.completes()

    training.api.after = at_once

    assert training.train() == outcome()
    assert [step.step for step in training.steps] == [1, 2]


def test_an_outcome_that_a_shared_filesystem_shows_late_is_waited_for(training: Training) -> None:
    training.plan(
        training.api.add_pods,
        lambda: training.api.condition("Complete"),
        *[lambda: None] * 5,
        training.writes_outcome,
    )

    assert training.train() == outcome()


def test_a_complete_train_job_without_an_outcome_is_a_failure(training: Training) -> None:
    found = failure(training, training.api.add_pods, lambda: training.api.condition("Complete"))

    assert "complete, but there is no outcome" in str(found)
    assert "OSFT_WORKSPACE_URI" in str(found)


@pytest.mark.parametrize(
    ("code", "kind"), [(CONFIG_EXIT, ConfigError), (FAILURE_EXIT, TrainingError)]
)
def test_a_failed_train_job_is_told_as_its_node_put_it(
    training: Training, code: int, kind: type[Exception]
) -> None:
    def fail() -> None:
        training.writes_problem("lower it", rank=1, is_transient=True)
        training.api.end_pod(1, code)
        training.api.condition("Failed", "jobset failed")

    found = failure(training, training.api.add_pods, fail)

    assert (type(found), str(found), found.is_transient) == (kind, "lower it", True)


def test_a_problem_that_a_shared_filesystem_shows_late_is_waited_for(training: Training) -> None:
    def fail() -> None:
        training.api.end_pod(0, FAILURE_EXIT)
        training.api.condition("Failed")

    found = failure(
        training,
        *(training.api.add_pods, fail, lambda: None),
        lambda: training.writes_problem("it diverges"),
    )

    assert str(found) == "it diverges"


def test_a_node_whose_memory_ran_out_is_told_before_those_that_missed_it(
    training: Training,
) -> None:
    def fail() -> None:
        training.api.end_pod(1, 137, "OOMKilled")
        training.writes_problem("connection closed by peer", is_aftermath=True)
        training.api.end_pod(0, FAILURE_EXIT)
        training.api.condition("Failed")

    found = failure(training, training.api.add_pods, fail)

    assert "Node 1: Its pod's memory ran out" in str(found)
    assert found.is_transient


def test_a_failed_train_job_of_which_no_node_says_why_is_told_by_its_condition(
    training: Training,
) -> None:
    found = failure(training, lambda: training.api.condition("Failed", "the JobSet is refused"))

    assert "The TrainJob failed: the JobSet is refused." in str(found)


def test_a_runtime_that_trainer_does_not_support_is_a_wrong_setting(training: Training) -> None:
    def fail() -> None:
        reason = "TrainingRuntimeNotSupported"
        training.api.condition("Failed", "training-hub is unknown", reason=reason)

    found = failure(training, fail)

    assert isinstance(found, ConfigError)
    assert "Set OSFT_TRAIN_RUNTIME" in str(found)


def test_a_deadline_of_the_cluster_is_told(training: Training) -> None:
    fail = lambda: training.api.condition("Failed", reason="DeadlineExceeded")  # noqa: E731

    assert "took longer than a deadline" in str(failure(training, fail))


def test_a_train_job_that_somebody_deletes_is_a_failure(training: Training) -> None:
    found = failure(training, training.api.add_pods, lambda: training.api.remove(training.api.name))

    assert "The TrainJob is gone: somebody deleted it" in str(found)


def test_a_train_job_that_is_being_deleted_is_waited_for_and_a_failure(training: Training) -> None:
    def begin() -> None:
        training.api.reads_until_gone = 10
        job = training.api.jobs[training.api.name]
        job["metadata"]["deletionTimestamp"] = stamp(training.clock.now())

    assert "somebody deleted it" in str(failure(training, training.api.add_pods, begin))


def test_one_that_is_deleted_after_its_outcome_is_a_success(training: Training) -> None:
    def end() -> None:
        training.writes_steps(1)
        training.writes_outcome()
        training.api.remove(training.api.name)

    training.plan(training.api.add_pods, end)

    assert training.train() == outcome()
    assert [step.step for step in training.steps] == [1]


def test_one_that_is_complete_and_being_deleted_is_a_success(training: Training) -> None:
    def end() -> None:
        training.api.condition("Complete")
        job = training.api.jobs[training.api.name]
        job["metadata"]["deletionTimestamp"] = stamp(training.clock.now())
        training.api.reads_until_gone = 5

    training.plan(training.api.add_pods, end, training.writes_outcome)

    assert training.train() == outcome()


# Stopped from here


@pytest.mark.parametrize(
    "problem", [TrainingError("it diverges"), KeyboardInterrupt(), SystemExit()]
)
def test_what_stops_the_step_deletes_the_train_job_and_waits(
    training: Training, problem: BaseException
) -> None:
    def stop(_: object) -> None:
        training.api.reads_until_gone = 5
        raise problem

    training.on_step = stop
    training.plan(training.api.add_pods, lambda: training.writes_steps(1))

    with pytest.raises(type(problem)):
        training.train()

    assert training.api.jobs == {}
    assert not list((training.workspace.root / "train_jobs").iterdir())


def test_a_train_job_that_cannot_be_deleted_now_keeps_its_directory_for_the_sweep(
    training: Training,
) -> None:
    def away() -> None:
        training.api.faults.append(Fault("DELETE", "trainjobs", 500, times=10**6))
        raise KeyboardInterrupt

    training.plan(training.api.add_pods, away)

    with pytest.raises(KeyboardInterrupt):
        training.train()

    assert training.directory.exists()
    assert f"delete trainjob {training.api.name}" in training.words


# The cluster's troubles


def test_an_api_that_is_away_for_an_hour_stops_nothing_and_is_told_now_and_then(
    training: Training,
) -> None:
    def away() -> None:
        training.api.faults.append(Fault("GET", "", 503, times=10**6))

    def back() -> None:
        training.api.faults.clear()

    training.plan(
        *(training.api.add_pods, lambda: None, away),
        *[passes(training, 20)] * 180,
        *(lambda: training.writes_steps(1), lambda: None),
        *(back, training.completes),
    )

    assert training.train() == outcome()
    told = [line for line in training.lines if "The TrainJob cannot be seen" in line]
    assert 2 <= len(told) <= 8
    assert [step.step for step in training.steps] == [1]


def test_a_token_that_expires_while_it_runs_stops_nothing(training: Training) -> None:
    training.plan(
        training.api.add_pods,
        lambda: training.api.faults.append(Fault("GET", "trainjobs", 401, times=3)),
        *[lambda: None] * 8,
        training.completes,
    )

    assert training.train() == outcome()
    assert "answered 401" in training.words


def test_one_lost_connection_is_not_worth_a_word(training: Training) -> None:
    training.plan(
        training.api.add_pods,
        lambda: training.api.faults.append(Fault("GET", "trainjobs", 0)),
        *[lambda: None] * 4,
        training.completes,
    )

    assert training.train() == outcome()
    assert "cannot be seen" not in training.words


def test_a_lease_that_cannot_be_renewed_for_a_while_stops_nothing(training: Training) -> None:
    lease = "lease"

    def in_the_way() -> None:
        (training.directory / lease).unlink()
        (training.directory / lease).symlink_to("/nowhere/at/all")

    training.plan(
        *(training.api.add_pods, in_the_way, passes(training, 20), passes(training, 20)),
        lambda: (training.directory / lease).unlink(),
        *(passes(training, 20), lambda: None, training.completes),
    )

    assert training.train() == outcome()


def test_pods_that_nobody_may_see_do_not_stop_a_training(training: Training) -> None:
    training.api.faults.append(Fault("GET", "/pods", 403, times=10**6, message="pods is forbidden"))
    training.plan(*[passes(training, 600)] * 50, training.completes)

    assert training.train() == outcome()
    assert "Its pods cannot be seen" in training.words
