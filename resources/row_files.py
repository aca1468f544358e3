"""Bytes into rows: JSONL, JSON arrays, Parquet and CSV, plain or compressed with gzip or zstd.

What a file is, is told by its first bytes, then by its name: names lie (`.json` holds lines as
often as an array). Opening files is the sources' work; checking rows is `osft_assets.core.rows`.
"""

import csv
import errno
import io
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from osft_assets.core.errors import DatasetError, WorkspaceError
from osft_assets.core.ports import RowBatch
from osft_assets.core.rows import RawRow

# One training row is a few kilobytes; beyond this it is a mistake, such as a file without line
# breaks.
LARGEST_ROW_BYTES = 16 * 2**20
# A JSON array has to be read whole.
LARGEST_ARRAY_BYTES = 1 * 2**30
# Larger blocks are no faster, and leave holes in the heap: 4 MB more at the peak.
_BLOCK_BYTES = 2**18
_ROWS_PER_BATCH = 2_000
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_LIST_COLUMNS = frozenset({"messages", "conversations", "input_ids", "labels"})
_LINE_SUFFIXES = frozenset({".jsonl", ".ndjson", ".json"})
_DATA_SUFFIXES = _LINE_SUFFIXES | {".csv", ".tsv", ".parquet"}
_COMPRESSED_SUFFIXES = frozenset({".gz", ".zst"})
_HEAD_BYTES = 512


@dataclass(frozen=True)
class RowFile:
    """One file of a source. `open` starts it from its beginning; the name may be shown."""

    name: str
    open: Callable[[], BinaryIO]


def is_data_file(name: str) -> bool:
    """Whether a file found in a directory is meant as data, by its name."""
    path = PurePosixPath(name)
    return not path.name.startswith((".", "_")) and _inner_suffix(name) in _DATA_SUFFIXES


def read_files(files: Sequence[RowFile]) -> Iterator[RowBatch]:
    """Every row of every file, in order, in batches."""
    done = 0
    for file in files:
        counted = _Counted(file.open())
        try:
            for unit, first, rows in _read(file.name, counted):
                yield RowBatch(file.name, unit, first, rows, done + counted.position)
        except (
            OSError
        ) as problem:  # a decompressor's, or the disk's: the sources translate their own
            raise DatasetError(
                f"{file.name} is damaged or cut off: {problem}. Fetch or write it again."
            ) from None
        finally:
            counted.close()
        done += counted.position


_Batches = Iterator[tuple[str, int, Sequence[RawRow | None]]]


class _Counted(io.RawIOBase):
    """The stored bytes of one file, counted as they are read: the progress of the whole."""

    def __init__(self, stored: BinaryIO) -> None:
        self.stored = stored
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self.stored.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.stored.seek(offset, whence)

    def tell(self) -> int:
        return self.stored.tell()

    def readinto(self, buffer: Any) -> int:
        block = self.stored.read(len(buffer))
        buffer[: len(block)] = block
        self.position += len(block)
        return len(block)

    def close(self) -> None:
        self.stored.close()
        super().close()


def _read(name: str, stored: _Counted) -> _Batches:
    plain: io.BufferedReader = io.BufferedReader(stored, _BLOCK_BYTES)
    compression = next(
        (kind for magic, kind in _MAGIC.items() if plain.peek(4).startswith(magic)), None
    )
    if compression:
        import pyarrow

        plain = io.BufferedReader(pyarrow.CompressedInputStream(plain, compression), _BLOCK_BYTES)
    head = plain.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    if not head:
        raise DatasetError(f"{name} is empty. Check that it was written completely.")
    if head.startswith(_BYTE_ORDER_MARKS):
        raise DatasetError(f"{name} begins with a byte-order mark. Save it as UTF-8 without one.")
    return _reader(name, head)(name, plain)


def _reader(name: str, head: bytes) -> Callable[[str, io.BufferedReader], _Batches]:
    suffix = _inner_suffix(name)
    if head.startswith(b"PAR1"):
        return _parquet
    if suffix in (".csv", ".tsv"):
        return _csv
    if head.lstrip()[:1] == b"[":
        return _json_array
    if head.lstrip()[:1] == b"{" or suffix in _LINE_SUFFIXES:
        return _json_lines
    raise DatasetError(
        f"{name} is none of JSONL, JSON, CSV, Parquet. Convert it, and check that the address is "
        f"right."
    )


def _inner_suffix(name: str) -> str:
    path = PurePosixPath(name)
    return (path.with_suffix("") if path.suffix in _COMPRESSED_SUFFIXES else path).suffix.lower()


def _json_lines(name: str, plain: io.BufferedReader) -> _Batches:
    tail, first = b"", 1
    while block := plain.read(_BLOCK_BYTES):
        lines = (tail + block).split(b"\n")
        tail = lines.pop()
        if len(tail) > LARGEST_ROW_BYTES:
            raise DatasetError(
                f"{name} line {first + len(lines):,} is longer than "
                f"{LARGEST_ROW_BYTES / 2**20:.0f} MiB, far more than "
                "a model can read. Split the row, or check that the file has line breaks."
            )
        yield "line", first, [None if not line or line.isspace() else line for line in lines]
        first += len(lines)
    if tail and not tail.isspace():
        yield "line", first, [tail]


def _json_array(name: str, plain: io.BufferedReader) -> _Batches:
    content = plain.read(LARGEST_ARRAY_BYTES + 1)
    if len(content) > LARGEST_ARRAY_BYTES:
        raise DatasetError(
            f"{name} is a JSON array of over {LARGEST_ARRAY_BYTES / 2**30:.0f} GiB. Convert it "
            f"to JSONL."
        )
    import msgspec

    try:
        rows = msgspec.json.decode(content, type=list[msgspec.Raw])
    except ValueError as problem:
        raise DatasetError(
            f"{name}: malformed JSON array: {_with_line(problem, content)}. Mend it."
        ) from None
    for first in range(0, len(rows), _ROWS_PER_BATCH):
        yield "row", first + 1, [bytes(row) for row in rows[first : first + _ROWS_PER_BATCH]]


def _with_line(problem: ValueError, content: bytes) -> str:
    found = re.search(r"\(byte (\d+)\)", str(problem))
    if not found:
        return str(problem)
    line = content.count(b"\n", 0, int(found[1])) + 1
    return f"{problem}, line {line:,}"


def _csv(name: str, plain: io.BufferedReader) -> _Batches:
    csv.field_size_limit(LARGEST_ROW_BYTES)
    delimiter = "\t" if _inner_suffix(name) == ".tsv" else ","
    reader = csv.DictReader(
        io.TextIOWrapper(plain, "utf-8", newline=""), delimiter=delimiter, strict=True
    )
    first = 1
    try:
        while rows := [
            _csv_row(row, name, first + index)
            for index, row in enumerate(islice(reader, _ROWS_PER_BATCH))
        ]:
            yield "row", first, rows
            first += len(rows)
    except UnicodeDecodeError:
        raise DatasetError(
            f"{name} is not UTF-8 text, near line {reader.line_num:,}. Save it as UTF-8."
        ) from None
    except csv.Error as problem:
        raise DatasetError(
            f"{name} line {reader.line_num:,}: {problem}. Mend the quotes or the delimiters."
        ) from None


def _csv_row(row: dict[str | None, Any], name: str, number: int) -> dict[str, Any]:
    if None in row:
        raise DatasetError(
            f"{name} row {number:,} has more cells than the header has columns. Quote its commas."
        )
    return {str(key): _csv_cell(str(key), cell) for key, cell in row.items()}


def _csv_cell(column: str, cell: str | None) -> Any:
    """An empty cell is no value; a column that holds lists holds them as JSON."""
    if not cell:
        return None
    if column in _LIST_COLUMNS and cell.lstrip().startswith("["):
        with suppress(ValueError):  # left as text, which the row's check refuses with its place
            return json.loads(cell)
    return cell


def _parquet(name: str, plain: io.BufferedReader) -> _Batches:
    import pyarrow
    import pyarrow.parquet

    # Parquet is read from its end. What cannot seek (the web, gzip) goes through a temporary file.
    with nullcontext(plain) if plain.seekable() else _spooled(plain) as seekable:
        first = 1
        try:
            for batch in pyarrow.parquet.ParquetFile(seekable).iter_batches(_ROWS_PER_BATCH):
                yield "row", first, batch.to_pylist()
                first += len(batch)
        except pyarrow.ArrowException as problem:
            raise DatasetError(
                f"{name} is not a whole Parquet file: {problem}. Fetch or write it again."
            ) from None


@contextmanager
def _spooled(plain: io.BufferedReader) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as spooled:
        try:
            shutil.copyfileobj(plain, spooled, _BLOCK_BYTES)
        except OSError as problem:
            if problem.errno != errno.ENOSPC:
                raise
            raise WorkspaceError(
                f"No room in {tempfile.gettempdir()} for a Parquet file. Free some, or set TMPDIR"
            ) from None
        spooled.seek(0)
        yield spooled
