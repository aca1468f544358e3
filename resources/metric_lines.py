"""Makes the trainers' metric files trustworthy: every line, whole, in the order of the steps.

Both libraries hand each line to a thread that nobody waits for, and write it through a pool of
further threads: lines change places, and the last ones are lost when the process ends first.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LONGEST_WAIT_SECONDS = 30


def write_in_order(logger: Any) -> Callable[[], None]:
    """Mend an `AsyncStructuredLogger` class. What is returned waits until all is written."""
    loops: list[asyncio.AbstractEventLoop] = []
    start = logger.__init__

    def started(self: Any, *args: Any, **keywords: Any) -> None:
        start(self, *args, **keywords)
        loops.append(self.loop)

    # No await in it, so one line is written before the next is begun. A line is under a kilobyte.
    async def write(self: Any, data: dict[str, Any]) -> None:
        with Path(self.file_name).open("a") as stream:
            stream.write(json.dumps(data) + "\n")

    def wait() -> None:
        for loop in loops:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(_LONGEST_WAIT_SECONDS)

    logger.__init__, logger._write_logs_to_file = started, write
    return wait
