"""What all recipes share, and how their errors read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from osft_assets.core.recipes.base import Recipe, explain
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from tests.core.properties import repeatable
from tests.core.recipes import RECIPES


def explained(recipe: type[Recipe], **settings: Any) -> str:
    with pytest.raises(ValidationError) as refusal:
        recipe(**settings)
    return explain(refusal.value, recipe, "lessons.yaml: train")


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_unknown_setting_is_refused_and_the_known_ones_are_listed(recipe: type[Recipe]) -> None:
    text = explained(recipe, learning_rat=1)

    known = ", ".join(sorted(recipe.model_fields))
    expected = f"there is no such setting. Known ones: {known}."
    assert text == f"lessons.yaml: train.learning_rat: {expected}"


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_reads_back_as_it_was_written(recipe: type[Recipe]) -> None:
    assert recipe.model_validate_json(recipe().model_dump_json()) == recipe()


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        OsftRecipe().num_epochs = 2


def test_two_recipes_share_no_list() -> None:
    EvaluationRecipe().tasks.append("mmlu")

    assert "mmlu" not in EvaluationRecipe().tasks


@pytest.mark.parametrize(
    ("recipe", "settings", "text"),
    [
        (
            OsftRecipe,
            {"num_epochs": 0},
            "train.num_epochs: Input should be greater than or equal to 1 (found 0).",
        ),
        (
            OsftRecipe,
            {"block_size": 8},
            "train: is_pretraining and block_size go together: set both, or neither.",
        ),
        (
            RegistryRecipe,
            {"reg_version": "1.0"},
            "train.reg_version: expected a semantic version, such as 1.0.0 (found '1.0').",
        ),
        (
            PodRecipe,
            {"labels": {"team": None}},
            "train.labels.team: Input should be a valid string (found None).",
        ),
    ],
)
def test_an_error_says_where_and_what_and_the_value(
    recipe: type[Recipe], settings: dict[str, Any], text: str
) -> None:
    assert explained(recipe, **settings) == f"lessons.yaml: {text}"


def test_every_problem_has_its_own_line() -> None:
    lines = explained(OsftRecipe, num_epochs=0, seed=-1).splitlines()

    assert [line.split(": ")[1] for line in lines] == ["train.num_epochs", "train.seed"]


def test_a_long_value_is_not_repeated() -> None:
    assert "found" not in explained(RegistryRecipe, reg_version="x" * 50)


# Well-formed and malformed alike: whatever is refused, the secret in it stays unsaid.
hidden = st.text("abcXYZ019-_.", max_size=12).map(lambda text: f"hunter2{text}")


@repeatable
@given(
    hidden,
    st.sampled_from(
        [
            (DatasetRecipe, "hf_token", "{}"),
            (BaseModelRecipe, "hf_token", "{}"),
            (DatasetRecipe, "data_uri", "https://me:{}@host/rows.jsonl"),
            (DatasetRecipe, "data_uri", "https://host/rows.jsonl?X-Amz-Signature={}"),
            (DatasetRecipe, "data_uri", "s3://me:{}@bucket/rows.jsonl"),
            (DatasetRecipe, "data_uri", "env:https://host/?sig={}"),
            (DatasetRecipe, "s3_endpoint_url", "http://me:{}@minio:9000"),
            (DatasetRecipe, "s3_endpoint_url", "http://minio/?token={}"),
            (DatasetRecipe, "s3_endpoint_url", "me:{}@minio:9000"),
            (DatasetRecipe, "access_token", "{}"),
            (PodRecipe, "env_vars", "HF_TOKEN={}"),
        ]
    ),
)
def test_a_secret_is_refused_without_repeating_it(
    secret: str, where: tuple[type[Recipe], str, str]
) -> None:
    recipe, name, template = where

    assert "hunter2" not in explained(recipe, **{name: template.format(secret)})


@pytest.mark.parametrize("name", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "db_password", "NOT A NAME"])
def test_a_secret_in_the_environment_of_a_pod_is_refused_without_repeating_it(name: str) -> None:
    assert "hunter2" not in explained(PodRecipe, env_vars={name: "hunter2"})
