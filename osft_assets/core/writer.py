"""Writes one JSONL file, hashing and measuring it. `core.preparation` decides what goes in."""

import hashlib
from collections import Counter
from math import log2
from pathlib import Path
from types import TracebackType
from typing import Self

from osft_assets.core.records import BUCKETS_PER_DOUBLING, SplitFile


class SplitWriter:
    """Collects lines and writes them in blocks; `file` describes the result once it is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = path.open("wb")
        self._hash = hashlib.sha256()
        self._lengths: Counter[int] = Counter()
        self._rows = self._size_bytes = 0
        self.lines: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.flush()
        finally:
            self._stream.close()

    def add(self, line: bytes) -> None:
        """One line; hot loops append to `lines` and flush themselves."""
        self.lines.append(line)
        if len(self.lines) >= 1000:
            self.flush()

    def flush(self) -> None:
        """Write what was collected."""
        if not self.lines:
            return
        block = b"\n".join(self.lines) + b"\n"
        self._stream.write(block)
        self._hash.update(block)
        self._lengths.update(map(len, self.lines))
        self._rows += len(self.lines)
        self._size_bytes += len(block)
        self.lines.clear()

    @property
    def file(self) -> SplitFile:
        """What was written."""
        buckets: Counter[int] = Counter()
        for length, rows in self._lengths.items():
            buckets[int(BUCKETS_PER_DOUBLING * log2(length))] += rows
        return SplitFile(
            name=self._path.name,
            rows=self._rows,
            size_bytes=self._size_bytes,
            sha256=self._hash.hexdigest(),
            length_buckets=tuple(sorted(buckets.items())),
        )
