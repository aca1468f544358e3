"""The knobs of the training pods."""

from typing import Any

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes.pod import EvaluationPodRecipe, PodRecipe, SftPodRecipe


@pytest.mark.parametrize(
    "settings",
    [
        {"gpu": 0},
        {"workers": 8},
        {"num_procs": "auto"},
        {"num_procs": "4"},
        {"cpu": "8"},
        {"cpu": "7.5"},
        {"cpu": "500m"},
        {"memory": "32Gi"},
        {"memory": "1.5Ti"},
        {"memory": "64G"},
        {"memory": "1073741824"},
        {"labels": {"team": "research", "example.com/cost-centre": "a_b.c-1", "empty": ""}},
        {"labels": {"x" * 63: "y" * 63}},
        {"annotations": {"example.com/note": "any text, with spaces!"}},
        {"env_vars": {"NCCL_DEBUG": "INFO", "_private1": ""}},
        {"env_vars": {"TOKENIZERS_PARALLELISM": "false"}},
        {"pull_secret": "registry-login"},
        {"gpu_resource": "amd.com/gpu"},
        {"gpu_resource": "nvidia.com/mig-3g.40gb"},
        {"shm": "0"},
        {"image": "registry.example.org:5000/team/trainer@sha256:0123456789abcdef"},
        {"node_selector": {"node.kubernetes.io/instance-type": "p5"}},
        {"tolerations": [{"operator": "Exists"}]},
        {"tolerations": [{"key": "gpu", "value": "yes", "effect": "NoExecute"}]},
        {"env_secrets": ["hub-token", "a.b"]},
        {"env_vars": {"CUDA_VISIBLE_DEVICES": ""}},
        {"volumes": {"models": "/models", "rows": "/data/rows.v1"}},
        {"priority_class": "low", "service_account": "trainer"},
        {"start_timeout_minutes": 0.0, "ttl_seconds_after_finished": 60},
        {"more": {"affinity": {}, "scheduler_name": "volcano"}},
    ],
)
@pytest.mark.parametrize("recipe", [PodRecipe, SftPodRecipe])
def test_sensible_settings_are_accepted(recipe: type[PodRecipe], settings: dict[str, Any]) -> None:
    assert recipe(**settings).model_dump(include=set(settings)) == settings


@pytest.mark.parametrize(
    ("settings", "expected_error"),
    [
        ({"gpu": -1}, "greater than or equal to 0"),
        ({"workers": 0}, "greater than or equal to 1"),
        ({"num_procs": "0"}, r"expected auto \(one per GPU\) or a number from 1"),
        ({"num_procs": "-1"}, "expected auto"),
        ({"num_procs": "many"}, "expected auto"),
        ({"num_procs": "²"}, "expected auto"),
        ({"cpu": "eight"}, "expected CPU cores, such as 8, 7.5 or 500m"),
        ({"cpu": "8 cores"}, "expected CPU cores"),
        ({"cpu": "0.5m"}, "expected CPU cores"),
        ({"cpu": "-1"}, "expected CPU cores"),
        ({"cpu": ""}, "expected CPU cores"),
        ({"memory": "32GB"}, "expected a quantity of memory, such as 32Gi"),
        ({"memory": "32 Gi"}, "expected a quantity of memory"),
        ({"memory": "lots"}, "expected a quantity of memory"),
        ({"memory": ""}, "expected a quantity of memory"),
        ({"labels": {"two words": "x"}}, "the label two words is not one Kubernetes accepts"),
        ({"labels": {"team": "two words"}}, "the label team is not one Kubernetes accepts"),
        ({"labels": {"team": "x" * 64}}, "the label team is not one Kubernetes accepts"),
        ({"labels": {"x" * 64: "y"}}, "is not one Kubernetes accepts"),
        ({"labels": {"": "y"}}, "is not one Kubernetes accepts"),
        ({"labels": {"Example.com/team": "y"}}, "is not one Kubernetes accepts"),
        ({"labels": "team=research"}, "valid dictionary"),
        ({"annotations": {"two words": "x"}}, "the annotation 'two words' is not a name"),
        ({"env_vars": {"1ST": "x"}}, "'1ST' is not the name of an environment variable"),
        ({"env_vars": {"NCCL-DEBUG": "x"}}, "is not the name of an environment variable"),
        ({"env_vars": {"HF_TOKEN": "x"}}, "HF_TOKEN looks like a secret.* into env_secrets"),
        ({"env_vars": {"AWS_SECRET_ACCESS_KEY": "x"}}, "looks like a secret"),
        ({"env_vars": {"AWS_ACCESS_KEY_ID": "x"}}, "looks like a secret"),
        ({"env_vars": {"WANDB_API_KEY": "x"}}, "looks like a secret"),
        ({"env_vars": {"db_password": "x"}}, "looks like a secret"),
        ({"env_vars": {"DB_PASS": "x"}}, "looks like a secret"),
        ({"env_vars": {"PGPASSWORD": "x"}}, "looks like a secret"),
        ({"env_vars": {"WANDB_KEY": "x"}}, "looks like a secret"),
        ({"env_vars": {"PROXY": "http://u:pw@proxy"}}, "or holds one"),
        ({"env_vars": {"ANYTHING": "hf_abcdefghijklmnop"}}, "or holds one"),
        ({"env_vars": {"GOOGLE_APPLICATION_CREDENTIALS": "x"}}, "looks like a secret"),
        ({"pull_secret": "x" * 254}, "at most 253 characters"),
        ({"pull_secret": "Not A Name"}, "expected a name Kubernetes accepts"),
        ({"gpu_resource": "gpu"}, "expected such as nvidia.com/gpu"),
        ({"shm": "some"}, "expected a quantity of memory"),
        ({"image": "two words"}, "expected an image"),
        ({"annotations": {"x": "hf_abcdefghijklmnop"}}, "annotation x holds a secret"),
        ({"env_vars": {"DAGSTER_HOME": "/x"}}, "the deployment's to set"),
        ({"env_vars": {"OSFT_WORKSPACE": "/x"}}, "the deployment's to set"),
        ({"env_secrets": ["hf_abcdefghijklmnop"]}, "expected names of Kubernetes secrets"),
        ({"node_selector": {"zone": "two words"}}, "is not one Kubernetes accepts"),
        ({"tolerations": [{"effect": "NoSchedule"}]}, "needs a key"),
        ({"tolerations": [{"key": "a", "op": "Exists"}]}, "a toleration has no op"),
        ({"tolerations": [{"key": "a", "operator": "In"}]}, "expected the operator Equal or"),
        ({"tolerations": [{"key": "a", "effect": "Never"}]}, "expected the operator Equal or"),
        ({"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}, "takes no value"),
        ({"volumes": {"models": "models"}}, "models: expected the absolute path"),
        ({"volumes": {"models": "/a/../b"}}, "expected the absolute path"),
        ({"volumes": {"Models": "/a"}}, "'Models' is not the name of a volume claim"),
        ({"volumes": {"a": "/x", "b": "/x"}}, "two claims have the same path"),
        ({"volumes": {"a": "/dev/shm"}}, "is the setting shm"),
        ({"start_timeout_minutes": -1}, "greater than or equal to 0"),
        ({"ttl_seconds_after_finished": 5}, "greater than or equal to 60"),
        ({"more": {"hostNetwork": True}}, "hostNetwork gives a pod power over its node"),
        ({"more": {"host_pid": True}}, "host_pid gives a pod power over its node"),
        ({"more": {"securityContext": {"sysctls": []}}}, "sysctls gives a pod power"),
        ({"more": {"nodeSelector": {}}}, "has settings of its own: node_selector"),
        ({"more": {"volumes": [{"hostPath": {}}]}}, "hostPath gives a pod power"),
        ({"more": {"containers": []}}, "containers is not allowed here. Allowed are activeDead"),
        ({"more": {"initContainers": []}}, "initContainers is not allowed here"),
        ({"more": {"hostname": "hf_abcdefghijklmnop"}}, "it holds a secret"),
    ],
)
def test_a_bad_setting_is_refused(settings: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        PodRecipe(**settings)


def test_an_evaluation_is_one_pod_and_one_process() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        EvaluationPodRecipe(workers=1)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        EvaluationPodRecipe(num_procs="1")
