"""An event loop on a thread of its own, for a client that knows no other way.

Whoever calls may be inside a loop already, of any make: nothing here touches that one. What is
asked on it is `resources.registry_connection`.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

Run = Callable[[Coroutine[Any, Any, Any]], Any]

# A thread that hangs in name resolution is left to itself.
_STOP_SECONDS = 5.0


@contextmanager
def event_loop() -> Iterator[Run]:
    """What waits for a coroutine, until the block ends. An interrupt cancels the coroutine."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_serve, args=(loop,), name="registry client", daemon=True)
    thread.start()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        answer = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return answer.result()
        finally:
            answer.cancel()

    try:
        yield run
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_STOP_SECONDS)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    # The runner cancels what is left and closes the loop.
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()
