"""The champion's files: those that were registered, from the workspace or from elsewhere."""

from pathlib import Path

import pytest

from osft_assets.core.base_model import BaseModelStage
from osft_assets.core.champion_model import ChampionModel
from osft_assets.core.checkpoint import CheckpointRecord
from osft_assets.core.errors import ConfigError, RegistryError
from osft_assets.core.model_files import content_fingerprint
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.registered_properties import CHECKPOINT, PIPELINE
from osft_assets.core.registry_records import FINGERPRINT_PROPERTY, VersionListing
from osft_assets.core.workspace import Workspace
from tests.core.registry_parts import judged, listing
from tests.fakes import FakeInspector, FakeModelSource, FakeRegistry

_COPY = "s3://bucket/lessons/weights"


@pytest.fixture
def checkpoint(workspace: Workspace) -> CheckpointRecord:
    return judged(workspace)


def champion(checkpoint: CheckpointRecord, weights: Path, uri: str = _COPY) -> VersionListing:
    """A version with these weights, which this checkpoint became."""
    told = {
        PIPELINE: checkpoint.pipeline,
        CHECKPOINT: checkpoint.fingerprint,
        FINGERPRINT_PROPERTY: content_fingerprint(weights),
    }
    return listing("1.0.0", uri=uri, properties=told)


def loaded(workspace: Workspace, version: VersionListing, copy: Path) -> ModelRecord:
    elsewhere = BaseModelStage(FakeModelSource(copy, uri=_COPY), FakeInspector())
    champions = ChampionModel(FakeRegistry(), workspace, elsewhere)
    return champions.run(version, "lessons-model", lambda _: None)


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Other weights."""
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "model.safetensors").write_bytes(b"others")
    return tmp_path / "others"


def test_a_checkpoint_of_this_workspace_is_not_loaded_anew(
    workspace: Workspace, checkpoint: CheckpointRecord, others: Path
) -> None:
    version = champion(checkpoint, Path(checkpoint.model.path))

    assert loaded(workspace, version, others).path == checkpoint.model.path


def test_a_champion_from_elsewhere_is_loaded(
    workspace: Workspace, checkpoint: CheckpointRecord, others: Path
) -> None:
    version = champion(checkpoint, others).model_copy(update={"properties": {}})

    assert loaded(workspace, version, others).path == str(others)


def test_where_the_workspace_has_other_weights_of_the_same_settings_the_copy_is_loaded(
    workspace: Workspace, checkpoint: CheckpointRecord, others: Path
) -> None:
    version = champion(checkpoint, others)

    assert loaded(workspace, version, others).path == str(others)


def test_a_copy_that_was_changed_is_refused(
    workspace: Workspace, checkpoint: CheckpointRecord, others: Path
) -> None:
    version = champion(checkpoint, others)
    (others / "model.safetensors").write_bytes(b"changed")

    with pytest.raises(RegistryError, match=f"{_COPY} is not what was registered as lessons-model"):
        loaded(workspace, version, others)


def test_a_champion_whose_checkpoint_is_gone_says_where_it_was(
    workspace: Workspace, checkpoint: CheckpointRecord, others: Path
) -> None:
    version = champion(checkpoint, others, uri="file:///gone")
    (Path(checkpoint.version_path) / "checkpoint.json").unlink()

    with pytest.raises(ConfigError, match="is at file:///gone, and not in this workspace"):
        loaded(workspace, version, others)
