"""The local registry, which the adapter starts for each call, and what calls leave alone."""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from osft_assets.core.drafts import locked
from osft_assets.core.registry_records import LOCAL_REGISTRY
from resources.registry_access import Access
from resources.registry_client import open_client
from tests.registry.conftest import TOKEN
from tests.registry.middleman import DROP, Asked, Reply, middleman
from tests.registry.registrations import Place


def test_a_model_is_kept_in_a_file_of_the_workspace(local: Place) -> None:
    made = local.register()

    assert made.registry == local.read().registry == LOCAL_REGISTRY
    assert local.registries.local_path == local.registries.workspace.root / "_registry" / (
        "registry.sqlite"
    )
    assert local.registries.local_path.is_file()


def test_what_one_call_wrote_the_next_one_finds(local: Place) -> None:
    assert local.register("one").version == "1.0.0"
    assert local.register("two").version == "1.0.1"
    assert not local.register("one").created
    assert local.amend(champion="1.0.1").properties == {"champion": "1.0.1"}
    assert [one.uri for one in local.read().versions] == ["file:///models/1"] * 2


def test_two_who_amend_take_turns(local: Place) -> None:
    local.register()

    with ThreadPoolExecutor() as pool:
        with locked(local.registries.local_path):
            other = pool.submit(local.amend, champion="1.0.0")
            with pytest.raises(TimeoutError):
                other.result(timeout=1)

        assert other.result(timeout=20).properties == {"champion": "1.0.0"}


def test_a_proxy_is_not_asked_for_the_local_registry(
    local: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    assert local.register().created


def test_a_proxy_is_asked_for_a_server_beyond_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:3128")
    monkeypatch.setenv("no_proxy", "inside.example")

    def proxy(host: str) -> str | None:
        async def look() -> str | None:
            client = await open_client(Access(host, f"http://{host}:8080"))
            await client.api_client.close()
            return client.api_client.configuration.proxy

        return asyncio.run(look())

    assert proxy("outside.example") == "http://127.0.0.1:3128"
    assert proxy("inside.example") is None


def test_a_netrc_that_knows_the_host_does_not_get_in_the_way(
    server: str, at: Callable[..., Place], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    assert at(server).register().created


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_it_works_inside_a_running_event_loop(local: Place, loop: str) -> None:
    new_loop = pytest.importorskip(loop).new_event_loop

    async def inside() -> bool:
        return local.register().created

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(inside())


def test_asyncio_and_the_root_logger_stay_what_they_were(local: Place) -> None:
    before = (asyncio.run, asyncio.Task, list(logging.root.handlers), logging.root.level)

    local.register()

    assert (asyncio.run, asyncio.Task, logging.root.handlers, logging.root.level) == before


def test_the_official_client_finds_what_we_registered(
    server: str, at: Callable[..., Place]
) -> None:
    from model_registry import ModelRegistry

    from resources.registry_loop import event_loop

    place = at(server)
    made = place.register(properties={"rows": 10, "share": 0.5})

    with event_loop() as run:
        official = ModelRegistry(
            server, author="ada", is_secure=False, user_token=TOKEN, async_runner=run
        )
        version = official.get_model_version(place.name, made.version)
        artifact = official.get_model_artifact(place.name, made.version)
    assert version
    assert artifact
    assert version.custom_properties == {
        "rows": 10,
        "share": 0.5,
        "model_fingerprint": made.fingerprint,
    }
    assert (artifact.id, artifact.uri) == (made.artifact_id, made.uri)


def test_an_interrupt_ends_a_call_that_waits(at: Callable[..., Place]) -> None:
    def interrupts(_: Asked) -> Reply:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        running.ended.wait(20)
        return DROP

    with middleman(interrupts) as running:
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            at(running.url, timeout=20.0).register()

        assert time.monotonic() - began < 5
        assert len(running.requests) == 1
