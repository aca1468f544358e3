"""The SQL of one record, on a connection that is open: looked up, inserted, updated.

Transactions are `store`. The file's unique constraints decide which of two concurrent runs was
first; the other one is refused here.
"""

import json
import re
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from resources.local_registry.kinds import Kinds, in_words
from resources.local_registry.refusals import taken, unknown, wrong

Shown = dict[str, Any]  # a record, or a page of them, as the API shows it
NO_PARENT = 0
IMMUTABLE = ("name", "registeredModelId", "artifactType")
_ID = re.compile(r"[1-9][0-9]{0,8}")


def condition_of(kinds: Kinds, equal: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """The SQL that means records of these kinds with these values, and its values."""
    kind = f"kind IN ({', '.join('?' * len(kinds))})"
    return " AND ".join([kind, *(f"{name} = ?" for name in equal)]), (*kinds, *equal.values())


def first_row(db: sqlite3.Connection, kinds: Kinds, equal: Mapping[str, Any]) -> sqlite3.Row | None:
    """A record with these values, when there is one."""
    condition, values = condition_of(kinds, equal)
    found: sqlite3.Row | None = db.execute(
        f"SELECT * FROM record WHERE {condition}", values
    ).fetchone()
    return found


def row_of(db: sqlite3.Connection, kinds: Kinds, record: str) -> sqlite3.Row:
    """The record with this id."""
    what = in_words(kinds)
    row = first_row(db, kinds, {"id": checked_id(record, what)})
    if row is None:
        raise unknown(f"there is no {what} with the id {record}")
    return row


def insert(db: sqlite3.Connection, now_ms: int, row: tuple[str, int, Shown]) -> Shown:
    """A new record, from its kind, its parent and its content."""
    kind, parent, content = row
    content = {**content, "name": content.get("name") or str(uuid.uuid4())}
    sql = """INSERT INTO record
        (kind, parent, name, external_id, created_ms, updated_ms, content)
        VALUES (?, ?, ?, ?, ?, ?, ?)"""
    values = (kind, parent, content["name"], _external_id(content), now_ms, now_ms)
    done = _unless_taken(db, sql, (*values, json.dumps(content)), (kind, content))
    return shown(row_of(db, (kind,), str(done.lastrowid)))


def update(db: sqlite3.Connection, now_ms: int, row: tuple[sqlite3.Row, int, Shown]) -> Shown:
    """The record with another parent and these fields; its other fields stay."""
    old, parent, content = row
    before = json.loads(old["content"])
    _refuse_changes(before, content)
    after = {**before, **content}
    # Later than before even when the clock was set back: who orders by it sees the change.
    now_ms = max(now_ms, old["updated_ms"] + 1)
    sql = """UPDATE record SET parent = ?, external_id = ?, updated_ms = ?, content = ?
        WHERE id = ?"""
    values = (parent, _external_id(after), now_ms, json.dumps(after), old["id"])
    _unless_taken(db, sql, values, (old["kind"], after))
    return shown(row_of(db, (old["kind"],), str(old["id"])))


def shown(row: sqlite3.Row) -> Shown:
    """A row as the API shows it."""
    return {
        **json.loads(row["content"]),
        "id": str(row["id"]),
        "createTimeSinceEpoch": str(row["created_ms"]),
        "lastUpdateTimeSinceEpoch": str(row["updated_ms"]),
    }


def checked_id(text: str, what: str) -> int:
    """The number of an id."""
    if not _ID.fullmatch(text):
        raise wrong(f"{text!r} is no id of a {what}: expected a number of 1 to 9 digits")
    return int(text)


def _external_id(content: Shown) -> str | None:
    return content.get("externalId") or None


def _refuse_changes(before: Shown, content: Shown) -> None:
    for name in IMMUTABLE:
        if content.get(name, before.get(name)) != before.get(name):
            raise wrong(f"{name} is {before.get(name)!r} and cannot be changed")


def _unless_taken(
    db: sqlite3.Connection, sql: str, values: Sequence[Any], meant: tuple[str, Shown]
) -> sqlite3.Cursor:
    try:
        return db.execute(sql, values)
    except sqlite3.IntegrityError as problem:
        field = "externalId" if "external_id" in str(problem) else "name"
        kind, content = meant
        raise taken(
            f"a {in_words((kind,))} with the {field} {content[field]} already exists"
        ) from None
