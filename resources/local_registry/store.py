"""What the local registry keeps: records of any kind, as the API shows them.

Every method is one question or one transaction. The SQL of a record is `rows`, how the file is
opened `database`, and which fields a record may have `bodies`.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.local_registry.database import prepare, reading, writing
from resources.local_registry.kinds import MODEL, REPLACED, VERSION, Kinds, in_words
from resources.local_registry.listing import Listing
from resources.local_registry.refusals import unknown, wrong
from resources.local_registry.rows import (
    NO_PARENT,
    Shown,
    condition_of,
    first_row,
    insert,
    row_of,
    shown,
    update,
)


@dataclass(frozen=True)
class Store:
    """The records in one file. `clock`: seconds since the epoch."""

    path: Path
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        prepare(self.path)

    def get(self, kinds: Kinds, record: str) -> Shown:
        """The record with this id."""
        with reading(self.path) as db:
            return shown(row_of(db, kinds, record))

    def find(self, kinds: Kinds, equal: Mapping[str, Any]) -> Shown:
        """The one record with these values; refused when there is none, or several."""
        condition, values = condition_of(kinds, equal)
        with reading(self.path) as db:
            rows = db.execute(f"SELECT * FROM record WHERE {condition} LIMIT 2", values).fetchall()
        if len(rows) != 1:
            wanted = ", ".join(f"{name} {value}" for name, value in equal.items())
            raise unknown(f"{'several' if rows else 'no'} {in_words(kinds)}s found for {wanted}")
        return shown(rows[0])

    def page(self, kinds: Kinds, listing: Listing, equal: Mapping[str, Any]) -> Shown:
        """One page of the records with these values."""
        condition, values = condition_of(kinds, equal)
        start, after = listing.start
        sql = f"SELECT * FROM record WHERE {condition} AND {start} ORDER BY {listing.order} LIMIT ?"
        with reading(self.path) as db:
            rows = db.execute(sql, (*values, *after, listing.size + 1)).fetchall()
        items = [shown(row) for row in rows[: listing.size]]
        sizes = {"pageSize": listing.size, "size": len(items)}
        return {"items": items, "nextPageToken": listing.token(rows), **sizes}

    def everything(self, kinds: Kinds) -> list[tuple[str, Shown]]:
        """All records of these kinds, each with the id of its parent, the oldest first."""
        condition, values = condition_of(kinds, {})
        sql = f"SELECT * FROM record WHERE {condition} ORDER BY id"
        with reading(self.path) as db:
            return [(str(row["parent"]), shown(row)) for row in db.execute(sql, values)]

    def add(self, kind: str, content: Shown, model: str = "") -> Shown:
        """A new record; a version is added to a model."""
        with writing(self.path) as db:
            parent = row_of(db, MODEL, model)["id"] if model else NO_PARENT
            return insert(db, self._now_ms(), (kind, parent, content))

    def change(self, kinds: Kinds, record: str, content: Shown) -> Shown:
        """The record with these fields set, and its others as they were."""
        with writing(self.path) as db:
            old = row_of(db, kinds, record)
            return update(db, self._now_ms(), (old, old["parent"], content))

    def put(self, version: str, kind: str, content: Shown, record: str = "") -> tuple[Shown, bool]:
        """An artifact of a version, and whether it is new.

        It is the one that is there when an id is given, or a name of a kind that is replaced.
        """
        with writing(self.path) as db:
            parent = row_of(db, VERSION, version)["id"]
            old = _same(db, parent, (kind, content.get("name", "")), record)
            if old is None:
                return insert(db, self._now_ms(), (kind, parent, content)), True
            return update(db, self._now_ms(), (old, parent, content)), False

    def _now_ms(self) -> int:
        return int(1000 * self.clock())


def _same(
    db: sqlite3.Connection, parent: int, named: tuple[str, str], record: str
) -> sqlite3.Row | None:
    """The artifact that is meant, when it is there already."""
    kind, name = named
    if record:
        row = row_of(db, (kind,), record)
        if row["parent"] not in (NO_PARENT, parent):
            raise wrong(f"{in_words((kind,))} {record} belongs to the version {row['parent']}")
        return row
    return first_row(db, (kind,), {"parent": parent, "name": name}) if kind in REPLACED else None
