"""What goes wrong on a cluster: each ends in one clear error, and leaves nothing behind."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.cluster.dagster_api import Dagster
from tests.cluster.deployed import wait_until
from tests.cluster.found import Cluster
from tests.cluster.runs import TRAINING, left_over, pods, step_jobs, training

_UPSTREAM = ("base_model", "train_split", "holdout_split")
_LONG = {"num_epochs": 40}  # a minute or more
_ENDS_WITHIN_SECONDS = 120


@pytest.fixture(scope="module", autouse=True)
def upstream(dagster: Dagster) -> None:
    """What a training needs."""
    run_id = dagster.launched(*_UPSTREAM)
    assert dagster.ended(run_id) == "SUCCESS", dagster.told(run_id)


@pytest.fixture(autouse=True)
def nothing_is_left(dagster: Dagster) -> Iterator[None]:
    """After each of them there is what there was before: lists every object there is."""
    before = left_over(dagster.cluster)
    yield
    wait_until(
        "nothing of it is left", lambda: left_over(dagster.cluster) <= before, _ENDS_WITHIN_SECONDS
    )


def launched(dagster: Dagster, **settings: Any) -> str:
    return dagster.launched("checkpoint", "training_metrics", config=training(**settings))


def failed(dagster: Dagster, **settings: Any) -> str:
    """What the log of a training that must fail says."""
    run_id = launched(dagster, **settings)
    assert dagster.ended(run_id) == "FAILURE"
    assert not step_jobs(dagster, run_id, TRAINING), "its job is left"
    return dagster.told(run_id)


def failures(told: str) -> int:
    return told.count(f"STEP_FAILURE {TRAINING}")


def trains(dagster: Dagster, run_id: str) -> None:
    """Wait until its training is at work."""
    wait_until("it trains", lambda: " of 400: loss" in dagster.told(run_id))


def test_a_step_that_fails_by_itself_says_why_once(dagster: Dagster) -> None:
    run_id = launched(dagster, train={"target_patterns": ["no_such_matrix"]})

    assert dagster.ended(run_id) == "FAILURE"
    told = dagster.told(run_id)
    assert "no_such_matrix" in told
    assert failures(told) == 1


def test_memory_that_ran_out_is_told_and_tried_again(dagster: Dagster) -> None:
    told = failed(dagster, pod={"memory": "90Mi", "shm": "0"})

    assert "was OOMKilled. Raise pod.memory (90Mi)" in told
    assert told.count(f"STEP_UP_FOR_RETRY {TRAINING}") == 1
    assert failures(told) == 1


@pytest.fixture
def missing_image(cluster: Cluster) -> Iterator[str]:
    """One that its registry does not have: ours answers on this machine, where the node is too."""
    if not cluster.is_ours:
        yield "docker.io/library/osft-there-is-none:1"
        return
    with HTTPServer(("127.0.0.1", 0), NothingHere) as server:
        Thread(target=server.serve_forever).start()
        yield f"localhost:{server.server_port}/osft-there-is-none:1"
        server.shutdown()


class NothingHere(BaseHTTPRequestHandler):
    """404 to whatever is asked."""

    def do_HEAD(self) -> None:  # noqa: N802 - its name
        self.send_error(404)

    do_GET = do_HEAD  # noqa: N815 - its name

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_an_image_that_is_not_there_is_told_at_once(dagster: Dagster, missing_image: str) -> None:
    start = time.monotonic()

    told = failed(dagster, pod={"image": missing_image})

    assert f"The image {missing_image} cannot be pulled" in told
    assert "pod.image" in told
    assert "STEP_UP_FOR_RETRY" not in told
    assert time.monotonic() - start < _ENDS_WITHIN_SECONDS


def test_a_secret_that_is_not_there_is_told(dagster: Dagster) -> None:
    told = failed(dagster, pod={"env_secrets": ["there-is-none"]})

    assert 'secret "there-is-none" not found' in told
    assert "STEP_UP_FOR_RETRY" not in told


def test_gpus_that_no_node_has_are_told_in_the_schedulers_words(dagster: Dagster) -> None:
    told = failed(dagster, pod={"gpu": 999, "start_timeout_minutes": 0.3})

    assert "Insufficient nvidia.com/gpu" in told
    assert "pod.start_timeout_minutes" in told


def test_a_pod_that_is_deleted_while_it_trains_is_replaced(dagster: Dagster) -> None:
    run_id = launched(dagster, train=_LONG)
    trains(dagster, run_id)
    (pod,) = pods(dagster, run_id, "step_worker", TRAINING)

    dagster.cluster.api().delete_namespaced_pod(pod.metadata.name, dagster.cluster.namespace)

    assert dagster.ended(run_id) == "SUCCESS", dagster.told(run_id)
    assert f"STEP_UP_FOR_RETRY {TRAINING}" in dagster.told(run_id)


def test_a_run_worker_that_is_deleted_leaves_the_training_alone(dagster: Dagster) -> None:
    run_id = launched(dagster, train=_LONG | {"seed": 7})
    trains(dagster, run_id)
    (worker,) = pods(dagster, run_id, "run_worker")

    dagster.cluster.api().delete_namespaced_pod(
        worker.metadata.name, dagster.cluster.namespace, grace_period_seconds=0
    )

    assert dagster.ended(run_id) == "SUCCESS", dagster.told(run_id)
    assert "Resuming run" in dagster.told(run_id)
    assert len(step_jobs(dagster, run_id, TRAINING)) == 1
    assert len(pods(dagster, run_id, "step_worker", TRAINING)) == 1


def test_a_run_that_is_cancelled_ends_its_training(dagster: Dagster) -> None:
    run_id = launched(dagster, train=_LONG | {"seed": 8})
    trains(dagster, run_id)

    dagster.terminate(run_id)

    assert dagster.ended(run_id) == "CANCELED"
    assert not step_jobs(dagster, run_id, TRAINING)
