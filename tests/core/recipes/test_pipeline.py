"""One pipeline, as its YAML file says it."""

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe, training_recipe
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
