"""Runs the local registry: beside a run, on a thread of its process, or in the foreground.

It listens on 127.0.0.1, unless it is told to serve other machines: then it wants a token, for it
has no users. TLS is not its business. Importing this loads no server and no client; that happens
when it is started.
"""

import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from osft_assets.core.errors import RegistryError

if TYPE_CHECKING:
    import uvicorn

LOOPBACK = "127.0.0.1"
_LAST_PORT = 65_535
_LOOK_AGAIN_SECONDS = 0.005
_LAST_ANSWERS_SECONDS = 1  # for those who still wait when it is stopped
_STOP_SECONDS = 5.0


@contextmanager
def serving(path: Path, port: int = 0, token: str = "", host: str = LOOPBACK) -> Iterator[str]:
    """The address of a local registry over this file, which answers until the block ends.

    Any number of processes may do so over the same file. Port 0 is one that is free. With a token,
    only who sends it is answered; a `host` that others can reach must have one.
    """
    if host != LOOPBACK and not token:
        raise RegistryError(
            f"On {host} the registry would answer whoever reaches it. Set MODEL_REGISTRY_TOKEN, "
            "here and for its clients"
        )
    from resources.local_registry.app import registry_app
    from resources.local_registry.store import Store

    app = registry_app(Store(path), token, is_for_others=host != LOOPBACK)
    with closing(_listener(host, port)) as listener:
        server = _server(app)
        thread = threading.Thread(
            target=server.run, args=([listener],), name="local registry", daemon=True
        )
        thread.start()
        try:
            _wait_until_it_answers(server, thread)
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_STOP_SECONDS)


def serve_until_interrupted(
    path: Path, port: int, say: Callable[[str], None], host: str = LOOPBACK, token: str = ""
) -> None:
    """Answer until Ctrl+C. `say` is told where."""
    whom = "for this machine alone" if host == LOOPBACK else "for who has the token"
    # As the first process of a container it has no default handler: kubelet would wait 30 s.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with serving(path, port, token, host) as url, suppress(KeyboardInterrupt):
        say(f"The local registry of {path} is at {url}, {whom}. Ctrl+C ends it.")
        threading.Event().wait()


def _server(app: object) -> "uvicorn.Server":
    """Quiet, and without signal handlers: those are installed on the main thread only."""
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.CRITICAL,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_LAST_ANSWERS_SECONDS,
        )
    )


def _listener(host: str, port: int) -> socket.socket:
    if not 0 <= port <= _LAST_PORT:
        raise RegistryError(f"Port {port} cannot be had: expected 0 to {_LAST_PORT}")
    try:
        listener = socket.create_server((host, port))
    except OSError as problem:
        raise RegistryError(
            f"Port {port} of {host} cannot be had: {problem}. Choose another port"
        ) from problem
    # asyncio does this only where the socket says TCP. Without it an answer takes 43 ms, not 3.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _wait_until_it_answers(server: "uvicorn.Server", thread: threading.Thread) -> None:
    while not server.started:
        if not thread.is_alive():
            raise RegistryError("The local registry ended before it answered. Report it")
        time.sleep(_LOOK_AGAIN_SECONDS)
