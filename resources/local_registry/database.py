"""Opens the file of the local registry: SQLite, set up for several processes on a network volume.

No write-ahead log: it needs memory shared between all who write, which a network volume does not
give. Every operation opens the file anew and is one short transaction, so a process can be killed
at any moment. What is in the file is `store`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from osft_assets.core.errors import RegistryError

_SCHEMA_VERSION = 1
_WAIT_FOR_OTHERS_SECONDS = 30.0
# parent 0 is none. content is JSON: the fields that the API shows, but for id and times.
_SCHEMA = """
CREATE TABLE record (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    parent INTEGER NOT NULL,
    name TEXT NOT NULL,
    external_id TEXT,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    content TEXT NOT NULL,
    UNIQUE (kind, parent, name),
    UNIQUE (kind, external_id)
)
"""


def prepare(path: Path) -> None:
    """Make the file when there is none; RegistryError when it cannot be written, or is another one.

    Its directory is made too, but not the one above: that may be a volume that is not mounted.
    """
    try:
        path.parent.mkdir(exist_ok=True)
        with closing(_connect(path, "rwc")) as db:
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("BEGIN IMMEDIATE")
            _bring_up_to_date(db, path)
            db.execute("COMMIT")
    except (OSError, sqlite3.Error) as problem:
        raise RegistryError(
            f"{path} cannot be used as the local registry: {problem}. Check that its volume is "
            "mounted and can be written, and that the file is the registry's"
        ) from problem


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, for one question."""
    with closing(_connect(path, "rw")) as db:
        yield db


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction: kept for good when the block ends, gone when it fails. Others wait."""
    with closing(_connect(path, "rw")) as db:
        db.execute("BEGIN IMMEDIATE")
        yield db
        db.execute("COMMIT")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """`mode` rw never makes a file: what somebody removed must not look like an empty registry."""
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_WAIT_FOR_OTHERS_SECONDS,
        isolation_level=None,
    )
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA synchronous = FULL")
    return db


def _bring_up_to_date(db: sqlite3.Connection, path: Path) -> None:
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if found > _SCHEMA_VERSION:
        raise RegistryError(
            f"{path} was written by a newer release: its schema is {found}, this release knows "
            f"{_SCHEMA_VERSION}. Update osft-assets"
        )
    if found == 0:
        db.execute(_SCHEMA)
    # Written even when it is right: this is where a directory that cannot be written shows.
    db.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
