"""One pipeline, as its YAML file says it."""

from typing import Any

import pytest
from dagster._core.definitions.utils import is_valid_owner
from dagster._utils.tags import normalize_tags
from pydantic import ValidationError

from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe, training_recipe
from osft_assets.core.recipes.pod import EvaluationPodRecipe, PodRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.recipes.training import TrainingRecipe
from osft_assets.core.rows import RowKind


@pytest.mark.parametrize("name", ["osft", "lesson_1", "a", "x" * 63])
def test_a_name_fit_for_keys_and_paths_is_accepted(name: str) -> None:
    assert PipelineRecipe(name=name).name == name


@pytest.mark.parametrize("name", ["", "Osft", "1st", "_a", "a-b", "a/b", "..", "a\n", "x" * 64])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="expected lower-case letters, digits and '_'"):
        PipelineRecipe(name=name)


@pytest.mark.parametrize(
    ("train", "kind"),
    [
        (OsftRecipe(), "messages"),
        (SftRecipe(), "messages"),
        (OsftRecipe(use_processed_dataset=True), "tokens"),
        (OsftRecipe(is_pretraining=True, block_size=8), "documents"),
        (SftRecipe(is_pretraining=True, block_size=8), "documents"),
    ],
)
def test_rows_are_of_the_kind_that_training_can_read(train: TrainingRecipe, kind: RowKind) -> None:
    algorithm = "sft" if isinstance(train, SftRecipe) else "osft"

    assert PipelineRecipe(name="lessons", algorithm=algorithm, train=train).row_kind == kind


def test_an_algorithm_has_its_own_knobs_by_default() -> None:
    assert PipelineRecipe(name="lessons", algorithm="sft").train == SftRecipe()


def test_the_knobs_of_the_other_algorithm_are_refused() -> None:
    with pytest.raises(ValidationError, match="train is a OsftRecipe, expected a SftRecipe"):
        PipelineRecipe(name="lessons", algorithm="sft", train=OsftRecipe())


def test_each_algorithm_trains_with_its_own_recipe() -> None:
    assert training_recipe("osft") is OsftRecipe
    assert training_recipe("sft") is SftRecipe


@pytest.mark.parametrize("owner", ["team:ml", "team:Language Models", "ada@example.org"])
def test_an_owner_is_a_team_or_an_address(owner: str) -> None:
    assert PipelineRecipe(name="lessons", owners=[owner]).owners == (owner,)
    assert is_valid_owner(owner)  # or Dagster would refuse it, without the file and the key


@pytest.mark.parametrize("owner", ["", "ada", "team:", "team: ml", "ada@localhost", "a b@c.org"])
def test_any_other_owner_is_refused(owner: str) -> None:
    with pytest.raises(ValidationError, match="expected team:NAME, or an e-mail address"):
        PipelineRecipe(name="lessons", owners=[owner])


@pytest.mark.parametrize(
    "tag", [{"product": "chat"}, {"cost.centre/x-1": "a_b.c"}, {"flag": ""}, {"year": 2026}]
)
def test_tags_are_what_dagster_takes(tag: dict[str, str]) -> None:
    found = PipelineRecipe(name="lessons", tags=tag).tags

    assert normalize_tags(found, strict=True) == found


@pytest.mark.parametrize(
    "tag",
    [{"": "x"}, {"a b": "x"}, {"a/b/c": "x"}, {"osft/stage": "x"}, {"dagster/kind": "x"}]
    + [{"a": "b c"}, {"a": "x" * 64}],
)
def test_tags_that_dagster_refuses_or_that_are_ours_are_refused(tag: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="expected (letters|at most 63)"):
        PipelineRecipe(name="lessons", tags=tag)


@pytest.mark.parametrize(
    ("values", "gpus"),
    [
        ({}, 1),
        ({"pod": {"gpu": 8}}, 1),
        ({"pod": {"gpu": 0}}, 0),
        ({"pod": PodRecipe(gpu=0)}, 0),
        ({"evaluate": {"device": "cpu"}}, 0),
        ({"pod": {"gpu": 0}, "evaluation_pod": {"memory": "8Gi"}}, 0),
        ({"pod": {"gpu": 0}, "evaluation_pod": EvaluationPodRecipe(memory="8Gi")}, 0),
        ({"pod": {"gpu": 0}, "evaluation_pod": {"gpu": 1}}, 1),
        ({"algorithm": "sft", "pod": {"gpu": 0}}, 0),
    ],
)
def test_what_trains_on_a_cpu_is_evaluated_on_one_unless_the_file_says_otherwise(
    values: dict[str, Any], gpus: int
) -> None:
    pipeline = PipelineRecipe.model_validate({"name": "mine", **values})

    assert pipeline.evaluation_pod.gpu == gpus
