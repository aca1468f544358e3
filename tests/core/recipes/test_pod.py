"""The knobs of the training pods."""

from typing import Any

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes.pod import PodRecipe, SftPodRecipe


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
    ],
)
def test_a_bad_setting_is_refused(settings: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        PodRecipe(**settings)
