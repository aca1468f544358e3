"""Files and directories of this machine: found, confined, and watched while they are read."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from osft_assets.core.errors import ConfigError, SourceError
from osft_assets.core.ports import FoundSource
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.workspace import Workspace
from resources.dataset_sources import DatasetSources
from tests.fakes import chats, lines

CONTENT = lines(chats(3))


def find(workspace: Workspace, data_uri: str, confine_inputs: bool = False) -> FoundSource:
    return DatasetSources(workspace, confine_inputs).find(DatasetRecipe(data_uri=data_uri))


def write(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def rows(found: FoundSource) -> list[bytes]:
    return [row for batch in found.read() for row in batch.rows if isinstance(row, bytes)]


def test_a_file_of_the_workspace_is_found_by_its_relative_path(workspace: Workspace) -> None:
    write(workspace.root / "raw/chats.jsonl")

    found = find(workspace, "pvc://raw/chats.jsonl")

    assert found.record.uri == "pvc://raw/chats.jsonl"
    assert found.record.files == ("chats.jsonl",)
    assert found.size_bytes == len(CONTENT)
    assert rows(found) == CONTENT.splitlines()


@pytest.mark.parametrize("scheme", ["", "file://", "file://localhost"])
def test_a_file_elsewhere_is_found_by_its_absolute_path(
    workspace: Workspace, tmp_path: Path, scheme: str
) -> None:
    path = write(tmp_path / "elsewhere/chats.jsonl")

    found = find(workspace, f"{scheme}{path}")

    assert found.record.uri == str(path)
    assert rows(found) == CONTENT.splitlines()


def test_a_file_url_may_be_percent_encoded(workspace: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "my chats.jsonl")

    found = find(workspace, f"file://{tmp_path}/my%20chats.jsonl")

    assert found.record.uri == str(path)
    assert rows(found) == CONTENT.splitlines()


def test_the_shards_of_a_directory_are_read_in_the_order_of_their_names(
    workspace: Workspace,
) -> None:
    shards = lines(chats(6)).splitlines(keepends=True)
    order = [3, 0, 5, 1, 4, 2]
    for number in order:
        write(workspace.root / f"raw/part-{number}.jsonl", shards[number])

    found = find(workspace, "pvc://raw")

    assert found.record.files == tuple(f"part-{number}.jsonl" for number in range(6))
    assert rows(found) == lines(chats(6)).splitlines()


def test_shards_of_several_formats_and_folders_are_one_dataset(workspace: Workspace) -> None:
    write(workspace.root / "raw/a.jsonl")
    write(workspace.root / "raw/b/c.csv", b"document\ntext\n")

    found = find(workspace, "pvc://raw/")

    assert found.record.files == ("a.jsonl", "b/c.csv")
    assert [batch.place(0) for batch in found.read()] == ["a.jsonl line 1", "b/c.csv row 1"]


@pytest.mark.parametrize(
    "name", [".hidden.jsonl", "_SUCCESS.json", "README.md", "model.bin", ".cache/chats.jsonl",
             "deep/.ipynb_checkpoints/chats.jsonl"]
)  # fmt: skip
def test_hidden_and_other_files_of_a_directory_are_skipped(workspace: Workspace, name: str) -> None:
    write(workspace.root / "raw/chats.jsonl")
    write(workspace.root / "raw" / name)

    found = find(workspace, "pvc://raw")

    assert found.record.files == ("chats.jsonl",)


def test_a_file_that_is_asked_for_by_name_may_be_hidden(workspace: Workspace) -> None:
    write(workspace.root / "raw/_chats.jsonl")

    found = find(workspace, "pvc://raw/_chats.jsonl")

    assert rows(found) == CONTENT.splitlines()


def link_to_outside(root: Path, outside: Path) -> None:
    (root / "link.jsonl").symlink_to(outside)


def shard_that_links_outside(root: Path, outside: Path) -> None:
    write(root / "raw/a.jsonl")
    (root / "raw/b.jsonl").symlink_to(outside)


def directory_that_links_outside(root: Path, outside: Path) -> None:
    (root / "linked").symlink_to(outside.parent)


@pytest.mark.parametrize(
    ("arrange", "data_uri"),
    [
        (link_to_outside, "pvc://link.jsonl"),
        (shard_that_links_outside, "pvc://raw"),
        (directory_that_links_outside, "pvc://linked"),
        (directory_that_links_outside, "pvc://linked/secret.jsonl"),
    ],
)
def test_no_link_leads_out_of_the_workspace(
    workspace: Workspace, tmp_path: Path, arrange: Callable[[Path, Path], None], data_uri: str
) -> None:
    outside = write(tmp_path / "outside/secret.jsonl")
    arrange(workspace.root, outside)

    with pytest.raises(ConfigError, match="leads out of the workspace"):
        find(workspace, data_uri)


@pytest.mark.parametrize("data_uri", ["pvc://../secret.jsonl", "pvc://raw/../../secret.jsonl"])
def test_dots_do_not_lead_out_of_the_workspace(workspace: Workspace, data_uri: str) -> None:
    write(workspace.root.parent / "secret.jsonl")
    recipe = DatasetRecipe(data_uri="env:DATA_URI")

    with pytest.raises(ConfigError, match="The value of DATA_URI is not an address"):
        DatasetSources(workspace, environment={"DATA_URI": data_uri}).find(recipe)


def test_a_directory_that_is_a_link_is_refused_instead_of_left_out(workspace: Workspace) -> None:
    write(workspace.root / "raw/a.jsonl")
    write(workspace.root / "other/b.jsonl")
    (workspace.root / "raw/linked").symlink_to(workspace.root / "other")

    with pytest.raises(SourceError, match="linked is a linked directory"):
        find(workspace, "pvc://raw")


def test_files_that_are_not_data_by_their_names_are_listed(workspace: Workspace) -> None:
    for name in ("a.jsonl", "_b.jsonl", "notes.txt", "c.jsonl.GZ"):
        write(workspace.root / "raw" / name)

    record = find(workspace, "pvc://raw").record

    assert record.files == ("a.jsonl", "c.jsonl.GZ")
    assert record.skipped == ("_b.jsonl", "notes.txt")


def test_a_change_shows_even_when_only_the_first_rows_are_read(workspace: Workspace) -> None:
    path = write(workspace.root / "chats.jsonl")
    batches = find(workspace, "pvc://chats.jsonl").read()
    next(batches)
    path.write_bytes(lines(chats(3)))

    with pytest.raises(SourceError, match="was changed while it was read"):
        batches.close()


def test_a_link_inside_the_workspace_may_be_followed(workspace: Workspace) -> None:
    path = write(workspace.root / "store/chats.jsonl")
    (workspace.root / "raw").mkdir()
    (workspace.root / "raw/chats.jsonl").symlink_to(path)

    found = find(workspace, "pvc://raw")

    assert rows(found) == CONTENT.splitlines()


def test_a_workspace_that_is_itself_a_link_is_no_way_out(tmp_path: Path) -> None:
    write(tmp_path / "volume/raw/chats.jsonl")
    (tmp_path / "mounted").symlink_to(tmp_path / "volume")

    found = find(Workspace(tmp_path / "mounted"), "pvc://raw")

    assert rows(found) == CONTENT.splitlines()


def test_confined_inputs_stay_in_the_workspace(workspace: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "elsewhere/chats.jsonl")

    with pytest.raises(ConfigError, match="OSFT_CONFINE_INPUTS is set. Use pvc://"):
        find(workspace, str(path), confine_inputs=True)


def test_confined_inputs_may_come_from_the_workspace(workspace: Workspace) -> None:
    write(workspace.root / "chats.jsonl")

    found = find(workspace, "pvc://chats.jsonl", confine_inputs=True)

    assert rows(found) == CONTENT.splitlines()


@pytest.mark.parametrize(
    ("data_uri", "expected_error"),
    [
        ("pvc://nothing.jsonl", r"^pvc://nothing\.jsonl does not exist \(looked for /.*/workspace"),
        ("/no/such/chats.jsonl", r"^/no/such/chats\.jsonl does not exist\. Check the path"),
        ("pvc://empty", r"^pvc://empty has no data files \(\.jsonl, "),
        ("pvc://prose", r"^pvc://prose has no data files \(\.jsonl, "),
        (f"/tmp/{'n' * 300}.jsonl", "nnn"),
    ],
)
def test_an_address_without_data_is_refused(
    workspace: Workspace, data_uri: str, expected_error: str
) -> None:
    (workspace.root / "empty").mkdir()
    write(workspace.root / "prose/README.md")

    with pytest.raises(SourceError, match=expected_error):
        find(workspace, data_uri)


def test_an_empty_address_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="data_uri is empty"):
        DatasetSources(workspace).find(DatasetRecipe())


def test_an_address_can_come_from_the_environment(workspace: Workspace) -> None:
    write(workspace.root / "chats.jsonl")
    sources = DatasetSources(workspace, environment={"DATA_URI": " pvc://chats.jsonl\n"})

    found = sources.find(DatasetRecipe(data_uri="env:DATA_URI"))

    assert rows(found) == CONTENT.splitlines()


@pytest.mark.parametrize("environment", [{}, {"DATA_URI": ""}, {"DATA_URI": " "}])
def test_a_variable_that_is_not_set_is_named(
    workspace: Workspace, environment: dict[str, str]
) -> None:
    sources = DatasetSources(workspace, environment=environment)

    with pytest.raises(ConfigError, match="data_uri is env:DATA_URI, but DATA_URI is not set"):
        sources.find(DatasetRecipe(data_uri="env:DATA_URI"))


def test_the_revision_is_the_same_for_the_same_bytes_elsewhere(workspace: Workspace) -> None:
    write(workspace.root / "one/chats.jsonl")
    write(workspace.root / "two/copied.jsonl")

    revisions = {find(workspace, f"pvc://{name}").record.revision for name in ("one", "two")}

    assert len(revisions) == 1
    assert "" not in revisions


def test_the_revision_changes_with_one_byte(workspace: Workspace) -> None:
    path = write(workspace.root / "chats.jsonl")
    stamp = path.stat()
    before = find(workspace, "pvc://chats.jsonl").record.revision

    write(path, CONTENT.replace(b"What is 2", b"What is 3"))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    assert path.stat().st_size == stamp.st_size
    assert find(workspace, "pvc://chats.jsonl").record.revision != before


def test_the_revision_changes_when_a_row_moves_to_another_shard(workspace: Workspace) -> None:
    first, second, third = CONTENT.splitlines(keepends=True)
    write(workspace.root / "one/a.jsonl", first + second)
    write(workspace.root / "one/b.jsonl", third)
    write(workspace.root / "two/a.jsonl", first)
    write(workspace.root / "two/b.jsonl", second + third)

    revisions = {find(workspace, f"pvc://{name}").record.revision for name in ("one", "two")}

    assert len(revisions) == 2


def append(paths: Sequence[Path]) -> None:
    with paths[-1].open("ab") as stream:
        stream.write(lines(chats(1, start=100)))


def rewrite(paths: Sequence[Path]) -> None:
    status = paths[0].stat()
    paths[0].write_bytes(CONTENT.replace(b"What is 2", b"What is 3"))
    os.utime(paths[0], ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def remove(paths: Sequence[Path]) -> None:
    paths[-1].unlink()


@pytest.mark.parametrize("change", [append, rewrite, remove])
def test_a_change_while_a_file_is_read_is_refused(
    workspace: Workspace, change: Callable[[Sequence[Path]], None]
) -> None:
    path = write(workspace.root / "chats.jsonl", lines(chats(20_000)))
    batches = find(workspace, "pvc://chats.jsonl").read()
    next(batches)

    change([path])

    with pytest.raises(SourceError, match=r"chats\.jsonl.* while it was read"):
        list(batches)


@pytest.mark.parametrize("change", [append, rewrite, remove])
def test_a_change_between_finding_and_reading_is_refused(
    workspace: Workspace, change: Callable[[Sequence[Path]], None]
) -> None:
    paths = [write(workspace.root / f"raw/{name}.jsonl") for name in "ab"]
    found = find(workspace, "pvc://raw")

    change(paths)

    with pytest.raises(SourceError, match=r"\.jsonl"):
        list(found.read())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(workspace: Workspace) -> None:
    path = write(workspace.root / "chats.jsonl")
    path.chmod(0)

    with pytest.raises(SourceError, match="Permission denied. Check its permissions"):
        find(workspace, "pvc://chats.jsonl")


def test_a_pipe_is_refused_instead_of_waited_for(workspace: Workspace) -> None:
    os.mkfifo(workspace.root / "chats.jsonl")
    recipe = DatasetRecipe(data_uri="pvc://chats.jsonl")

    with pytest.raises(SourceError, match="neither a file nor a directory"):
        DatasetSources(workspace).find(recipe)
