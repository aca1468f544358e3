"""What is said of a step's pod: from objects as clusters have them."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from osft_assets.core.pods.findings import Asked, Finding
from osft_assets.kubernetes.diagnosis import finding
from tests.kubernetes.fake_cluster import NOW, condition, container, pod

ASKED = Asked("pod", "32Gi", 120.0)
JOB: dict[str, Any] = {
    "metadata": {"name": "job", "creationTimestamp": NOW},
    "spec": {},
    "status": {"active": 1},
}
FAILED_JOB = JOB | {
    "status": {
        "failed": 1,
        **condition("Failed", "True", reason="BackoffLimitExceeded", message="has reached"),
    }
}


def look(
    *pods: dict[str, Any],
    job: dict[str, Any] | None = JOB,
    warnings: tuple[str, ...] = (),
    asked: Asked = ASKED,
    minutes: float = 1,
) -> Finding | None:
    now = datetime.fromisoformat(NOW) + timedelta(minutes=minutes)
    return finding(job, pods, warnings, asked, now)


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    placed = condition("PodScheduled", "True", lastTransitionTime=NOW)
    return pod("Pending", **placed, **container(waiting={"reason": reason, "message": message}))


def ended(code: int, reason: str = "Error", message: str = "", **status: Any) -> dict[str, Any]:
    state = {"exitCode": code, "reason": reason, "message": message}
    return pod("Failed", **status, **container(terminated=state))


def unschedulable(message: str) -> dict[str, Any]:
    said = condition("PodScheduled", "False", reason="Unschedulable", message=message)
    return pod("Pending", **said)


@pytest.mark.parametrize(
    "of_the_pod",
    [
        pod("Running", **container(running={"startedAt": NOW})),
        pod("Succeeded", **container(terminated={"exitCode": 0, "reason": "Completed"})),
        pod("Pending", **container(waiting={"reason": "ContainerCreating"})),
        pod("Pending"),
    ],
)
def test_of_a_pod_that_does_what_it_should_there_is_nothing_to_say(
    of_the_pod: dict[str, Any],
) -> None:
    assert look(of_the_pod) is None


@pytest.mark.parametrize(
    ("of_the_pod", "words", "may_pass"),
    [
        (ended(137, "OOMKilled"), "memory ran out: the container dagster was OOMKilled", True),
        (
            pod("Failed", reason="Evicted", message="The node was low on resource: memory."),
            "was evicted from gpu-1: The node was low on resource: memory. Raise pod.memory",
            True,
        ),
        (
            ended(143, reason="Error", **condition("DisruptionTarget", "True", message="x taint")),
            "on gpu-1 was disrupted: x taint",
            True,
        ),
        (pod("Failed", reason="NodeLost"), "was lost with gpu-1", True),
        (pod("Failed", reason="Terminated"), "gpu-1, which was shut down", True),
        (
            pod("Failed", reason="OutOfnvidia.com/gpu", message="Node didn't have enough"),
            "refused by gpu-1, which had no room any more: Node didn't have enough",
            True,
        ),
        (
            pod("Failed", reason="UnexpectedAdmissionError", message="Allocate failed"),
            "refused by gpu-1: Allocate failed",
            True,
        ),
        (
            ended(1, message="Traceback\nModuleNotFoundError: No module named 'osft_assets'"),
            "exit code 1: Traceback\nModuleNotFoundError: No module named 'osft_assets'",
            False,
        ),
        (ended(139), "exit code 139. Look at the log", False),
        (
            ended(128, "StartError", 'exec: "dagster": executable file not found in $PATH'),
            "cannot be started: exec",
            False,
        ),
        (pod("Failed"), "the cluster does not say why", False),
    ],
)
def test_a_pod_that_died_is_lost_and_its_death_is_explained(
    of_the_pod: dict[str, Any], words: str, may_pass: bool
) -> None:
    found = look(of_the_pod, job=FAILED_JOB)

    assert found is not None
    assert found.is_lost
    assert words in found.words
    assert found.may_pass is may_pass


@pytest.mark.parametrize(
    ("of_the_pod", "words"),
    [
        (waiting("ErrImagePull", "manifest for x:9 not found"), "trainer:1 cannot be pulled"),
        (waiting("ImagePullBackOff", "pull access denied"), "Correct pod.image or OSFT_TRAINER"),
        (waiting("InvalidImageName", "couldn't parse"), "trainer:1 cannot be pulled"),
        (
            waiting("CreateContainerConfigError", 'secret "hf-token" not found'),
            'cannot be made: secret "hf-token" not found. Create what is missing in the namespace '
            "ml, or correct pod.env_secrets",
        ),
    ],
)
def test_what_cannot_get_better_by_itself_is_lost_at_once_and_not_tried_again(
    of_the_pod: dict[str, Any], words: str
) -> None:
    found = look(of_the_pod, minutes=0.5)

    assert found is not None
    assert found.is_lost
    assert not found.may_pass
    assert words in found.words


@pytest.mark.parametrize(
    "of_the_pod",
    [
        waiting("ErrImagePull", "dial tcp: i/o timeout"),
        waiting("ImagePullBackOff", 'Back-off pulling image "trainer:1"'),
        waiting("CreateContainerError", "context deadline exceeded"),
    ],
)
def test_a_bad_minute_of_a_registry_or_a_node_is_waited_out(of_the_pod: dict[str, Any]) -> None:
    soon, later = look(of_the_pod, minutes=4), look(of_the_pod, minutes=6)

    assert soon is not None
    assert not soon.is_lost
    assert later is not None
    assert later.is_lost


def test_between_two_tries_to_pull_an_image_the_events_say_why_it_does_not_come() -> None:
    between = waiting("ImagePullBackOff", 'Back-off pulling image "trainer:1"')
    events = ('Failed to pull image "trainer:1": not found', "Error: ImagePullBackOff")

    found = look(between, warnings=events, minutes=0.5)

    assert found is not None
    assert found.is_lost
    assert 'Failed to pull image "trainer:1": not found. Correct pod.image' in found.words


def test_a_pod_without_a_node_is_told_in_the_schedulers_words_and_given_up_in_time() -> None:
    waits = unschedulable("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")

    soon, late = look(waits, minutes=119), look(waits, minutes=121)

    assert soon == Finding(
        "Its pod waits for a node: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu",
        is_lost=False,
    )
    assert late is not None
    assert late.is_lost
    assert "within 120 minutes (pod.start_timeout_minutes)" in late.words
    assert "3 Insufficient nvidia.com/gpu" in late.words
    assert not late.may_pass


def test_nobody_gives_up_where_the_limit_is_nought() -> None:
    found = look(unschedulable("no"), asked=Asked("pod", "1Gi", 0), minutes=100_000)

    assert found is not None
    assert not found.is_lost


@pytest.mark.parametrize(
    ("pods", "job"),
    [
        ([], JOB | {"spec": {"suspend": True}}),
        (
            [pod("Pending", **condition("PodScheduled", "False", reason="SchedulingGated"))],
            JOB,
        ),
    ],
)
def test_a_queue_may_hold_a_step_back_for_days(
    pods: list[dict[str, Any]], job: dict[str, Any]
) -> None:
    found = look(*pods, job=job, minutes=5_000)

    assert found is not None
    assert not found.is_lost
    assert "waits in a queue" in found.words


def test_a_volume_that_does_not_come_is_told_from_the_events() -> None:
    creating = waiting("ContainerCreating")

    found = look(creating, warnings=("older", 'MountVolume.SetUp failed: secret "s" not found'))

    assert found is not None
    assert not found.is_lost
    assert 'does not start: MountVolume.SetUp failed: secret "s" not found' in found.words


def test_a_quota_that_allows_no_pod_is_told_and_given_up_in_time() -> None:
    said = ('pods "job-x" is forbidden: exceeded quota: gpus',)

    soon, late = look(warnings=said), look(warnings=said, minutes=121)

    assert soon is not None
    assert not soon.is_lost
    assert "makes no pod: pods" in soon.words
    assert late is not None
    assert late.is_lost
    assert "exceeded quota" in late.words


def test_a_job_that_somebody_deleted_is_lost_and_not_tried_again() -> None:
    found = look(job=None)

    assert found is not None
    assert found.is_lost
    assert not found.may_pass
    assert "somebody deleted it" in found.words


def test_a_pod_that_is_gone_is_tried_again() -> None:
    found = look(job=FAILED_JOB)

    assert found is not None
    assert found.is_lost
    assert found.may_pass
    assert "preempted, drained with its node, or deleted" in found.words


def test_a_deadline_that_passed_is_not_tried_again() -> None:
    late = JOB | {"status": {"failed": 1, **condition("Failed", "True", reason="DeadlineExceeded")}}

    found = look(job=late)

    assert found is not None
    assert found.is_lost
    assert not found.may_pass
    assert "activeDeadlineSeconds" in found.words


def test_a_pod_that_is_told_to_end_may_still_say_why_but_not_for_ever() -> None:
    leaving = pod(
        "Running", **condition("DisruptionTarget", "True", message="preempting to accommodate")
    )
    leaving["metadata"]["deletionTimestamp"] = NOW

    soon, late = look(leaving, minutes=1), look(leaving, minutes=3)

    assert soon is not None
    assert not soon.is_lost
    assert "preempting to accommodate" in soon.words
    assert late is not None
    assert late.is_lost
    assert late.may_pass
    assert "gpu-1 says nothing: the node is lost" in late.words


def test_the_last_words_of_a_container_are_told_without_secrets() -> None:
    found = look(ended(1, message="fetching https://bob:hunter2@host/x with hf_abcdefghijkl"))

    assert found is not None
    assert "hunter2" not in found.words
    assert "hf_abcdefghijkl" not in found.words


def test_the_newest_pod_of_a_job_counts() -> None:
    old, new = ended(137, "OOMKilled"), pod("Running")
    new["metadata"]["creationTimestamp"] = "2026-03-01T12:00:30+00:00"

    assert look(new, old) is None


def test_a_light_step_is_not_sent_to_settings_that_it_has_not() -> None:
    found = look(ended(137, "OOMKilled"), asked=Asked())

    assert found is not None
    assert "pod.memory" not in found.words
    assert "what the deployment says of its pods" in found.words


@pytest.mark.parametrize(("minutes", "is_lost"), [(0.2, False), (1.0, True)])
def test_a_pod_that_ends_well_without_a_word_is_lost_after_a_while(
    minutes: float, is_lost: bool
) -> None:
    ended_well = JOB | {"status": {"succeeded": 1, "completionTime": NOW}}
    replaced = pod("Succeeded", **container(terminated={"exitCode": 0, "reason": "Completed"}))

    found = look(replaced, job=ended_well, minutes=minutes)

    assert bool(found and found.is_lost and found.may_pass) == is_lost
