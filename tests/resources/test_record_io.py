"""Records between assets: JSON on the workspace."""

import json
from pathlib import Path

import dagster as dg
import pytest

from osft_assets.core.errors import WorkspaceError
from osft_assets.core.records import SourceRecord
from osft_assets.core.workspace import Workspace
from resources.record_io import RecordIOManager

KEY = dg.AssetKey(["mine", "source"])
RECORD = SourceRecord(uri="pvc://rows.jsonl", revision="xxh3:1", files=("rows.jsonl",))


def _write(workspace: Workspace) -> Path:
    context = dg.build_output_context(asset_key=KEY)
    RecordIOManager(workspace).handle_output(context, RECORD)
    return workspace.root / "mine/records/source.json"


def _read(workspace: Workspace) -> object:
    kind = dg.PythonObjectDagsterType(SourceRecord)
    context = dg.build_input_context(asset_key=KEY, dagster_type=kind)
    return RecordIOManager(workspace).load_input(context)


def test_a_record_comes_back_as_it_was(workspace: Workspace) -> None:
    _write(workspace)

    assert _read(workspace) == RECORD


def test_a_person_can_read_a_record(workspace: Workspace) -> None:
    path = _write(workspace)

    assert json.loads(path.read_text())["uri"] == "pvc://rows.jsonl"
    assert [entry.name for entry in path.parent.iterdir()] == ["source.json"]


def test_a_missing_record_names_the_asset_to_make(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="Materialize mine/source first"):
        _read(workspace)


def test_a_record_of_another_version_is_refused(workspace: Workspace) -> None:
    path = _write(workspace)
    path.write_text('{"uri": "pvc://rows.jsonl", "sha": "1"}')

    with pytest.raises(WorkspaceError, match="not a SourceRecord of this version"):
        _read(workspace)


def test_a_record_of_bytes_that_are_no_text_is_refused(workspace: Workspace) -> None:
    _write(workspace).write_bytes(b"\xff\xfe")

    with pytest.raises(WorkspaceError, match="not a SourceRecord of this version"):
        _read(workspace)


def test_a_workspace_that_cannot_be_written_is_told(workspace: Workspace) -> None:
    (workspace.root / "mine").write_text("a file where a directory belongs")

    with pytest.raises(WorkspaceError, match="Cannot write"):
        _write(workspace)
