"""What the stages hand each other and keep on disk: small frozen values, readable as JSON.

A record says where something is, what it is, and what made it; the gigabytes stay where they are.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from osft_assets.core.rows import RowKind
from osft_assets.core.splits import Side


class Record(BaseModel):
    """A frozen value with no unknown fields. A number that is none stays one: NaN, not null."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class RowCounts(Record):
    """Every row read is invalid, a duplicate, or in one of the two files."""

    read: int
    invalid: int
    duplicate: int
    train: int
    holdout: int

    @property
    def add_up(self) -> bool:
        """Nothing was lost or counted twice."""
        return self.read == self.invalid + self.duplicate + self.train + self.holdout


class SourceRecord(Record):
    """Where rows came from, without credentials. `revision` is empty when the source tells none.

    `skipped`: files beside them that are not data by their names, so that none is lost unnoticed.
    """

    uri: str
    revision: str
    files: tuple[str, ...]
    skipped: tuple[str, ...] = ()


# Row lengths span bytes to megabytes, so they are counted in steps of a fourth of a doubling.
BUCKETS_PER_DOUBLING = 4


class SplitFile(Record):
    """One JSONL file. `length_buckets`: pairs of (i, rows of 2**(i/4) bytes or more)."""

    name: str
    rows: int
    size_bytes: int
    sha256: str
    length_buckets: tuple[tuple[int, int], ...]


class Prepared(Record):
    """What one pass over the rows found and wrote."""

    counts: RowCounts
    formats: dict[str, int]
    ignored_columns: tuple[str, ...]
    first_invalid: tuple[str, ...]
    train: SplitFile
    holdout: SplitFile


class DatasetVersion(Prepared):
    """One prepared dataset: the marker file that completes its directory."""

    fingerprint: str
    kind: RowKind
    source: SourceRecord
    recipe: dict[str, Any]

    def file(self, side: Side) -> SplitFile:
        """The file of one side."""
        return self.train if side == "train" else self.holdout


class DatasetSplit(Record):
    """What `train_split` and `holdout_split` are. `source` is where this run found the rows."""

    side: Side
    path: str
    version_path: str
    fingerprint: str
    source: SourceRecord
    kind: RowKind
    rows: int
    size_bytes: int
    sha256: str
