"""Whether a step whose pod died is tried again: Dagster's own loop, with pods as processes."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.kubernetes import tiny_job
from tests.kubernetes.fake_cluster import container
from tests.kubernetes.tiny_job import ProcessCluster

OOM = container(terminated={"exitCode": 137, "reason": "OOMKilled"})
EVICTED = {"reason": "Evicted", "message": "low on memory"}
NO_MODULE = container(terminated={"exitCode": 1, "message": "No module named 'osft_assets'"})
NOTABLE = ("STEP_UP_FOR_RETRY", "STEP_FAILURE", "STEP_SUCCESS")


@pytest.fixture
def run(instance: dg.DagsterInstance) -> Iterator[Any]:
    def of(cluster: ProcessCluster, **pod: Any) -> list[tuple[str, str]]:
        """What happened to the step, with the words of its errors."""
        tiny_job.CLUSTER.append(cluster)
        job = dg.reconstructable(tiny_job.tiny_job)
        config = {"ops": {"training": {"config": {"pod": pod}}}}
        with dg.execute_job(job, instance, run_config=config, raise_on_error=False) as result:
            return [
                (event.event_type_value, _words(event))
                for event in result.all_events
                if event.event_type_value in NOTABLE
            ]

    yield of
    for process in tiny_job.CLUSTER.pop().processes:
        process.kill()
        process.wait()


def _words(event: dg.DagsterEvent) -> str:
    error = getattr(event.event_specific_data, "error", None)
    return error.message if error else ""


def test_a_pod_that_died_of_what_may_pass_is_tried_again_as_often_as_retry_says(run: Any) -> None:
    cluster = ProcessCluster(OOM, EVICTED)

    happened = run(cluster)

    assert [what for what, _ in happened] == [
        "STEP_UP_FOR_RETRY",
        "STEP_UP_FOR_RETRY",
        "STEP_SUCCESS",
    ]
    assert "OOMKilled" in happened[0][1]
    assert "was evicted from gpu-1: low on memory" in happened[1][1]
    names = [job["metadata"]["name"] for job in cluster.created]
    assert names == [names[0], f"{names[0]}-1", f"{names[0]}-2"]
    assert [name for name, _ in cluster.deleted] == names[:2]


def test_once_the_tries_are_used_up_the_step_fails_with_the_last_death(run: Any) -> None:
    happened = run(ProcessCluster(OOM, OOM, EVICTED))

    assert [what for what, _ in happened] == [
        "STEP_UP_FOR_RETRY",
        "STEP_UP_FOR_RETRY",
        "STEP_FAILURE",
    ]
    assert "was evicted" in happened[2][1]


def test_a_pod_that_died_of_what_will_not_pass_fails_once(run: Any) -> None:
    cluster = ProcessCluster(NO_MODULE)

    happened = run(cluster)

    assert [what for what, _ in happened] == ["STEP_FAILURE"]
    assert "No module named 'osft_assets'" in happened[0][1]
    assert len(cluster.created) == 1


class Following(ProcessCluster):
    """With a step that makes a TrainJob as soon as it starts."""

    def create_namespaced_job(self, body: Any, namespace: str, **_: Any) -> None:
        super().create_namespaced_job(body, namespace)
        self.train_jobs["ours"] = {
            "app.kubernetes.io/managed-by": "osft-assets",
            "dagster/run-id": body.metadata.labels["dagster/run-id"],
            "osft-assets/pipeline": "training",
        }


@pytest.mark.parametrize(("death", "left"), [(OOM, ["ours"]), (NO_MODULE, [])])
def test_a_train_job_outlives_the_pod_that_followed_it_only_if_another_try_will_find_it(
    run: Any, death: dict[str, Any], left: list[str]
) -> None:
    cluster = Following(death)

    run(cluster, workers=2)

    assert list(cluster.train_jobs) == left


@pytest.mark.parametrize(
    ("is_cancelled", "expected"),
    [(False, ["STEP_UP_FOR_RETRY", "STEP_SUCCESS"]), (True, ["STEP_FAILURE"])],
)
def test_a_pod_that_is_told_to_end_is_tried_again_unless_its_run_is_cancelled(
    run: Any,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_cancelled: bool,
    expected: list[str],
) -> None:
    """As the scheduler preempts: SIGTERM, and the process says what became of its step. Nobody
    says it a second time.
    """
    monkeypatch.setenv(tiny_job.DIRECTORY, str(tmp_path))
    cluster = ProcessCluster()

    def preempt() -> None:
        while not (tmp_path / "started-0").exists():
            time.sleep(0.1)
        if is_cancelled:
            instance.report_run_canceling(instance.get_runs()[0])
        cluster.processes[0].send_signal(signal.SIGTERM)
        cluster.processes[0].wait()
        cluster.pods[0]["status"] = {"phase": "Failed", **OOM}

    preemption = threading.Thread(target=preempt)
    preemption.start()
    happened = run(cluster)
    preemption.join()

    assert [what for what, _ in happened] == expected


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_a_run_worker_that_is_told_to_end_ends_its_steps_only_when_the_run_is_cancelled(
    run: Any,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_cancelled: bool,
) -> None:
    """With run monitoring another worker would go on with them: Dagster leaves them alone then."""
    monkeypatch.setenv(tiny_job.DIRECTORY, str(tmp_path))
    monkeypatch.setattr(type(instance), "run_will_resume", lambda *_: True)
    cluster = ProcessCluster()

    def end() -> None:
        while not (tmp_path / "started-0").exists():
            time.sleep(0.1)
        if is_cancelled:
            instance.report_run_canceling(instance.get_runs()[0])
        os.kill(os.getpid(), signal.SIGINT)

    ending = threading.Thread(target=end)
    ending.start()
    run(cluster)
    ending.join()

    created = [job["metadata"]["name"] for job in cluster.created]
    assert len(created) == 1
    assert [name for name, _ in cluster.deleted] == (created if is_cancelled else [])
