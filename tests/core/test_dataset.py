"""The dataset stage: each version is made once, and `datasets` leads to the newest."""

from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.dataset import DatasetStage, PreparedDataset, read_version, split_record
from osft_assets.core.errors import DatasetError, WorkspaceError
from osft_assets.core.lineage import file_sha256
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.records import SourceRecord
from osft_assets.core.workspace import Workspace
from tests.fakes import FakeSource, chats


def run(
    workspace: Workspace,
    source: FakeSource,
    train: OsftRecipe | None = None,
    said: list[str] | None = None,
    **recipe: Any,
) -> Path:
    pipeline = PipelineRecipe(name="lessons", train=train or OsftRecipe())
    stage = DatasetStage(pipeline, workspace, source)
    return stage.run(DatasetRecipe(**recipe), ([] if said is None else said).append).directory


def versions(workspace: Workspace) -> set[Path]:
    return set((workspace.root / "lessons" / "dataset_versions").iterdir())


def test_a_version_holds_both_files_and_their_record(workspace: Workspace) -> None:
    directory = run(workspace, FakeSource(chats(100)), data_split=0.7)

    version = read_version(directory)
    assert version.train.sha256 == file_sha256(directory / "train.jsonl")
    assert version.holdout.sha256 == file_sha256(directory / "eval.jsonl")
    assert version.counts.read == version.train.rows + version.holdout.rows == 100
    assert version.fingerprint == directory.name


def test_the_stable_link_leads_to_the_version(workspace: Workspace) -> None:
    directory = run(workspace, FakeSource(chats(10)))

    assert (workspace.root / "lessons" / "datasets").resolve() == directory.resolve()


def test_an_unchanged_source_is_not_read_again(workspace: Workspace) -> None:
    source = FakeSource(chats(10))
    first = run(workspace, source)

    again = run(workspace, source)

    assert again == first
    assert source.times_read == 1


def test_a_changed_source_makes_a_new_version_and_keeps_the_old_one(workspace: Workspace) -> None:
    old = run(workspace, FakeSource(chats(10), "revision 1"))

    new = run(workspace, FakeSource(chats(20), "revision 2"))

    assert versions(workspace) == {old, new}
    assert read_version(old).counts.read == 10
    assert (workspace.root / "lessons" / "datasets").resolve() == new.resolve()


def test_going_back_to_an_older_version_moves_the_link_back(workspace: Workspace) -> None:
    old = run(workspace, FakeSource(chats(10), "revision 1"))
    run(workspace, FakeSource(chats(20), "revision 2"))

    run(workspace, FakeSource(chats(10), "revision 1"))

    assert (workspace.root / "lessons" / "datasets").resolve() == old.resolve()


@pytest.mark.parametrize(
    "change",
    [
        {"data_split": 0.5},
        {"split_seed": 7},
        {"subset": 5},
        {"on_invalid": "skip"},
    ],
)
def test_a_setting_that_decides_the_rows_makes_a_new_version(
    workspace: Workspace, change: dict[str, Any]
) -> None:
    before = run(workspace, FakeSource(chats(10)))

    assert run(workspace, FakeSource(chats(10)), **change) != before


@pytest.mark.parametrize(
    "change", [{"data_uri": "hf://another/mirror"}, {"hf_token": "OTHER_TOKEN"}]
)
def test_how_the_source_is_reached_makes_no_new_version(
    workspace: Workspace, change: dict[str, Any]
) -> None:
    before = run(workspace, FakeSource(chats(10)))

    assert run(workspace, FakeSource(chats(10)), **change) == before


def test_another_kind_of_row_makes_a_new_version(workspace: Workspace) -> None:
    rows = [row | {"document": f"Text {number}."} for number, row in enumerate(chats(10))]
    before = run(workspace, FakeSource(rows))

    after = run(workspace, FakeSource(rows), OsftRecipe(is_pretraining=True, block_size=8))

    assert after != before
    assert read_version(after).kind == "documents"


def test_one_run_may_ask_for_another_kind_of_row_than_the_file(workspace: Workspace) -> None:
    rows = [{"input_ids": list(range(n, n + 30)), "labels": list(range(30))} for n in range(10)]

    asked = run(workspace, FakeSource(rows), row_kind="tokens")
    by_the_file = run(workspace, FakeSource(rows), OsftRecipe(use_processed_dataset=True))

    assert read_version(asked).kind == "tokens"
    assert by_the_file == asked


def test_without_a_revision_the_content_tells_what_is_new(workspace: Workspace) -> None:
    first = run(workspace, FakeSource(chats(10), revision=""))
    same = run(workspace, FakeSource(chats(10), revision=""))

    other = run(workspace, FakeSource(chats(20), revision=""))

    assert same == first
    assert versions(workspace) == {first, other}


def test_without_a_revision_the_source_is_read_every_time(workspace: Workspace) -> None:
    source = FakeSource(chats(10), revision="")
    run(workspace, source)

    run(workspace, source)

    assert source.times_read == 2


def test_bad_rows_leave_no_version_and_no_link(workspace: Workspace) -> None:
    with pytest.raises(DatasetError, match="1 of 11 rows are invalid"):
        run(workspace, FakeSource([*chats(10), {"messages": []}]))

    assert versions(workspace) == set()
    assert not (workspace.root / "lessons" / "datasets").exists()


def test_bad_rows_leave_the_link_at_the_last_good_version(workspace: Workspace) -> None:
    good = run(workspace, FakeSource(chats(10), "revision 1"))

    with pytest.raises(DatasetError):
        run(workspace, FakeSource([*chats(10), {"messages": []}], "revision 2"))

    assert (workspace.root / "lessons" / "datasets").resolve() == good.resolve()


def test_an_address_is_not_stored_with_the_version(workspace: Workspace) -> None:
    directory = run(workspace, FakeSource(chats(10)), data_uri="env:SECRET_ADDRESS")

    assert "SECRET_ADDRESS" not in (directory / "dataset.json").read_text()


def test_the_user_is_told_when_a_version_is_reused(workspace: Workspace) -> None:
    said: list[str] = []
    run(workspace, FakeSource(chats(10)), said=said)
    assert "Prepared 10 rows: 0 invalid, 0 double." in said

    said.clear()
    run(workspace, FakeSource(chats(10)), said=said)

    assert "Unchanged since it was prepared: reused." in said


@pytest.mark.parametrize(("side", "name"), [("train", "train.jsonl"), ("holdout", "eval.jsonl")])
def test_a_side_is_handed_on_with_its_own_file(workspace: Workspace, side: Any, name: str) -> None:
    directory = run(workspace, FakeSource(chats(100)), data_split=0.7)

    source = SourceRecord(uri="fake://rows", revision="fake:1", files=("rows.jsonl",))
    prepared = PreparedDataset(directory, read_version(directory), source)

    split = split_record(prepared, side)

    assert Path(split.path) == directory / name
    assert split.sha256 == file_sha256(directory / name)
    assert split.rows == (directory / name).read_bytes().count(b"\n")


# Damage


def damage(directory: Path, name: str) -> None:
    (directory / name).write_bytes((directory / name).read_bytes()[:-5])


@pytest.mark.parametrize("revision", ["revision 1", ""])
@pytest.mark.parametrize("name", ["train.jsonl", "eval.jsonl", "dataset.json"])
def test_a_damaged_version_is_prepared_anew(workspace: Workspace, name: str, revision: str) -> None:
    directory = run(workspace, FakeSource(chats(100), revision))
    good = (directory / "train.jsonl").read_bytes(), (directory / "eval.jsonl").read_bytes()
    damage(directory, name)

    again = run(workspace, FakeSource(chats(100), revision))

    assert ((again / "train.jsonl").read_bytes(), (again / "eval.jsonl").read_bytes()) == good
    assert read_version(again).counts.read == 100


@pytest.mark.parametrize("name", ["train.jsonl", "eval.jsonl", "dataset.json"])
def test_a_version_that_lost_a_file_is_prepared_anew(workspace: Workspace, name: str) -> None:
    directory = run(workspace, FakeSource(chats(100)))
    (directory / name).unlink()

    again = run(workspace, FakeSource(chats(100)))

    assert (again / name).exists()


def test_the_user_is_told_when_a_version_was_damaged(workspace: Workspace) -> None:
    said: list[str] = []
    damage(run(workspace, FakeSource(chats(10))), "train.jsonl")

    run(workspace, FakeSource(chats(10)), said=said)

    assert any("is not as it was written: preparing it anew" in line for line in said)


def test_a_directory_in_the_way_of_the_link_is_told_before_any_work(workspace: Workspace) -> None:
    (workspace.root / "lessons" / "datasets").mkdir(parents=True)
    source = FakeSource(chats(10))

    with pytest.raises(WorkspaceError, match="datasets is in the way"):
        run(workspace, source)

    assert source.times_read == 0


def test_a_record_of_bytes_that_are_no_text_is_prepared_anew(workspace: Workspace) -> None:
    directory = run(workspace, FakeSource(chats(10)))
    (directory / "dataset.json").write_bytes(b"\xff\xfe")

    again = run(workspace, FakeSource(chats(10)))

    assert read_version(again).counts.read == 10


def test_a_damaged_version_stays_until_the_new_one_is_there(workspace: Workspace) -> None:
    directory = run(workspace, FakeSource(chats(10)))
    damage(directory, "train.jsonl")
    broken = chats(10)
    broken[3]["messages"] = []

    with pytest.raises(DatasetError):
        run(workspace, FakeSource(broken))

    assert (directory / "dataset.json").exists()


def test_the_same_bytes_under_another_name_are_prepared_anew(workspace: Workspace) -> None:
    """A file's name says how it is read: as .csv, or as .tsv."""
    first = run(workspace, FakeSource(chats(10), name="rows.csv"))

    other = run(workspace, FakeSource(chats(10), name="rows.tsv"))

    assert other != first


def test_a_reused_version_is_handed_on_with_the_source_of_this_run(workspace: Workspace) -> None:
    pipeline = PipelineRecipe(name="lessons")
    DatasetStage(pipeline, workspace, FakeSource(chats(10))).run(DatasetRecipe(), lambda _: None)
    elsewhere = FakeSource(chats(10), uri="fake://elsewhere")

    prepared = DatasetStage(pipeline, workspace, elsewhere).run(DatasetRecipe(), lambda _: None)

    assert elsewhere.times_read == 0
    assert split_record(prepared, "train").source.uri == "fake://elsewhere"


def test_a_newer_version_of_the_code_prepares_anew(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = FakeSource(chats(10))
    run(workspace, source)
    monkeypatch.setattr("osft_assets.core.dataset.CODE_VERSION", "next")

    run(workspace, source)

    assert source.times_read == 2


def test_another_document_column_is_prepared_anew(workspace: Workspace) -> None:
    rows = [{"text": f"Sea {n}.", "body": f"Sky {n}."} for n in range(10)]
    source = FakeSource(rows)
    common = {"is_pretraining": True, "block_size": 8}
    run(workspace, source, train=OsftRecipe(**common))

    run(workspace, source, train=OsftRecipe(**common, document_column_name="body"))

    assert source.times_read == 2
