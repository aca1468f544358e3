"""The files of a source, one after the other, as batches of rows.

What a file is, is told by its first bytes and then by its name: names lie (`.json` holds lines as
often as an array). How each format is read is `resources.row_formats`; opening files is the
sources' work; checking rows is `osft_assets.core.rows`.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from osft_assets.core.errors import DatasetError
from osft_assets.core.ports import Batches, RowBatch
from resources import row_formats
from resources.row_formats import BLOCK_BYTES, FormatBatches

_HEAD_BYTES = 512
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_JSON_ARRAY = re.compile(rb"\s*\[\s*([\[\]{\"\d]|$)")
_JSON_OBJECT = re.compile(rb"\s*\{\s*([\"}]|$)")
_LINE_SUFFIXES = frozenset({".jsonl", ".ndjson", ".json"})
_DATA_SUFFIXES = _LINE_SUFFIXES | {".csv", ".tsv", ".parquet"}
_COMPRESSED_SUFFIXES = frozenset({".gz", ".zst"})


@dataclass(frozen=True)
class RowFile:
    """One file of a source. `open` starts it from its beginning; the name may be shown."""

    name: str
    open: Callable[[], BinaryIO]


def is_data_file(name: str) -> bool:
    """Whether a file below a directory is meant as data; hidden ones and `_SUCCESS` are not."""
    hidden = any(part.startswith((".", "_")) for part in PurePosixPath(name).parts)
    return not hidden and _inner_suffix(name) in _DATA_SUFFIXES


def read_files(files: Sequence[RowFile]) -> Batches:
    """Every row of every file, in order, in batches."""
    done = 0
    for file in files:
        counted = _Counted(file.open())
        try:
            for unit, first, rows in _read(file.name, counted):
                yield RowBatch(file.name, unit, first, rows, done + counted.position)
        except OSError as problem:  # a decompressor's, or the disk's: sources translate their own
            raise DatasetError(
                f"{file.name} is damaged or cut off: {problem}. Fetch or write it again."
            ) from None
        finally:
            counted.close()
        done += counted.position


class _Counted(io.RawIOBase):
    """The stored bytes of one file, counted as they are read: the progress of the whole."""

    def __init__(self, stored: BinaryIO) -> None:
        self._stored = stored
        self._read_bytes = 0
        self._size_bytes = stored.seek(0, io.SEEK_END) if stored.seekable() else None
        if self._size_bytes is not None:
            stored.seek(0)

    @property
    def position(self) -> int:
        """Parquet's reader jumps about and reads some bytes twice; the sum never tops the size."""
        if self._size_bytes is None:
            return self._read_bytes
        return min(self._read_bytes, self._size_bytes)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._size_bytes is not None

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stored.seek(offset, whence)

    def tell(self) -> int:
        return self._stored.tell()

    def readinto(self, buffer: Any) -> int:
        block = self._stored.read(len(buffer))
        buffer[: len(block)] = block
        self._read_bytes += len(block)
        return len(block)

    def close(self) -> None:
        self._stored.close()
        super().close()


def _read(name: str, stored: _Counted) -> FormatBatches:
    plain: io.BufferedReader = io.BufferedReader(stored, BLOCK_BYTES)
    magic = plain.peek(4)
    compression = next((kind for start, kind in _MAGIC.items() if magic.startswith(start)), None)
    if compression:
        import pyarrow

        plain = io.BufferedReader(pyarrow.CompressedInputStream(plain, compression), BLOCK_BYTES)
    head = plain.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    if not head:
        raise DatasetError(f"{name} is empty. Check that it was written completely.")
    if head.startswith(_BYTE_ORDER_MARKS):
        raise DatasetError(f"{name} begins with a byte-order mark. Save it as UTF-8 without one.")
    return _reader(name, head)(name, plain)


def _reader(name: str, head: bytes) -> Callable[[str, io.BufferedReader], FormatBatches]:
    suffix = _inner_suffix(name)
    if head.startswith(b"PAR1"):
        return row_formats.parquet
    if _JSON_ARRAY.match(head):
        return row_formats.json_array
    if _JSON_OBJECT.match(head):
        return row_formats.json_lines
    if suffix == ".csv":
        return row_formats.csv_rows
    if suffix == ".tsv":
        return row_formats.tsv_rows
    if suffix in _LINE_SUFFIXES:
        return row_formats.json_lines
    raise DatasetError(
        f"{name} is none of JSONL, JSON, CSV, Parquet. Convert it, and check that the address is "
        "right."
    )


def _inner_suffix(name: str) -> str:
    path = PurePosixPath(name.lower())
    return (path.with_suffix("") if path.suffix in _COMPRESSED_SUFFIXES else path).suffix
