"""`dagster dev` of a copy of the code location, with two small pipelines more.

`facts` learns and keeps its old skills; `facts_sft` forgets them, and its gate blocks it.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from tests.commands import ROOT

# A machine that other work shares.
STARTED_WITHIN_SECONDS, STOPPED_WITHIN_SECONDS = 180, 60
_OWN_LABELS = {"owners": ["team:language-models", "ada@example.org"], "tags": {"product": "chat"}}


@dataclass(frozen=True)
class Served:
    """A running UI."""

    url: str
    log: Path
    workspace: Path

    def printed(self) -> str:
        return self.log.read_text(errors="replace")


@contextmanager
def served(directory: Path) -> Iterator[Served]:
    """Everything below `directory`; the processes end with the block."""
    home, workspace = directory / "dagster_home", directory / "workspace"
    code = _code_location(directory / "code")
    for path in (home, workspace):
        path.mkdir()
    shutil.copy(ROOT / "deployment/dagster.local.yaml", home / "dagster.yaml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = directory / "dagster-dev.log"
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "-h", "127.0.0.1", "-p", str(port)],
            cwd=code,
            env={**_others(), "DAGSTER_HOME": str(home), "OSFT_WORKSPACE": str(workspace)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        found = Served(f"http://127.0.0.1:{port}", log, workspace)
        _wait(found, process)
        yield found
    finally:
        _stop(process)


def _others() -> dict[str, str]:
    """The environment, without the settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OSFT_")}


def _code_location(directory: Path) -> Path:
    """A checkout with two pipelines more. Those of the repository load beside them."""
    shutil.copytree(ROOT / "osft_assets", directory / "osft_assets")
    shutil.copytree(ROOT / "resources", directory / "resources")
    shutil.copy(ROOT / "workspace.yaml", directory)
    for document in _pipelines():
        place = directory / "osft_assets/defs" / document["attributes"]["name"]
        place.mkdir()
        (place / "defs.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return directory


def _pipelines() -> list[dict[str, Any]]:
    """The rows and the model of the demo, with less to train and to ask."""
    documents = yaml.safe_load_all((ROOT / "osft_assets/defs/demo/defs.yaml").read_text())
    demo = next(one for one in documents if one["attributes"]["name"] == "demo")
    shared = {
        **{key: demo["attributes"][key] for key in ("dataset", "base_model")},
        "evaluate": demo["attributes"]["evaluate"] | {"tasks": [], "limit": 100},
        "gate": {"tolerance": 0.25},
        "schedule": "0 6 * * 1",
        "retrain_on_new_data": True,
        **_OWN_LABELS,
    }
    kept = demo["attributes"]["train"] | {"num_epochs": 20}
    sizes = ("effective_batch_size", "max_seq_len", "max_tokens_per_gpu")
    spoiled = {key: kept[key] for key in sizes} | {"num_epochs": 2, "learning_rate": 0.01}
    return [
        {
            "type": demo["type"],
            "attributes": {"name": name, "algorithm": algorithm, "train": train, **shared},
        }
        for name, algorithm, train in (("facts", "osft", kept), ("facts_sft", "sft", spoiled))
    ]


def _wait(found: Served, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + STARTED_WITHIN_SECONDS
    while process.poll() is None and time.monotonic() < give_up:
        try:
            with urlopen(f"{found.url}/server_info", timeout=5):
                return
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.5)
    raise AssertionError(f"dagster dev does not answer. It printed:\n{found.printed()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does, then for good: whatever is left of its processes."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOPPED_WITHIN_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
