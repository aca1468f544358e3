"""Reading a prepared dataset again, trusting nothing."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.dataset import DatasetStage, read_version
from osft_assets.core.inspection import DatasetFindings, inspect
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.records import DatasetVersion
from osft_assets.core.workspace import Workspace
from tests.fakes import FakeSource, chat, chats


def prepared(workspace: Workspace, rows: list[dict[str, Any]], **train: Any) -> Path:
    pipeline = PipelineRecipe(name="lessons", train=OsftRecipe(**train))
    stage = DatasetStage(pipeline, workspace, FakeSource(rows))
    return stage.run(DatasetRecipe(data_split=0.5), lambda _line: None).directory


def recorded(directory: Path) -> DatasetVersion:
    """The version as if it had recorded the files of now, so that only rows can be wrong."""
    version = read_version(directory)
    train, holdout = (
        file.model_copy(
            update={
                "rows": (directory / file.name).read_bytes().count(b"\n"),
                "sha256": hashlib.sha256((directory / file.name).read_bytes()).hexdigest(),
            }
        )
        for file in (version.train, version.holdout)
    )
    return version.model_copy(update={"train": train, "holdout": holdout})


def findings(directory: Path) -> DatasetFindings:
    return inspect(directory, read_version(directory))


def test_what_was_prepared_is_well_formed(workspace: Workspace) -> None:
    found = findings(prepared(workspace, chats(100)))

    assert found.train.well_formed
    assert found.holdout.well_formed
    assert found.train.rows + found.holdout.rows == 100
    assert (found.train.duplicates, found.holdout.duplicates, found.overlap) == (0, 0, 0)


@pytest.mark.parametrize(
    ("rows", "train"),
    [
        (
            [{"input_ids": [1, number], "labels": [1, 2]} for number in range(20)],
            {"use_processed_dataset": True},
        ),
        (
            [{"body": f"Text {number}."} for number in range(20)],
            {"is_pretraining": True, "block_size": 8, "document_column_name": "body"},
        ),
        (
            [
                chat("a", "b") | {"messages": [{"role": "assistant", "content": str(n), "id": n}]}
                for n in range(20)
            ],
            {},
        ),
    ],
)
def test_every_kind_of_row_is_well_formed_after_preparation(
    workspace: Workspace, rows: list[dict[str, Any]], train: dict[str, Any]
) -> None:
    found = findings(prepared(workspace, rows, **train))

    assert found.train.well_formed
    assert found.holdout.well_formed


def test_a_changed_byte_is_noticed(workspace: Workspace) -> None:
    directory = prepared(workspace, chats(100))
    file = directory / "train.jsonl"
    file.write_bytes(file.read_bytes().replace(b"It is", b"it is", 1))

    found = findings(directory)

    assert not found.train.well_formed
    assert found.holdout.well_formed


def test_a_lost_row_is_noticed(workspace: Workspace) -> None:
    directory = prepared(workspace, chats(100))
    file = directory / "eval.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))

    found = findings(directory)

    assert not found.holdout.matches_record


def test_a_row_cut_short_is_noticed_with_its_place(workspace: Workspace) -> None:
    directory = prepared(workspace, chats(100))
    file = directory / "train.jsonl"
    last = file.read_bytes().count(b"\n")
    file.write_bytes(file.read_bytes()[:-10])

    found = findings(directory)

    assert found.train.malformed == 1
    assert found.train.first_malformed.startswith(f"train.jsonl line {last}: malformed JSON")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"messages":[]}\n', "messages is empty"),
        (b'{"messages": [{"role":"assistant","content":"x"}]}\n', "not in canonical form"),
        (b"\n", "malformed JSON"),
    ],
)
def test_a_row_that_training_could_not_take_is_noticed(
    workspace: Workspace, line: bytes, problem: str
) -> None:
    directory = prepared(workspace, chats(100))
    file = directory / "train.jsonl"
    file.write_bytes(line + file.read_bytes())

    found = inspect(directory, recorded(directory))

    assert found.train.matches_record
    assert not found.train.well_formed
    assert found.train.first_malformed.startswith(f"train.jsonl line 1: {problem}")


def test_a_row_on_both_sides_is_noticed(workspace: Workspace) -> None:
    directory = prepared(workspace, chats(100))
    train, holdout = directory / "train.jsonl", directory / "eval.jsonl"
    train.write_bytes(train.read_bytes() + holdout.read_bytes().splitlines(keepends=True)[0])

    found = inspect(directory, recorded(directory))

    assert found.overlap == 1


def test_a_row_that_is_there_twice_is_noticed(workspace: Workspace) -> None:
    directory = prepared(workspace, chats(100))
    file = directory / "train.jsonl"
    file.write_bytes(file.read_bytes() + file.read_bytes().splitlines(keepends=True)[0])

    found = inspect(directory, recorded(directory))

    assert found.train.duplicates == 1
