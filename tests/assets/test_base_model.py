"""The base model inside Dagster: asset, checks, data version, metadata."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from osft_assets.assets.base_model import base_model_asset
from osft_assets.checks.base_model import base_model_checks
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.workspace import Workspace
from resources.model_inspector import ModelFiles
from resources.model_sources import ModelSources
from resources.record_io import RecordIOManager
from tests.fakes import FINDINGS, FakeInspector, FakeModelSource
from tests.models import model, write_model

Run = Callable[..., dg.ExecuteInProcessResult]
ALL_CLAIMS = {
    *("has_config", "has_tokenizer", "has_chat_template", "weights_are_complete_and_finite"),
}


@pytest.fixture
def run(workspace: Workspace) -> Run:
    """Materializes the base model, checks it, and makes an asset that depends on it."""

    def materialize(
        source: Any = None, inspector: Any = None, train: Any = None, **recipe: Any
    ) -> dg.ExecuteInProcessResult:
        pipeline = PipelineRecipe(
            name="mine",
            base_model=BaseModelRecipe(**{"base_model": "pvc://model", **recipe}),
            train=train or OsftRecipe(),
            defined_in="defs/mine/defs.yaml",
        )
        return dg.materialize(
            [base_model_asset(pipeline), base_model_checks(pipeline), _downstream()],
            resources={
                "workspace": workspace,
                "model_source": source or ModelSources(workspace),
                "model_inspector": inspector or ModelFiles(),
                "io_manager": RecordIOManager(workspace),
            },
            raise_on_error=False,
        )

    return materialize


def _downstream() -> dg.AssetsDefinition:
    @dg.asset(key=["mine", "after"], ins={"base_model": dg.AssetIn(["mine", "base_model"])})
    def after(base_model: ModelRecord) -> None:
        assert base_model.path

    return after


def _materialization(result: dg.ExecuteInProcessResult) -> dg.AssetMaterialization:
    found = result.asset_materializations_for_node("mine__base_model")
    return found[0]  # type: ignore[return-value]


def _claims(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {claim.check_name: claim.passed for claim in result.get_asset_check_evaluations()}


def _failure(result: dg.ExecuteInProcessResult) -> str:
    error = next(event for event in result.all_events if event.is_step_failure)
    return str(error.step_failure_data.error)


def _went_on(result: dg.ExecuteInProcessResult) -> bool:
    return bool(result.asset_materializations_for_node("mine__after"))


def test_a_whole_model_becomes_an_asset_and_every_claim_holds(
    run: Run, workspace: Workspace
) -> None:
    write_model(workspace.root / "model", model())

    result = run()

    assert result.success
    assert _claims(result) == dict.fromkeys(ALL_CLAIMS, True)
    assert _went_on(result)


def test_the_asset_page_tells_what_the_model_is(run: Run, workspace: Workspace) -> None:
    write_model(workspace.root / "model", model(README_md=b"---\nlicense: apache-2.0\n---\n"))

    metadata = {name: found.value for name, found in _materialization(run()).metadata.items()}

    assert metadata["source"] == "pvc://model"
    assert str(metadata["revision"]).startswith("xxh3:")
    assert metadata["path"] == str(workspace.root / "model")
    assert metadata["architecture"] == "TinyForCausalLM"
    assert (metadata["parameters"], metadata["dtype"]) == (64, "bfloat16")
    assert metadata["license"] == "apache-2.0"
    assert metadata["chat_template"] is True
    assert metadata["defined_in"] == "defs/mine/defs.yaml"
    assert "page" not in metadata


def test_a_model_of_the_hub_links_to_its_page_at_this_commit(run: Run, tmp_path: Path) -> None:
    commit = "c0" * 20
    source = FakeModelSource(tmp_path, f"commit:{commit}", f"hf://org/tiny@{commit}")

    metadata = _materialization(run(source, FakeInspector())).metadata

    assert metadata["page"].value == f"https://huggingface.co/org/tiny/tree/{commit}"


def test_the_data_version_is_that_of_the_content(run: Run, tmp_path: Path) -> None:
    versions = [
        (_materialization(run(FakeModelSource(tmp_path, revision), FakeInspector())).tags or {})[
            "dagster/data_version"
        ]
        for revision in ("fake:1", "fake:1", "fake:2")
    ]

    assert versions[0] == versions[1] != versions[2]


def test_the_settings_reach_the_source(run: Run, tmp_path: Path) -> None:
    source = FakeModelSource(tmp_path)

    run(source, FakeInspector(), base_model="org/tiny@v1", trust_remote_code=True)

    assert source.recipes == [BaseModelRecipe(base_model="org/tiny@v1", trust_remote_code=True)]


def test_what_is_no_model_fails_the_step(run: Run, workspace: Workspace) -> None:
    write_model(workspace.root / "model", {"config.json": b"{}"})

    result = run()

    assert not result.success
    assert "pvc://model is no model: it has no weights" in _failure(result)


@pytest.mark.parametrize(
    ("files", "claim"),
    [
        (model(tokenizer_json=b"{"), "has_tokenizer"),
        (model(model_safetensors=model()["model.safetensors"][:-1]),
         "weights_are_complete_and_finite"),
        (model(tokenizer_config_json=b"{}"), "has_chat_template"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_trained_stops_what_comes_after_it(
    run: Run, workspace: Workspace, files: dict[str, bytes], claim: str
) -> None:
    write_model(workspace.root / "model", files)

    result = run()

    assert {name for name, passed in _claims(result).items() if not passed} == {claim}
    assert _materialization(result)
    assert not _went_on(result)


def test_pickled_weights_are_a_warning(run: Run, workspace: Workspace) -> None:
    write_model(workspace.root / "model", model(model_safetensors=None, pytorch_model_bin=b"x"))

    result = run()

    claims = {claim.check_name: claim for claim in result.get_asset_check_evaluations()}
    weights = claims["weights_are_complete_and_finite"]
    assert result.success
    assert not weights.passed
    assert weights.severity == dg.AssetCheckSeverity.WARN
    assert "pickle" in (weights.description or "")
    assert _went_on(result)


def test_no_chat_template_is_needed_to_train_on_documents(run: Run, workspace: Workspace) -> None:
    write_model(workspace.root / "model", model(tokenizer_config_json=b"{}"))

    result = run(train=OsftRecipe(is_pretraining=True, block_size=64))

    assert result.success
    assert set(_claims(result)) == ALL_CLAIMS - {"has_chat_template"}


def test_the_checks_look_at_the_files_again(run: Run, tmp_path: Path) -> None:
    inspector = FakeInspector()

    run(FakeModelSource(tmp_path), inspector)

    assert inspector.directories == [tmp_path, tmp_path]


def test_a_failed_claim_says_what_is_wrong_and_where(run: Run, tmp_path: Path) -> None:
    inspector = FakeInspector(FINDINGS.model_copy(update={"tokenizer_problem": "it is empty"}))

    result = run(FakeModelSource(tmp_path), inspector)

    claims = {claim.check_name: claim for claim in result.get_asset_check_evaluations()}
    assert claims["has_tokenizer"].description == "fake://model: it is empty."
    assert claims["has_tokenizer"].metadata["path"].value == str(tmp_path)
