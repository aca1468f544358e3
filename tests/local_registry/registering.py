"""What processes of their own do in these tests. They are forked from one that has the imports."""

from collections.abc import Callable
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from resources.local_registry.serving import serving
from tests.local_registry.conftest import connected, wired

PROCESSES = get_context("forkserver")


def process(does: Callable[..., None], *given: Any) -> tuple[ForkServerProcess, Connection]:
    """A process that was started, and where it tells what it did."""
    PROCESSES.set_forkserver_preload(["resources.local_registry.app", "model_registry", "httpx"])
    here, there = PROCESSES.Pipe(duplex=False)
    started = PROCESSES.Process(target=does, args=(there, *given))
    started.start()
    there.close()
    return started, here


def register_until_killed(tell: Connection, file: Path) -> None:
    """One version after the other with the real client; each is told when it is registered."""
    about = {"model_format_name": "f", "model_format_version": "1"}
    with serving(file) as url, connected(url) as client:
        for number in count():
            client.register_model("m", "u", version=str(number), **about)
            tell.send(str(number))


def register_together(tell: Connection, file: Path, all_are_ready: Barrier) -> None:
    """A model, a version and an artifact, the same as others at the same time."""
    with serving(file) as url, wired(url) as wire:
        all_are_ready.wait(60)
        model = wire.post("registered_models", json={"name": "m"})
        found = wire.get("registered_model", params={"name": "m"}).json()["id"]
        version = wire.post("model_versions", json={"name": "1", "registeredModelId": found})
        below = {"name": "1", "parentResourceId": found}
        found = wire.get("model_version", params=below).json()["id"]
        described = {"artifactType": "model-artifact", "name": "m"}
        artifact = wire.post(f"model_versions/{found}/artifacts", json=described)
    tell.send([model.status_code, version.status_code, artifact.status_code])
