"""Reads a prepared dataset again and says whether it is what its record claims.

This is what the asset checks rest on: it trusts nothing that `core.preparation` counted, and so
also notices files that were changed or cut short afterwards.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.errors import RowError
from osft_assets.core.records import DatasetVersion, SplitFile
from osft_assets.core.rows import RowKind, RowParser
from osft_assets.core.splits import digester


@dataclass(frozen=True)
class SplitFindings:
    """What one file really holds."""

    rows: int
    malformed: int
    first_malformed: str
    duplicates: int
    matches_record: bool

    @property
    def well_formed(self) -> bool:
        """Every line is a row in canonical form, and the file is the one recorded."""
        return not self.malformed and self.matches_record


@dataclass(frozen=True)
class DatasetFindings:
    """What both files hold, and how many rows are in both."""

    train: SplitFindings
    holdout: SplitFindings
    overlap: int


def inspect(directory: Path, version: DatasetVersion) -> DatasetFindings:
    """Every row of both files, read anew."""
    train_digests: set[int] = set()
    holdout_digests: set[int] = set()
    train = _inspect_file(
        directory / version.train.name, version.kind, version.train, train_digests
    )
    holdout = _inspect_file(
        directory / version.holdout.name, version.kind, version.holdout, holdout_digests
    )
    return DatasetFindings(train, holdout, len(train_digests & holdout_digests))


def _inspect_file(path: Path, kind: RowKind, file: SplitFile, digests: set[int]) -> SplitFindings:
    if not path.exists():
        return SplitFindings(0, 0, f"{path} is missing", 0, matches_record=False)
    parser, content, digest = RowParser(kind), hashlib.sha256(), digester(seed=0)
    rows = malformed = 0
    first = ""
    with path.open("rb") as lines:
        for rows, line in enumerate(lines, start=1):
            content.update(line)
            digests.add(digest(line.rstrip(b"\n")))
            problem = _problem(parser, line)
            malformed += bool(problem)
            first = first or (problem and f"{file.name} line {rows:,}: {problem}")
    return SplitFindings(
        rows=rows,
        malformed=malformed,
        first_malformed=first,
        duplicates=rows - len(digests),
        matches_record=content.hexdigest() == file.sha256 and rows == file.rows,
    )


def _problem(parser: RowParser, line: bytes) -> str:
    try:
        canonical = parser.parse(line)
    except RowError as problem:
        return str(problem)
    return "" if canonical + b"\n" == line else "not in canonical form"
