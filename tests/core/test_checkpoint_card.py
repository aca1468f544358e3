"""The model card: the Hub can read it, and a person learns what the model is not."""

from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.checkpoint_card import checkpoint_card
from tests.core import forgetting_parts, training_parts


def card(tmp_path: Path, *, claims: Any = None, comparisons: Any = None, **values: Any) -> str:
    version = training_parts.checkpoint(tmp_path / "checkpoint", **values)
    found = comparisons or (forgetting_parts.holdout(), forgetting_parts.comparison())
    report = forgetting_parts.report(*found, **({"claims": claims} if claims else {}))
    return checkpoint_card(version, report, "c0ffee")


def read(text: str) -> Any:
    """As the Hub reads it: a header it does not understand is an error."""
    from huggingface_hub import ModelCard

    return ModelCard(text, ignore_metadata_errors=False).data


def test_the_hub_reads_the_header(tmp_path: Path) -> None:
    data = read(card(tmp_path))

    assert data.base_model == "tiny/model"
    assert data.library_name == "transformers"
    assert data.pipeline_tag == "text-generation"
    assert "osft" in data.tags


def test_the_hub_reads_the_scores(tmp_path: Path) -> None:
    results = {one.dataset_name: one for one in read(card(tmp_path)).eval_results}

    assert results["arc_easy"].metric_value == 0.61
    assert results["holdout"].metric_type == "bits_per_byte,none"


def test_a_score_that_is_no_number_is_left_out_of_the_header(tmp_path: Path) -> None:
    broken = forgetting_parts.comparison("broken", (0.5, float("nan")))

    data = read(card(tmp_path, comparisons=(broken, forgetting_parts.comparison())))

    assert [one.dataset_name for one in data.eval_results] == ["arc_easy"]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("hf://org/rows:all@main", ["org/rows"]), ("/data/rows.jsonl", None), ("s3://b/k", None)],
)
def test_only_what_is_on_the_hub_is_linked_there(
    tmp_path: Path, uri: str, expected: list[str] | None
) -> None:
    assert read(card(tmp_path, train_uri=uri)).datasets == expected


def test_a_model_that_started_from_a_directory_names_no_repository(tmp_path: Path) -> None:
    base = training_parts.BASE.model_copy(update={"uri": "/models/tiny"})

    assert read(card(tmp_path, base_model=base)).base_model is None


def test_the_licence_is_that_of_the_base_model(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    base = training_parts.BASE.model_copy(update={"path": str(tmp_path)})

    assert read(card(tmp_path, base_model=base)).license == "apache-2.0"


def test_a_person_finds_data_recipe_scores_and_what_was_forgotten(tmp_path: Path) -> None:
    lost = forgetting_parts.comparison("boolq", (0.9, 0.5), "lost")

    text = card(tmp_path, comparisons=(lost,), recipe={"learning_rate": 0.002})

    assert "fake://rows" in text
    assert "| learning_rate | 0.002 |" in text
    assert "c0ffee" in text
    assert "| boolq | acc | 90.0% | 50.0% |" in text
    assert "**Lost:** boolq from 90.0% to 50.0%" in text


def test_what_cannot_be_told_is_a_limit(tmp_path: Path) -> None:
    unclear = forgetting_parts.comparison("boolq", verdict="cannot tell")

    assert "Whether something was lost cannot be told of: boolq." in card(
        tmp_path, comparisons=(unclear,)
    )


def test_osfts_guarantee_and_its_absence_are_limits(tmp_path: Path) -> None:
    without = training_parts.outcome(certificate=None)

    assert "OSFT's guarantee covers 90.0% of the parameters" in card(tmp_path / "osft")
    assert "Nothing constrained the updates" in card(tmp_path / "sft", outcome=without)


def test_names_are_shown_as_they_are_and_not_as_markdown(tmp_path: Path) -> None:
    text = card(tmp_path, train_uri="/data/a|b*c*.jsonl")

    assert r"a\|b\*c\*.jsonl" in text
