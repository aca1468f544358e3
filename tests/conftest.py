"""What all tests share: a workspace, rows, and a network that ends at this machine."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.workspace import Workspace

_LOOPBACK = ("127.", "::1", "localhost")

# Where the children of ours that are part of the tests are: they do not look where they start.
os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])

if "PYTEST_XDIST_WORKER" in os.environ:  # each process with a thread for every core: slower in all
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Those that take minutes, or the last process would work alone at the end.
_FIRST = ("tests/training/", "tests/test_cli.py", "tests/test_notebook.py", "tests/test_session.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for the network fails at once, instead of passing on some machines."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else "localhost"
        if not str(host).startswith(_LOOPBACK):
            raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "workspace"
    root.mkdir()
    return Workspace(root)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials or settings of whoever runs the tests."""
    for name in ("HF_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OSFT_FAILURE_WEBHOOK", "OSFT_UI_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OSFT_EXECUTOR", "OSFT_TRAINER_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OSFT_WORKSPACE_URI", "OSFT_GIT_COMMIT", "MODEL_REGISTRY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("KUBERNETES_SERVER_URL", "KUBERNETES_AUTH_TOKEN", "KUBERNETES_CA_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OSFT_TRAIN_JOBS", "OSFT_TRAIN_RUNTIME", "OSFT_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "OSFT_CONFINE_INPUTS", "OSFT_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
