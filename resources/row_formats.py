"""One reader a format: bytes in, batches of rows out.

A batch is what its rows are counted in, the number of the first one, and the rows: bytes of JSON
where the file has them, else decoded. Which reader a file gets is `resources.row_files`.
"""

import csv
import errno
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

from osft_assets.core.errors import DatasetError, RowError, WorkspaceError
from osft_assets.core.rows import RawRow

# One training row is a few kilobytes; beyond this it is a mistake, such as a file without line
# breaks.
LARGEST_ROW_BYTES = 16 * 2**20
_LIMIT = f"{LARGEST_ROW_BYTES / 2**20:.0f} MiB"
# A JSON array has to be read whole.
LARGEST_ARRAY_BYTES = 1 * 2**30
# Larger blocks are no faster, and leave holes in the heap: 4 MB more at the peak.
BLOCK_BYTES = 2**18
ROWS_PER_BATCH = 2_000
# What the csv module calls surplus cells, and what it puts in missing ones. No file holds these.
_TOO_MANY, _TOO_FEW = "\0too many", "\0too few"
_LIST_COLUMNS = frozenset({"messages", "conversations", "input_ids", "labels"})

FormatBatches = Iterator[tuple[str, int, Sequence[RawRow | None]]]


def json_lines(name: str, plain: io.BufferedReader) -> FormatBatches:
    """One row a line."""
    tail, first = b"", 1
    while block := plain.read(BLOCK_BYTES):
        lines = (tail + block).split(b"\n")
        tail = lines.pop()
        if len(tail) > LARGEST_ROW_BYTES:
            raise DatasetError(
                f"{name} line {first + len(lines):,} is longer than {_LIMIT}, far more than a "
                "model can read. Split the row, or check that the file has line breaks."
            )
        yield "line", first, [None if not line or line.isspace() else line for line in lines]
        first += len(lines)
    if tail and not tail.isspace():
        yield "line", first, [tail]


def json_array(name: str, plain: io.BufferedReader) -> FormatBatches:
    """The items of one array."""
    content = plain.read(LARGEST_ARRAY_BYTES + 1)
    if len(content) > LARGEST_ARRAY_BYTES:
        limit = f"{LARGEST_ARRAY_BYTES / 2**30:.0f} GiB"
        raise DatasetError(f"{name} is a JSON array of over {limit}. Convert it to JSONL.")
    import msgspec

    try:
        rows = msgspec.json.decode(content, type=list[msgspec.Raw])
    except ValueError as problem:
        where = _with_line(problem, content)
        raise DatasetError(f"{name}: malformed JSON array: {where}. Mend it.") from None
    sizes = (len(memoryview(row)) for row in rows)
    number = next((i for i, size in enumerate(sizes, 1) if size > LARGEST_ROW_BYTES), 0)
    if number:
        raise DatasetError(f"{name} row {number:,} is longer than {_LIMIT}. Split it.")
    for first in range(0, len(rows), ROWS_PER_BATCH):
        yield "row", first + 1, [bytes(row) for row in rows[first : first + ROWS_PER_BATCH]]


def _with_line(problem: ValueError, content: bytes) -> str:
    found = re.search(r"\(byte (\d+)\)", str(problem))
    if not found:
        return str(problem)
    line = content.count(b"\n", 0, int(found[1])) + 1
    return f"{problem}, line {line:,}"


def _separated(name: str, plain: io.BufferedReader, delimiter: str) -> FormatBatches:
    csv.field_size_limit(LARGEST_ROW_BYTES)
    text = io.TextIOWrapper(plain, "utf-8", newline="")
    reader = csv.DictReader(
        _short_lines(text), delimiter=delimiter, strict=True, restkey=_TOO_MANY, restval=_TOO_FEW
    )
    first = 1
    try:
        _refuse_doubles(name, reader.fieldnames or ())
        while rows := list(islice(reader, ROWS_PER_BATCH)):
            yield "row", first, [_csv_row(row) for row in rows]
            first += len(rows)
    except UnicodeDecodeError:
        place = f"{name} is not UTF-8 text, near line {reader.line_num + 1:,}"
        raise DatasetError(f"{place}. Save it as UTF-8.") from None
    except csv.Error as problem:
        place = f"{name} line {reader.line_num + 1:,}: {problem}"
        raise DatasetError(f"{place}. Mend the quotes or the delimiters.") from None


def _short_lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LARGEST_ROW_BYTES + 1):
        if len(line) > LARGEST_ROW_BYTES:
            raise csv.Error(f"longer than {_LIMIT}")
        yield line


csv_rows = partial(_separated, delimiter=",")
tsv_rows = partial(_separated, delimiter="\t")


def _refuse_doubles(name: str, header: Sequence[str]) -> None:
    double = sorted({column for column in header if header.count(column) > 1})
    if double:
        raise DatasetError(f"{name} has two columns {', '.join(double)}. Rename or remove one.")


def _csv_row(row: dict[str, Any]) -> RawRow:
    if _TOO_MANY in row:
        return RowError("has more cells than the header has columns. Quote its commas")
    if _TOO_FEW in row.values():
        return RowError("has fewer cells than the header has columns")
    return {key: _csv_cell(key, cell) for key, cell in row.items()}


def _csv_cell(column: str, cell: str) -> Any:
    """An empty cell is no value; a column that holds lists holds them as JSON."""
    if not cell:
        return None
    if column in _LIST_COLUMNS and cell.lstrip().startswith("["):
        # Left as text when it is none, which the row's check refuses with its place.
        with suppress(ValueError, RecursionError):
            return json.loads(cell)
    return cell


def parquet(name: str, plain: io.BufferedReader) -> FormatBatches:
    """The rows of a table."""
    import pyarrow
    import pyarrow.parquet

    # Parquet is read from its end. What cannot seek (the web, gzip) goes through a temporary file.
    with nullcontext(plain) if plain.seekable() else _spooled(plain) as seekable:
        first = 1
        try:
            for batch in pyarrow.parquet.ParquetFile(seekable).iter_batches(ROWS_PER_BATCH):
                yield "row", first, batch.to_pylist()
                first += len(batch)
        except UnicodeDecodeError:
            place = f"{name} has text that is not UTF-8, after row {first - 1:,}"
            raise DatasetError(f"{place}. Write it again.") from None
        except pyarrow.ArrowException as problem:
            place = f"{name} is not a whole Parquet file: {problem}"
            raise DatasetError(f"{place}. Fetch or write it again.") from None


@contextmanager
def _spooled(plain: io.BufferedReader) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as spooled:
        try:
            shutil.copyfileobj(plain, spooled, BLOCK_BYTES)
        except OSError as problem:
            if problem.errno != errno.ENOSPC:
                raise
            place = tempfile.gettempdir()
            raise WorkspaceError(
                f"No room in {place} for a Parquet file. Free some, or set TMPDIR."
            ) from None
        spooled.seek(0)
        yield spooled
