"""What tools are told about the form of a pipeline's file: the place of each wrong value."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from osft_assets.core.attributes_schema import attributes_schema, known_attributes, section_recipes
from osft_assets.core.recipes.pipeline import PipelineRecipe

SCHEMA = attributes_schema()


def complaints(**attributes: Any) -> list[tuple[str, str]]:
    """The place and the message of each, as `dg check yaml` finds them."""
    found = Draft202012Validator(SCHEMA).iter_errors({"name": "weekly", **attributes})
    return [(".".join(map(str, one.absolute_path)), one.message) for one in found]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("algorithm", ["osft", "sft"])
def test_every_knob_of_every_recipe_is_in_it_and_its_default_is_fine(algorithm: str) -> None:
    whole = PipelineRecipe(name="weekly", algorithm=algorithm, defined_in="x")
    written = whole.model_dump(mode="json", exclude={"defined_in"})

    assert set(written) == set(known_attributes())
    assert section_recipes(algorithm).keys() <= written.keys()
    assert complaints(**written) == []


@pytest.mark.parametrize(
    ("attributes", "place", "message"),
    [
        ({"trian": {}}, "", "Additional properties are not allowed ('trian' was unexpected)"),
        ({"algorithm": "lora"}, "algorithm", "'lora' is not one of ['osft', 'sft']"),
        ({"start_from": []}, "start_from", "[] is not of type 'string', 'number'"),
        ({"train": {"num_epochs": "abc"}}, "train.num_epochs", "'abc' is not of type 'integer'"),
        (
            {"train": {"num_epoch": 1}},
            "train",
            "Additional properties are not allowed ('num_epoch' was unexpected)",
        ),
        (
            {"algorithm": "sft", "train": {"unfreeze_rank_ratio": 0.5}},
            "train",
            "Additional properties are not allowed ('unfreeze_rank_ratio' was unexpected)",
        ),
        ({"dataset": {"subset": -1}}, "dataset.subset", "-1 is less than the minimum of 0"),
        ({"dataset": "rows"}, "dataset", "'rows' is not of type 'object'"),
        ({"registry": "never"}, "registry", "'skip' was expected"),
        ({"registry": {"retries": 50}}, "registry.retries", "50 is greater than the maximum of 20"),
        ({"gate": {"tolerance": -1}}, "gate.tolerance", "-1 is less than the minimum of 0"),
        (
            {"gate": {"tolerance": {"mmlu": -1}}},
            "gate.tolerance.mmlu",
            "-1 is less than the minimum of 0",
        ),
        ({"evaluate": {"seed": [0, -1]}}, "evaluate.seed.1", "-1 is less than the minimum of 0"),
        ({"retrain_on_new_data": 5}, "retrain_on_new_data", "5 is not of type 'boolean'"),
    ],
)
def test_a_wrong_value_is_told_of_where_it_stands(
    attributes: dict[str, Any], place: str, message: str
) -> None:
    assert complaints(**attributes) == [(place, message)]


@pytest.mark.parametrize(
    "attributes",
    [
        {"train": {"num_epochs": "{{ env.EPOCHS }}"}},
        {"train": "{{ context.load_component }}"},
        {"algorithm": "{{ env.ALGORITHM }}", "train": {"unfreeze_rank_ratio": 0.5}},
        {"evaluate": {"tasks": ["{{ env.TASK }}", {"task": "mine"}], "num_fewshot": None}},
        {"pod": {"cpu": 8}},
        {"train": None},
        {"base_model": "org/name", "registry": "skip", "retrain_on_new_data": True, "retry": 0},
        {"base_model": {"base_model": "org/name"}, "registry": {"skip": True}},
        {"schedule": "0 6 * * 1", "freshness": 24},
    ],
)
def test_templates_shorthands_and_sections_that_are_all_comments_are_fine(
    attributes: dict[str, Any],
) -> None:
    assert complaints(**attributes) == []
