"""How the local registry runs: at once, quietly, for this machine alone."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from osft_assets.core.errors import RegistryError
from resources.local_registry.serving import serving
from tests.local_registry.conftest import wired

ROOT = Path(__file__).parents[2]


def test_it_answers_as_soon_as_its_address_is_known_and_stops_at_once(file: Path) -> None:
    with serving(file) as url, wired(url) as wire:
        assert wire.get("registered_models").status_code == 200
        stopping = time.monotonic()

    assert time.monotonic() - stopping < 1  # 0.2 seconds on an idle machine
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False, verify=False)


def test_it_listens_on_this_machine_alone(url: str) -> None:
    address = urlsplit(url)
    assert address.hostname == "127.0.0.1"

    with socket.socket() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", address.port or 0))


def test_two_servers_over_one_file_see_the_same(file: Path) -> None:
    with serving(file) as one, serving(file) as two, wired(one) as first, wired(two) as second:
        first.post("registered_models", json={"name": "m"})

        assert second.get("registered_model", params={"name": "m"}).json()["id"] == "1"


@pytest.mark.parametrize("port", [70_000, -1])
def test_a_port_that_cannot_be_is_refused(file: Path, port: int) -> None:
    with pytest.raises(RegistryError, match="cannot be had"), serving(file, port):
        pass


def test_a_port_that_is_taken_is_refused(file: Path, url: str) -> None:
    port = urlsplit(url).port or 0

    with pytest.raises(RegistryError, match=f"Port {port} .*Choose another"), serving(file, port):
        pass


def test_it_leaves_signals_and_logs_as_they_are(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    logs = logging.root.handlers[:], logging.root.level

    with caplog.at_level(logging.DEBUG), serving(file) as url, wired(url) as wire:
        wire.get("registered_models/7")
        assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == handlers

    assert (logging.root.handlers[:], logging.root.level) == logs
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


def test_importing_it_loads_neither_a_server_nor_the_client() -> None:
    code = "import sys, resources.local_registry.serving; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    heavy = {"starlette", "uvicorn", "mr_openapi", "model_registry", "aiohttp"}
    assert heavy & set(loaded) == set()


@pytest.mark.parametrize("ends_it", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_it_answers_until_it_is_interrupted(
    file: Path, ends_it: signal.Signals
) -> None:
    code = (
        "import sys, functools, pathlib; from resources.local_registry.serving import *;"
        "say = functools.partial(print, flush=True);"
        "serve_until_interrupted(pathlib.Path(sys.argv[1]), 0, say); say('ended')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(file)],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        url = said.split(" is at ")[1].split(",")[0]
        assert "Local registry" in httpx.get(url, trust_env=False, verify=False).text

        process.send_signal(ends_it)

        assert process.stdout.read() == "ended\n"
        assert process.wait(10) == 0
