"""The whole chain, launched as the UI launches it: every step in a pod of its own."""

import pytest

from tests.cluster.dagster_api import Dagster
from tests.cluster.runs import TRAINING, pods, step_jobs

_COMPUTING = {TRAINING, "facts__base_scores", "facts__scores", "facts__champion_scores"}


@pytest.fixture(scope="module")
def run_id(dagster: Dagster) -> str:
    found = dagster.launched(job="facts_pipeline")
    assert dagster.ended(found, 1200) == "SUCCESS", dagster.told(found)
    return found


def test_the_chain_ends_with_an_entry_in_the_registry(dagster: Dagster, run_id: str) -> None:
    made = [
        "/".join(event["assetKey"]["path"])
        for event in dagster.events(run_id)
        if event["__typename"] == "MaterializationEvent"
    ]

    assert {"facts/checkpoint", "facts/scores", "facts/registry_entry"} <= set(made)
    assert "facts-model 1.0.0 is registered" in dagster.told(run_id)


def test_what_computes_has_a_pod_as_its_settings_say(dagster: Dagster, run_id: str) -> None:
    for step in sorted(_COMPUTING):
        (pod,) = pods(dagster, run_id, "step_worker", step)
        (container,) = pod.spec.containers

        assert container.image == dagster.cluster.image("trainer")
        assert container.resources.limits == {"memory": "3Gi", "nvidia.com/gpu": "1"}
        assert container.resources.requests["cpu"] == "500m"
        assert pod.spec.service_account_name == "osft-step"
        assert pod.metadata.labels["team"] == "facts"
        environment = {each.name: each.value or "" for each in container.env}
        assert environment["CUDA_VISIBLE_DEVICES"] == ""


def test_other_steps_are_light(dagster: Dagster, run_id: str) -> None:
    light = [
        pod
        for pod in pods(dagster, run_id, "step_worker")
        if pod.metadata.labels["dagster/op"] not in _COMPUTING
    ]

    assert len(light) > 3
    for pod in light:
        assert pod.spec.containers[0].image == dagster.cluster.image("control")
        assert "nvidia.com/gpu" not in pod.spec.containers[0].resources.limits


def test_every_step_had_one_job(dagster: Dagster, run_id: str) -> None:
    steps = [job.metadata.labels["dagster/op"] for job in step_jobs(dagster, run_id)]

    assert len(steps) == len(set(steps)) > len(_COMPUTING)
