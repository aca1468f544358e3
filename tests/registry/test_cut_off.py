"""Runs and servers that die half way, and what the next run makes of what they left."""

import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from osft_assets.core.errors import RegistryError
from tests.registry.children import forking, register_at, serve
from tests.registry.conftest import TOKEN
from tests.registry.middleman import DROP, Asked, Middleman, Reply, forward, middleman
from tests.registry.registrations import Place

MakePlace = Callable[..., Place]


@pytest.mark.parametrize("passed", [1, 2])
@pytest.mark.parametrize("next_one_arrives", [False, True])
def test_a_run_killed_between_two_writes_is_finished_by_the_next(
    server: str, at: MakePlace, tmp_path: Path, passed: int, next_one_arrives: bool
) -> None:
    """`next_one_arrives`: the write after it reached the registry, but nobody heard of it."""
    reached = threading.Event()

    def hangs(asked: Asked) -> Reply:
        if asked.is_write and asked.writes > passed:
            if next_one_arrives:
                forward(server, asked)
            reached.set()
            running.ended.wait(30)
            return DROP
        return forward(server, asked)

    with middleman(hangs) as running:
        _kill_when(reached, tmp_path, running)

    place = at(server)
    place.name = "tuned"
    finished = place.register()
    told = place.said[-1]
    (version,) = place.read().versions
    assert (version.version, version.uri) == ("1.0.0", "file:///models/1")
    assert [one.id for one in place.artifacts(finished.version_id)] == [finished.artifact_id]
    assert finished.created == (passed + next_one_arrives < 3)
    ending = ("is registered in", "was cut off, and is complete now", "nothing was written")
    assert ending[passed + next_one_arrives - 1] in told


def test_a_server_that_is_killed_and_comes_back_loses_nothing(
    at: MakePlace, tmp_path: Path
) -> None:
    registry = _KillableServer(tmp_path / "registry.sqlite")

    def dies(asked: Asked) -> Reply:
        if asked.is_write and asked.writes == 2:
            registry.kill()
            return DROP
        return forward(registry.url, asked)

    with middleman(dies) as running:
        place = at(running.url, lambda _: registry.start())
        made = place.register()

        assert made.created
        assert [one.version for one in place.read().versions] == ["1.0.0"]
        assert len(place.artifacts(made.version_id)) == 1
    registry.kill()


def test_a_server_that_stays_away_is_an_error_and_the_next_run_goes_on(
    server: str, at: MakePlace
) -> None:
    def gone(asked: Asked) -> Reply:
        return DROP if len(running.writes) >= 3 else forward(server, asked)

    with middleman(gone) as running:
        place = at(running.url)
        with pytest.raises(RegistryError, match="What was written stays, and the next run goes on"):
            place.register()

    again = at(server)
    again.name = place.name
    assert again.register().version == "1.0.0"
    assert len(again.read().versions) == 1


def _kill_when(reached: threading.Event, root: Path, running: Middleman) -> None:
    child = forking().Process(target=register_at, args=(root, running.url, TOKEN))
    child.start()
    assert reached.wait(60)
    child.kill()
    child.join()


class _KillableServer:
    """A local registry in a process of its own, always on the same port."""

    def __init__(self, path: Path) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            self._port = listener.getsockname()[1]
        self._path, self.url = path, f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        context = forking()
        ready = context.Event()
        self._child = context.Process(target=serve, args=(self._path, self._port, TOKEN, ready))
        self._child.start()
        assert ready.wait(60)

    def kill(self) -> None:
        self._child.kill()
        self._child.join()
