"""Reads whole lines from something that is still being written: a pipe or a file."""

import os

_BLOCK_BYTES = 1 << 16
# As much as a pipe can hold: who writes without pause must not keep us from everything else.
_MOST_BLOCKS = 16


class LineTail:
    """Gives the lines that are complete by now. A carriage return ends a line too."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.ended = False
        self._rest = b""
        os.set_blocking(descriptor, False)

    def lines(self) -> list[str]:
        """What was written since the last call, up to its last complete line."""
        parts = [self._rest, *self._blocks()]
        *whole, self._rest = b"".join(parts).replace(b"\r", b"\n").split(b"\n")
        return [line.decode(errors="replace") for line in whole if line.strip()]

    def rest(self) -> list[str]:
        """The line without an end, if there is one: for when nobody writes any more."""
        rest, self._rest = self._rest, b""
        return [rest.decode(errors="replace")] if rest.strip() else []

    def _blocks(self) -> list[bytes]:
        blocks: list[bytes] = []
        self.ended = False
        while len(blocks) < _MOST_BLOCKS:
            try:
                block = os.read(self.descriptor, _BLOCK_BYTES)
            except BlockingIOError:
                break
            if not block:
                self.ended = True
                break
            blocks.append(block)
        return blocks
