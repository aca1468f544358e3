"""Reads safetensors files far enough to tell that each is whole and every value in it finite.

The format: 8 bytes with the length of a JSON header, the header, then the values of all tensors one
after the other. Values are looked at as bit patterns, so nothing is converted, and in blocks, so
memory stays small. Files are read, not mapped: one that shrinks meanwhile would kill the process.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from osft_assets.core.errors import ModelError

_LONGEST_HEADER = 100_000_000  # as the format's own library has it
_BLOCK_BYTES = 2**20  # a multiple of the size of every kind of value
_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "I8", "U8", "BOOL"), 8),
}
# The unsigned integer of the same size, the bits without the sign, the first that are not finite.
_NOT_FINITE = {
    "F64": ("u8", 0x7FFF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000),
    "F32": ("u4", 0x7FFF_FFFF, 0x7F80_0000),
    "F16": ("u2", 0x7FFF, 0x7C00),
    "BF16": ("u2", 0x7FFF, 0x7F80),
    "F8_E5M2": ("u1", 0x7F, 0x7C),
    "F8_E4M3": ("u1", 0x7F, 0x7F),
}


@dataclass(frozen=True)
class Tensor:
    """Where the values of a tensor are in its file."""

    name: str
    dtype: str
    elements: int
    start: int
    end: int


class _Entry(msgspec.Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def read_tensors(path: Path) -> list[Tensor]:
    """What the header tells, in the order of the file; or ModelError when the file is not whole."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        first, header = _header(stream, path.name, size)
    try:
        entries = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
        entries.pop("__metadata__", None)
        found = {name: msgspec.json.decode(raw, type=_Entry) for name, raw in entries.items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ModelError(f"{path.name} has a header that is no list of tensors") from None
    tensors = [_tensor(path.name, name, entry, first) for name, entry in found.items()]
    tensors.sort(key=lambda tensor: (tensor.start, tensor.end))
    _refuse_gaps(path.name, tensors, first, size)
    return tensors


def count_not_finite(path: Path, tensors: list[Tensor]) -> dict[str, int]:
    """How many values are NaN or infinite, by tensor; only those with any."""
    buffer = bytearray(_BLOCK_BYTES)
    with cast(BinaryIO, path.open("rb", buffering=0)) as stream:
        counts = {
            tensor.name: _count(stream, tensor, buffer)
            for tensor in tensors
            if tensor.dtype in _NOT_FINITE
        }
    return {name: count for name, count in counts.items() if count}


def _header(stream: BinaryIO, name: str, size: int) -> tuple[int, bytes]:
    """Where the values begin, and the header before them."""
    start = stream.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= _LONGEST_HEADER:
        raise ModelError(f"{name} is no safetensors file, or {size:,} bytes of its beginning")
    header = stream.read(length)
    if len(header) < length:
        raise ModelError(f"{name} is cut off: {size:,} bytes, and its header alone is {length:,}")
    return 8 + length, header


def _tensor(file: str, name: str, entry: _Entry, first: int) -> Tensor:
    elements = math.prod(entry.shape)
    start, end = entry.data_offsets
    bits = _BITS.get(entry.dtype)
    if not 0 <= start <= end or elements < 0 or (bits and end - start != elements * bits // 8):
        raise ModelError(
            f"{file}: the header gives {name} {end - start:,} bytes, which does not fit "
            f"{entry.dtype} of shape {entry.shape}"
        )
    return Tensor(name, entry.dtype, elements, first + start, first + end)


def _refuse_gaps(file: str, tensors: list[Tensor], first: int, size: int) -> None:
    position = first
    for tensor in tensors:
        if tensor.start != position:
            raise ModelError(f"{file}: {tensor.name} does not begin where the one before it ends")
        position = tensor.end
    if size < position:
        raise ModelError(f"{file} is cut off: {size:,} bytes, and its header tells of {position:,}")
    if size > position:
        raise ModelError(f"{file} is {size:,} bytes, but its header tells of {position:,} only")


def _count(stream: BinaryIO, tensor: Tensor, buffer: bytearray) -> int:
    import numpy

    kind, without_sign, limit = _NOT_FINITE[tensor.dtype]
    view = memoryview(buffer)
    count, position = 0, tensor.start
    stream.seek(position)
    while position < tensor.end:
        block = view[: min(_BLOCK_BYTES, tensor.end - position)]
        _fill(stream, block)
        values = numpy.frombuffer(block, dtype=f"<{kind}")
        numpy.bitwise_and(values, without_sign, out=values)
        if values.max() >= limit:
            count += int(numpy.count_nonzero(values >= limit))
        position += len(block)
    return count


def _fill(stream: BinaryIO, block: memoryview) -> None:
    done = 0
    while done < len(block):
        read = stream.readinto(block[done:])  # type: ignore[attr-defined]
        if not read:
            raise ModelError(f"{Path(stream.name).name} became shorter while it was read")
        done += read
