"""Models in directories of this machine."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from osft_assets.core.errors import ConfigError, ModelError, SourceError
from osft_assets.core.ports import FoundModel
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.workspace import Workspace
from resources.model_sources import ModelSources
from tests.models import model, write_model


def find(workspace: Workspace, base_model: str, confine_inputs: bool = False) -> FoundModel:
    return ModelSources(workspace, confine_inputs).find(BaseModelRecipe(base_model=base_model))


def test_a_model_of_the_workspace_is_read_where_it_is(workspace: Workspace) -> None:
    directory = write_model(workspace.root / "models/tiny", model())

    found = find(workspace, "pvc://models/tiny")

    assert found.uri == "pvc://models/tiny"
    assert found.fetch(print) == directory


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_model_elsewhere_is_read_where_it_is(
    workspace: Workspace, tmp_path: Path, scheme: str
) -> None:
    directory = write_model(tmp_path / "elsewhere", model())

    assert find(workspace, f"{scheme}{directory}").fetch(print) == directory


def test_a_copy_is_the_same_model(workspace: Workspace) -> None:
    write_model(workspace.root / "one", model())
    shutil.copytree(workspace.root / "one", workspace.root / "two")

    assert find(workspace, "pvc://one").revision == find(workspace, "pvc://two").revision


@pytest.mark.parametrize(
    ("change", "is_another"),
    [
        (lambda root: (root / "config.json").write_text('{"model_type": "x"}'), True),
        (lambda root: (root / "tokenizer.json").rename(root / "tokenizers.json"), True),
        (lambda root: (root / "extra.json").write_text(""), True),
        (lambda root: write_model(root, {"additional_chat_templates/x.jinja": b"x"}), True),
        (lambda root: (root / "README.md").write_text("# Changed"), False),
        (lambda root: write_model(root, {"checkpoint-1/config.json": b"x"}), False),
    ],
)
def test_a_change_of_what_makes_up_the_model_makes_another_one(
    workspace: Workspace, change: Callable[[Path], object], is_another: bool
) -> None:
    root = write_model(workspace.root / "tiny", model())
    before = find(workspace, "pvc://tiny").revision

    change(root)

    assert (find(workspace, "pvc://tiny").revision != before) == is_another


@pytest.mark.parametrize(
    ("base_model", "expected_error", "expected_message"),
    [
        ("pvc://gone", SourceError, "pvc://gone does not exist (looked for"),
        ("/nonexistent/model", SourceError, "/nonexistent/model does not exist. Check the path"),
        ("pvc://file", SourceError, "pvc://file is no directory. Name the directory that holds"),
        (
            "pvc://empty",
            ModelError,
            "pvc://empty is no model: it has no config.json and no weights",
        ),
    ],
)
def test_what_is_no_model_is_told(
    workspace: Workspace, base_model: str, expected_error: type[Exception], expected_message: str
) -> None:
    (workspace.root / "file").write_text("")
    (workspace.root / "empty").mkdir()

    with pytest.raises(expected_error) as refused:
        find(workspace, base_model)

    assert expected_message in str(refused.value)


def test_absolute_paths_are_refused_where_inputs_are_confined(
    workspace: Workspace, tmp_path: Path
) -> None:
    directory = write_model(tmp_path / "elsewhere", model())

    with pytest.raises(ConfigError, match="absolute paths are refused while OSFT_CONFINE_INPUTS"):
        find(workspace, str(directory), confine_inputs=True)


def test_a_link_out_of_the_workspace_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    write_model(workspace.root / "tiny", model(model_safetensors=None))
    outside = write_model(tmp_path / "elsewhere", model()) / "model.safetensors"
    (workspace.root / "tiny/model.safetensors").symlink_to(outside)

    with pytest.raises(ConfigError, match="leads out of the workspace"):
        find(workspace, "pvc://tiny")


def test_links_within_the_workspace_are_followed(workspace: Workspace) -> None:
    blob = write_model(workspace.root / "blobs", {"1": b"{}"}) / "1"
    write_model(workspace.root / "tiny", model(config_json=None))
    (workspace.root / "tiny/config.json").symlink_to(blob)

    assert find(workspace, "pvc://tiny").fetch(print)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(workspace: Workspace) -> None:
    write_model(workspace.root / "tiny", model())
    (workspace.root / "tiny/config.json").chmod(0)

    with pytest.raises(SourceError, match="Cannot read pvc://tiny: Permission denied"):
        find(workspace, "pvc://tiny")
