"""Which page of which records a list request asks for.

A page goes on after the last record of the one before it, so records added meanwhile neither shift
nor repeat any. The client knows the first page by its token: the same page has the same one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resources.local_registry.refusals import wrong

_COLUMNS = {"ID": "id", "CREATE_TIME": "created_ms", "LAST_UPDATE_TIME": "updated_ms"}
_ORDERS = {"ASC": False, "DESC": True}
_USUAL_SIZE, _LARGEST_SIZE = 100, 1000
_SIZE = re.compile(r"[1-9][0-9]{0,9}")
_TOKEN = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


@dataclass(frozen=True)
class Listing:
    """One page: how many records, in which order, after which (its ordering value and id)."""

    size: int
    column: str
    descending: bool
    after: tuple[int, int] | None

    @property
    def order(self) -> str:
        """The SQL that orders by it. The id decides between equals."""
        direction = "DESC" if self.descending else "ASC"
        return f"{self.column} {direction}, id {direction}"

    @property
    def start(self) -> tuple[str, tuple[int, ...]]:
        """The SQL that leaves out the pages before, and its values."""
        if self.after is None:
            return "TRUE", ()
        return f"({self.column}, id) {'<' if self.descending else '>'} (?, ?)", self.after

    def token(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """What leads on from these rows, of which one more than the page has was asked for."""
        if len(rows) <= self.size:
            return ""
        last = rows[self.size - 1]
        return f"{last[self.column]}-{last['id']}"


def listing(query: Mapping[str, str]) -> Listing:
    """The page that the parameters of a list request mean."""
    if query.get("filterQuery"):
        raise wrong("filterQuery is not supported by the local registry: list, and filter yourself")
    return Listing(
        size=_size(query.get("pageSize", "")),
        column=_one_of("orderBy", query.get("orderBy") or "ID", _COLUMNS),
        descending=_one_of("sortOrder", query.get("sortOrder") or "ASC", _ORDERS),
        after=_after(query.get("nextPageToken", "")),
    )


def _size(text: str) -> int:
    if text and not _SIZE.fullmatch(text):
        raise wrong(f"pageSize is {text!r}: expected a number from 1 on")
    return min(int(text or _USUAL_SIZE), _LARGEST_SIZE)


def _one_of(parameter: str, text: str, known: Mapping[str, Any]) -> Any:
    if text not in known:
        raise wrong(f"{parameter} is {text!r}: expected one of {', '.join(known)}")
    return known[text]


def _after(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    found = _TOKEN.fullmatch(text)
    if not found:
        raise wrong("nextPageToken is none that the local registry gave: start at the first page")
    return int(found[1]), int(found[2])
