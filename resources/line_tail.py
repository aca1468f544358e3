"""Reads whole lines from something that is still being written: a pipe or a file."""

import os

_BLOCK_BYTES = 1 << 16


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

    def _blocks(self) -> list[bytes]:
        blocks: list[bytes] = []
        while True:
            try:
                block = os.read(self.descriptor, _BLOCK_BYTES)
            except BlockingIOError:
                self.ended = False
                return blocks
            if not block:
                self.ended = True
                return blocks
            blocks.append(block)
