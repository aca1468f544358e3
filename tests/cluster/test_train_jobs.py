"""Trainings over several pods, launched as the UI launches them. The API is the cluster's; Trainer
is played, unless the cluster has one, which needs GPUs: then only the first test is for it.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.cluster.dagster_api import Dagster
from tests.cluster.deployed import wait_until
from tests.cluster.found import Cluster
from tests.cluster.played_trainer import PlayedTrainer, installed, is_installed
from tests.cluster.runs import TRAINING, pods, step_jobs, training
from tests.deployment.crds import DIALECTS, Dialect

_TRAINED = ("checkpoint", "training_metrics")
_UPSTREAM = ("base_model", "train_split", "holdout_split", *_TRAINED)
# With a GPU, which `facts` hides from its own pods: several pods on CPUs are refused.
_POD = {"workers": 2, "labels": {"team": "facts"}, "gpu": 1, "env_vars": {}}
_SEEDS = count(100)  # each makes another checkpoint: what is there already is not trained


@pytest.fixture(scope="module", autouse=True)
def upstream(dagster: Dagster) -> None:
    """What a training needs, and a checkpoint of one pod."""
    run_id = dagster.launched(*_UPSTREAM)
    assert dagster.ended(run_id) == "SUCCESS", dagster.told(run_id)


@pytest.fixture(scope="module", params=DIALECTS)
def trainer(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[PlayedTrainer]:
    """Which knows either `runtimePatches` or `podTemplateOverrides`."""
    if is_installed(cluster):
        pytest.skip("this cluster has a Kubeflow Trainer of its own")
    dialect: Dialect = request.param
    with installed(cluster, dialect), PlayedTrainer(cluster).at_work() as played:
        yield played


def launched(dagster: Dagster, **pod: Any) -> str:
    """One that no other test made."""
    settings = training(pod=_POD | pod, train={"seed": next(_SEEDS)})
    return dagster.launched(*_TRAINED, config=settings)


def made_by(trainer: PlayedTrainer, run_id: str) -> list[dict[str, Any]]:
    """The TrainJobs of a run, those that are gone too."""
    return [
        job
        for job in trainer.seen.values()
        if job["metadata"]["labels"].get("dagster/run-id") == run_id
    ]


def nodes(dagster: Dagster, run_id: str) -> list[Any]:
    """The pods of a run's TrainJob."""
    core = dagster.cluster.api()
    selector = f"dagster/run-id={run_id},jobset.sigs.k8s.io/jobset-name"
    return list(core.list_namespaced_pod(dagster.cluster.namespace, label_selector=selector).items)


def is_all_gone(dagster: Dagster, trainer: PlayedTrainer, run_id: str) -> bool:
    """TrainJob and nodes."""
    names = {job["metadata"]["name"] for job in made_by(trainer, run_id)}
    left = {job["metadata"]["name"] for job in trainer.jobs()} & names
    return not left and not nodes(dagster, run_id)


def test_a_real_trainer_trains_on_two_nodes(dagster: Dagster, cluster: Cluster) -> None:
    if not is_installed(cluster):
        pytest.skip("this cluster has no Kubeflow Trainer of its own")
    run_id = launched(dagster)

    assert dagster.ended(run_id, 1800) == "SUCCESS", dagster.told(run_id)
    assert not nodes(dagster, run_id)


def test_two_nodes_train_and_a_small_pod_follows_them(
    dagster: Dagster, trainer: PlayedTrainer
) -> None:
    run_id = launched(dagster)
    wait_until("the nodes are there", lambda: len(nodes(dagster, run_id)) == 2)
    (step,) = pods(dagster, run_id, "step_worker", TRAINING)

    assert dagster.ended(run_id) == "SUCCESS", dagster.told(run_id)
    told = dagster.told(run_id)
    (job,) = made_by(trainer, run_id)
    assert job["spec"]["trainer"]["numNodes"] == 2
    assert job["metadata"]["labels"]["team"] == "facts"
    assert "nvidia.com/gpu" not in str(step.spec.containers[0].resources)
    assert step.spec.service_account_name == "osft-run"
    assert "20 of 20: loss" in told
    wait_until("nothing of it is left", lambda: is_all_gone(dagster, trainer, run_id))


def test_a_node_that_fails_fails_the_step_with_its_own_words(
    dagster: Dagster, trainer: PlayedTrainer
) -> None:
    run_id = launched(dagster, labels={"team": "fails"})

    assert dagster.ended(run_id) == "FAILURE"
    told = dagster.told(run_id)
    assert "has no memory left" in told
    assert told.count(f"STEP_FAILURE {TRAINING}") == 1
    wait_until("nothing of it is left", lambda: is_all_gone(dagster, trainer, run_id))


def test_a_run_that_is_cancelled_ends_its_train_job(
    dagster: Dagster, trainer: PlayedTrainer
) -> None:
    run_id = launched(dagster)
    wait_until("the nodes are there", lambda: len(nodes(dagster, run_id)) == 2)

    dagster.terminate(run_id)

    assert dagster.ended(run_id) == "CANCELED"
    wait_until("nothing of it is left", lambda: is_all_gone(dagster, trainer, run_id))
    assert not step_jobs(dagster, run_id, TRAINING)


def test_a_following_pod_that_is_killed_finds_its_train_job_again(
    dagster: Dagster, trainer: PlayedTrainer
) -> None:
    run_id = launched(dagster)
    wait_until("the nodes are there", lambda: len(nodes(dagster, run_id)) == 2)
    (step,) = pods(dagster, run_id, "step_worker", TRAINING)

    dagster.cluster.api().delete_namespaced_pod(
        step.metadata.name, dagster.cluster.namespace, grace_period_seconds=0
    )

    assert dagster.ended(run_id) == "SUCCESS", dagster.told(run_id)
    assert len(made_by(trainer, run_id)) == 1
    assert f"STEP_UP_FOR_RETRY {TRAINING}" in dagster.told(run_id)


def test_a_training_that_a_queue_holds_back_waits_and_says_so(
    dagster: Dagster, trainer: PlayedTrainer
) -> None:
    trainer.holds_back.set()
    run_id = launched(dagster, start_timeout_minutes=0.1)
    try:
        wait_until("it says so", lambda: "is held back, by a queue" in dagster.told(run_id))
    finally:
        trainer.holds_back.clear()

    assert dagster.ended(run_id) == "SUCCESS", dagster.told(run_id)
