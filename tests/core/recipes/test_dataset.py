"""The knobs of the dataset stage."""

from typing import Any

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes.dataset import DatasetRecipe


@pytest.mark.parametrize(
    "settings",
    [
        {"data_split": 1},
        {"data_split": 0.001},
        {"subset": 0},
        {"subset": 1},
        {"split_seed": 0},
        {"on_invalid": "skip"},
        {"data_uri": "hf://org/name", "split": "train_sft"},
        {"data_uri": "org/name", "split": "train_sft"},
        {"data_uri": "s3://bucket/rows.jsonl", "s3_endpoint_url": "http://minio:9000"},
        {"data_uri": "s3://bucket/rows.jsonl", "s3_region": "eu-west-1"},
        {"data_uri": "env:DATA_URL", "split": "train", "s3_region": "eu-west-1"},
        {"hf_token": "MY_TEAMS_TOKEN"},
    ],
)
def test_sensible_settings_are_accepted(settings: dict[str, Any]) -> None:
    recipe = DatasetRecipe(**settings)

    assert recipe.model_dump(include=set(settings)) == settings


@pytest.mark.parametrize(
    ("settings", "expected_error"),
    [
        ({"data_split": 0}, "greater than 0"),
        ({"data_split": -1}, "greater than 0"),
        ({"data_split": 1.5}, "less than or equal to 1"),
        ({"data_split": float("nan")}, "data_split"),
        ({"data_split": "most"}, "valid number"),
        ({"subset": -1}, "greater than or equal to 0"),
        ({"subset": 1.5}, "valid integer"),
        ({"split_seed": -1}, "greater than or equal to 0"),
        ({"on_invalid": "ignore"}, "'fail' or 'skip'"),
        ({"hf_token": "hf_abcdefghijklmnop"}, "expected the name of an environment variable"),
        ({"hf_token": ""}, "expected the name of an environment variable"),
        ({"data_uri": "ftp://host/rows"}, "has the scheme 'ftp'"),
        ({"data_uri": "pvc://../rows.jsonl"}, "leaves the workspace"),
        ({"data_uri": "https://me:pw@host/rows"}, "carries a user name or password"),
        ({"s3_endpoint_url": "minio:9000"}, "expected http://host:port or https://host"),
        ({"s3_endpoint_url": "http://me:pw@minio:9000"}, "an endpoint holds no credentials"),
    ],
)
def test_a_bad_setting_is_refused(settings: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        DatasetRecipe(**settings)


@pytest.mark.parametrize(
    "data_uri", ["s3://bucket/rows.jsonl", "https://host/rows", "pvc://rows.jsonl", "/data/rows"]
)
def test_a_split_is_for_the_hub_only(data_uri: str) -> None:
    with pytest.raises(ValidationError, match="split is for Hugging Face datasets"):
        DatasetRecipe(data_uri=data_uri, split="train")


@pytest.mark.parametrize(
    "setting", [{"s3_endpoint_url": "http://minio:9000"}, {"s3_region": "eu-west-1"}]
)
@pytest.mark.parametrize("data_uri", ["hf://org/name", "https://host/rows", "pvc://rows.jsonl"])
def test_a_bucket_setting_is_for_buckets_only(data_uri: str, setting: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="s3_endpoint_url and s3_region are for s3://"):
        DatasetRecipe(data_uri=data_uri, **setting)


def test_spaces_around_an_address_are_removed() -> None:
    assert DatasetRecipe(data_uri=" hf://org/name\n").data_uri == "hf://org/name"
