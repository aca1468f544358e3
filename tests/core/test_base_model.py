"""The base model stage: what it records, reuses and refuses."""

from pathlib import Path

import pytest

from osft_assets.core.base_model import BaseModelStage
from osft_assets.core.errors import ModelError
from osft_assets.core.model_records import ModelFindings, model_record
from osft_assets.core.recipes.base_model import BaseModelRecipe
from tests.fakes import FINDINGS, FakeInspector, FakeModelSource


def test_a_model_is_found_fetched_and_examined(tmp_path: Path) -> None:
    source, inspector, said = FakeModelSource(tmp_path), FakeInspector(), list[str]()

    record = BaseModelStage(source, inspector).run(BaseModelRecipe(), said.append)

    assert record.uri == "fake://model"
    assert record.revision == "fake:1"
    assert record.path == str(tmp_path)
    assert record.architecture == "TinyForCausalLM"
    assert record.parameters == 64
    assert not record.trust_remote_code
    assert inspector.directories == [tmp_path]
    assert said == [
        "Base model: fake://model (fake:1)",
        "TinyForCausalLM, 0.0 million parameters in bfloat16, 0.00 GB",
    ]


def test_the_same_revision_has_the_same_fingerprint_wherever_it_is(tmp_path: Path) -> None:
    here = FakeModelSource(tmp_path / "a", uri="fake://a")
    there = FakeModelSource(tmp_path / "b", uri="fake://b")

    records = [
        BaseModelStage(source, FakeInspector()).run(BaseModelRecipe(), print)
        for source in (here, there)
    ]

    assert records[0].fingerprint == records[1].fingerprint
    assert records[0].path != records[1].path


def test_another_revision_has_another_fingerprint(tmp_path: Path) -> None:
    records = [
        BaseModelStage(FakeModelSource(tmp_path, revision), FakeInspector()).run(
            BaseModelRecipe(), print
        )
        for revision in ("fake:1", "fake:2")
    ]

    assert records[0].fingerprint != records[1].fingerprint


def test_what_was_trusted_is_recorded(tmp_path: Path) -> None:
    recipe = BaseModelRecipe(trust_remote_code=True)

    record = BaseModelStage(FakeModelSource(tmp_path), FakeInspector()).run(recipe, print)

    assert record.trust_remote_code


@pytest.mark.parametrize(
    ("wrong", "expected_error"),
    [
        ({"config_problem": "there is no config.json"}, "there is no config.json"),
        ({"size_bytes": 0, "weights_problem": "there are no weights"}, "there are no weights"),
    ],
)
def test_what_is_no_model_is_refused(
    tmp_path: Path, wrong: dict[str, str], expected_error: str
) -> None:
    inspector = FakeInspector(FINDINGS.model_copy(update=wrong))

    with pytest.raises(ModelError, match=f"fake://model is no model: {expected_error}. Looked in"):
        BaseModelStage(FakeModelSource(tmp_path), inspector).run(BaseModelRecipe(), print)


@pytest.mark.parametrize("problem", ["tokenizer_problem", "weights_problem"])
def test_what_is_wrong_with_a_model_is_left_to_its_checks(tmp_path: Path, problem: str) -> None:
    inspector = FakeInspector(FINDINGS.model_copy(update={problem: "it is broken"}))

    assert BaseModelStage(FakeModelSource(tmp_path), inspector).run(BaseModelRecipe(), print)


def test_a_record_can_be_made_of_any_examined_model(tmp_path: Path) -> None:
    record = model_record(
        ModelFindings(architecture="Tiny", parameters=7),
        uri="pvc://mine/checkpoints/1",
        revision="mine:1",
        fingerprint="f1",
        path=tmp_path,
    )

    assert (record.architecture, record.parameters, record.fingerprint) == ("Tiny", 7, "f1")
