"""The least that does the work, as fast as we know how: typed decode, re-encode, hash, write.

No source revision, conversions, reasons, record or durable publishing, and it writes the lines as
they came: what those add is the ratio of our stage to this.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import xxhash

from benchmarks.contenders import Counts

_TRAIN_THRESHOLD = int(0.9 * 2**64)
_LOW_64_BITS = 2**64 - 1
_SEED = 42
_LINES_PER_WRITE = 1000


class _Message(msgspec.Struct):
    role: Literal["system", "user", "assistant", "tool"]
    content: Annotated[str, msgspec.Meta(min_length=1)]


class _Row(msgspec.Struct):
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]


class _Output:
    def __init__(self, path: Path) -> None:
        self._stream = path.open("wb")
        self._hash = hashlib.sha256()
        self.lines: list[bytes] = []

    def flush(self) -> None:
        block = b"".join(self.lines)
        self._stream.write(block)
        self._hash.update(block)
        self.lines.clear()

    def close(self) -> None:
        self.flush()
        self._stream.close()


def run(rows: Path, directory: Path) -> Counts:
    """One pass over the lines."""
    train, holdout = _Output(directory / "train.jsonl"), _Output(directory / "eval.jsonl")
    decode, encode = msgspec.json.Decoder(_Row).decode, msgspec.json.Encoder().encode
    digest_of, digests = xxhash.xxh3_128_intdigest, set[int]()
    read = invalid = duplicate = 0
    with rows.open("rb", buffering=2**20) as stream:
        for line in stream:
            read += 1
            try:
                messages = decode(line).messages
            except ValueError:
                invalid += 1
                continue
            if not _has_answer(messages):
                invalid += 1
                continue
            digest = digest_of(encode(messages), _SEED)
            if digest in digests:
                duplicate += 1
                continue
            digests.add(digest)
            output = train if digest & _LOW_64_BITS < _TRAIN_THRESHOLD else holdout
            output.lines.append(line)
            if len(output.lines) >= _LINES_PER_WRITE:
                output.flush()
    train.close()
    holdout.close()
    return Counts(read, invalid, duplicate, len(digests))


def _has_answer(messages: list[_Message]) -> bool:
    # A generator expression costs twice as much here, and this runs once a row.
    for message in messages:  # noqa: SIM110
        if message.role == "assistant":
            return True
    return False
