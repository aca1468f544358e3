"""A local registry that runs, and the two ways to ask it: the real client, and plain requests."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from resources.local_registry.serving import serving

API = "/api/model_registry/v1"
Wire = httpx.Client
Create = Callable[..., dict[str, Any]]


class OwnLoop:
    """An event loop of its own, so that the client does not patch asyncio for the whole process."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@contextmanager
def connected(url: str, token: str = "unused") -> Iterator[Any]:
    """The real client. Importing it gives the root logger a handler, which is taken off again."""
    before = logging.root.handlers[:]
    from model_registry import ModelRegistry

    logging.root.handlers[:] = before
    own = OwnLoop()
    try:
        yield ModelRegistry(
            url, author="ann", is_secure=False, user_token=token, async_runner=own.run
        )
    finally:
        own.close()


@pytest.fixture(autouse=True)
def no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client reads all of the machine's, 50 ms long, before each of its requests."""
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "_registry" / "registry.sqlite"


@pytest.fixture
def url(file: Path) -> Iterator[str]:
    with serving(file) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    with connected(url) as client:
        yield client


@pytest.fixture
def wire(url: str) -> Iterator[Wire]:
    with wired(url) as wire:
        yield wire


def wired(url: str) -> Wire:
    """Plain requests to the API, whatever proxy the machine has."""
    return httpx.Client(base_url=f"{url}{API}/", trust_env=False, verify=False)


@pytest.fixture
def create(wire: Wire) -> Create:
    """Creates what a path and fields say, and gives what was answered."""
    return partial(created, wire)


def created(wire: Wire, path: str, **fields: Any) -> dict[str, Any]:
    answer = wire.post(path, json=fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def refusal(answer: httpx.Response, status: int) -> str:
    """The message of an answer that has to be of this status."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"code", "message"}
    return str(answer.json()["message"])
