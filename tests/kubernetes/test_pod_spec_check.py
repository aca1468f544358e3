"""Further fields of a pod are checked before there is a run, against Kubernetes' own models."""

from typing import Any

import dagster as dg
import pytest

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.core.workspace import Workspace
from osft_assets.pipeline import build_pipeline
from osft_assets.pod_spec_check import refuse_wrong_fields
from tests.fakes import fake_resources

TERM = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
NODES = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [TERM]}}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"affinity": {"nodeAffinity": NODES}},
        {"affinity": {"node_affinity": NODES}},
        {"scheduler_name": "volcano", "runtimeClassName": "nvidia"},
        {"dnsConfig": {"options": [{"name": "ndots", "value": "2"}]}},
        {"securityContext": {"fsGroup": 1000, "supplementalGroups": [1, 2]}},
        {"overhead": {"cpu": "1"}},
        {"terminationGracePeriodSeconds": 300},
    ],
)
def test_what_kubernetes_knows_is_taken(more: dict[str, Any]) -> None:
    refuse_wrong_fields(PodRecipe(more=more))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            {"affinity": {"nodeAfinity": {}}},
            r"pod.more.affinity.nodeAfinity: there is no such field. Known ones: nodeAffinity, pod",
        ),
        ({"affinity": []}, "pod.more.affinity: expected a dict of nodeAffinity, podAffinity"),
        ({"schedulerName": 3}, "pod.more.schedulerName: expected text"),
        ({"activeDeadlineSeconds": "soon"}, "activeDeadlineSeconds: expected a whole number"),
        ({"activeDeadlineSeconds": True}, "activeDeadlineSeconds: expected a whole number"),
        ({"enableServiceLinks": "false"}, "enableServiceLinks: expected true or false"),
        ({"hostAliases": {"ip": "1.2.3.4"}}, "pod.more.hostAliases: expected a list"),
        ({"hostAliases": [{}]}, r"pod.more.hostAliases\[0\]: ip is missing"),
        ({"topologySpreadConstraints": [{"maxSkew": 1}]}, "is missing"),
        ({"overhead": ["cpu"]}, "pod.more.overhead: expected a dict"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused_with_its_place(
    more: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        refuse_wrong_fields(PodRecipe(more=more))


@pytest.mark.parametrize("step", ["training", "scores", "base_scores", "champion_scores"])
@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ({"more": {"affinity": {"nope": 1}}}, "pod.more.affinity.nope: there is no such field"),
        ({"more": {"hostNetwork": True}}, "hostNetwork gives a pod power over its node"),
        ({"memory": "lots"}, "memory: expected a quantity of memory"),
        ({"env_vars": {"HF_TOKEN": "hf_hunter2hunter2"}}, "HF_TOKEN looks like a secret"),
    ],
)
def test_a_wrong_pod_makes_no_run(
    workspace: Workspace, step: str, pod: dict[str, Any], expected: str
) -> None:
    recipe = PipelineRecipe.model_validate({"name": "mine", "dataset": {"data_uri": "pvc://x"}})
    resources = dg.Definitions(resources=fake_resources(workspace))
    job = dg.Definitions.merge(build_pipeline(recipe), resources).resolve_job_def("mine_pipeline")
    config = {"ops": {f"mine__{step}": {"config": {"pod": pod}}}}

    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(ConfigError, match=expected) as refused:
            job.execute_in_process(instance=instance, run_config=config)

        assert "hunter2" not in str(refused.value)
        assert instance.get_runs_count() == 0


def test_an_evaluation_has_no_number_of_pods(workspace: Workspace) -> None:
    recipe = PipelineRecipe.model_validate({"name": "mine", "dataset": {"data_uri": "pvc://x"}})
    resources = dg.Definitions(resources=fake_resources(workspace))
    job = dg.Definitions.merge(build_pipeline(recipe), resources).resolve_job_def("mine_pipeline")

    with pytest.raises(dg.DagsterInvalidConfigError, match='config entry "workers"'):
        job.execute_in_process(
            run_config={"ops": {"mine__scores": {"config": {"pod": {"workers": 2}}}}}
        )
