"""The file of the local registry: made, kept, and refused when it cannot be used."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from osft_assets.core.errors import RegistryError
from resources.local_registry.kinds import MODEL
from resources.local_registry.listing import listing
from resources.local_registry.store import Store
from tests.local_registry.conftest import Wire, refusal


def _occupied(file: Path) -> None:
    file.parent.write_text("a file, where a directory has to be")


def _foreign(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"no database" * 100)


def _directory(file: Path) -> None:
    file.mkdir(parents=True)


def _other_database(file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE record (mine)")


def test_the_file_and_its_directory_are_made(file: Path) -> None:
    Store(file)

    assert [entry.name for entry in file.parent.iterdir()] == ["registry.sqlite"]


def test_a_workspace_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "not-mounted" / "_registry" / "registry.sqlite"

    with pytest.raises(RegistryError, match=r"registry\.sqlite cannot be used.*volume is mounted"):
        Store(file)

    assert not (tmp_path / "not-mounted").exists()


@pytest.mark.parametrize("make", [_occupied, _foreign, _directory, _other_database])
def test_what_is_no_registry_is_refused_and_left_alone(
    file: Path, make: Callable[[Path], None]
) -> None:
    make(file)
    before = file.read_bytes() if file.is_file() else b""

    with pytest.raises(RegistryError, match=r"registry\.sqlite cannot be used"):
        Store(file)

    assert (file.read_bytes() if file.is_file() else b"") == before


def test_a_directory_that_cannot_be_written_is_told_before_anything_is_registered() -> None:
    # Root may write anywhere but here.
    with pytest.raises(RegistryError, match=r"/proc/_registry.*Check that its volume"):
        Store(Path("/proc/_registry/registry.sqlite"))


def test_a_file_that_cannot_be_written_is_told_at_the_start(file: Path) -> None:
    Store(file)
    journal = file.with_name(f"{file.name}-journal")
    journal.mkdir()  # as in a directory that takes no new files, also for root

    with pytest.raises(RegistryError, match="cannot be used"):
        Store(file)


def test_a_newer_schema_is_refused_and_kept(file: Path) -> None:
    Store(file)
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 2")

    with pytest.raises(RegistryError, match="schema is 2, this release knows 1. Update"):
        Store(file)

    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)


def test_the_file_needs_no_memory_shared_between_machines(file: Path, wire: Wire) -> None:
    wire.post("registered_models", json={"name": "m"})

    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert [entry.name for entry in file.parent.iterdir()] == ["registry.sqlite"]


def test_a_file_that_vanished_is_told_and_not_made_anew(file: Path, wire: Wire) -> None:
    file.unlink()

    assert "cannot be used" in refusal(wire.get("registered_models"), 503)
    assert "cannot be used" in refusal(wire.post("registered_models", json={"name": "m"}), 503)
    assert not file.exists()


def test_a_change_is_later_than_what_it_changed_whatever_the_clock_says(file: Path) -> None:
    store = Store(file, clock=lambda: 1000.0)
    for name in ("a", "b", "c"):
        store.add(MODEL[0], {"name": name})

    changed = store.change(MODEL, "1", {"owner": "bo"})

    assert changed["createTimeSinceEpoch"] == "1000000"
    assert changed["lastUpdateTimeSinceEpoch"] == "1000001"
    newest = listing({"orderBy": "LAST_UPDATE_TIME", "sortOrder": "DESC"})
    names = [model["name"] for model in store.page(MODEL, newest, {})["items"]]
    assert names == ["a", "c", "b"]
