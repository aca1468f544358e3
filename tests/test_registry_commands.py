"""The commands about registered models, as a user calls them."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from osft_assets.commands.registry import _who
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.workspace import Workspace
from resources.model_registry import Registries
from tests.commands import ROOT, osft_assets
from tests.registry.registrations import registration


@pytest.fixture
def registered(tmp_path: Path) -> Path:
    """A workspace whose local registry has two versions of the demo's model."""
    registries = Registries(Workspace(tmp_path))
    for weights in ("one", "two"):
        told = registration(name="demo-model", version="1.0.0", fingerprint=weights)
        registries.register(RegistryRecipe(), told, lambda _: None)
    return tmp_path


def test_a_champion_is_promoted_rolled_back_and_told_of(registered: Path) -> None:
    first = osft_assets("promote", "demo", "1.0.0", OSFT_WORKSPACE=str(registered))
    newest = osft_assets("promote", "demo", "--reason", "better", OSFT_WORKSPACE=str(registered))
    back = osft_assets("rollback", "demo", "--reason", "no", OSFT_WORKSPACE=str(registered))
    told = osft_assets("history", "demo", OSFT_WORKSPACE=str(registered))

    assert first.stdout == "demo-model 1.0.0 is the champion now.\n"
    assert newest.stdout == "demo-model 1.0.1 is the champion now, after 1.0.0.\n"
    assert back.stdout == "demo-model 1.0.0 is the champion now, after 1.0.1.\n"
    assert "demo-model in the local registry" in told.stdout
    assert re.search(r"1\.0\.0 .*\(champion\)", told.stdout)
    assert re.search(r"promote +1\.0\.1 +by .*: better", told.stdout)
    assert re.search(r"rollback +1\.0\.0 +by .*: no", told.stdout)


def test_what_was_forced_is_marked_wherever_it_is_named(tmp_path: Path) -> None:
    told = registration(
        name="demo-model", version="1.0.0", properties={"forced_because": "they wait"}
    )
    Registries(Workspace(tmp_path)).register(RegistryRecipe(), told, lambda _: None)

    promoted = osft_assets("promote", "demo", "1.0.0", OSFT_WORKSPACE=str(tmp_path))
    listed = osft_assets("history", "demo", OSFT_WORKSPACE=str(tmp_path))

    assert "It was forced past the gate: they wait." in promoted.stdout
    assert "DAGSTER_HOME is not set" in promoted.stderr
    assert "(champion, forced: they wait)" in listed.stdout


def test_what_was_never_trained_cannot_be_registered(tmp_path: Path) -> None:
    done = osft_assets("register", "demo", "--force", "I know", OSFT_WORKSPACE=str(tmp_path))

    assert done.returncode == 1
    assert "Materialize demo/checkpoint first" in done.stderr


def test_what_cannot_be_promoted_is_one_line_and_a_failure(registered: Path) -> None:
    done = osft_assets("promote", "demo", "9.9.9", OSFT_WORKSPACE=str(registered))

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(
        "FAILED demo__champion: demo-model has no version 9.9.9 in the local registry. There are: "
    )


def test_a_model_that_was_never_registered_has_no_history(tmp_path: Path) -> None:
    done = osft_assets("history", "demo", OSFT_WORKSPACE=str(tmp_path / "not made yet"))

    assert done.returncode == 1
    assert done.stderr.startswith("Error: There is no model demo-model in the local registry.")


def test_the_local_registry_is_a_page_until_it_is_interrupted(registered: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "osft_assets", "registry", "serve", "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "DAGSTER_HOME": "", "OSFT_WORKSPACE": str(registered)},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout
        address = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
        assert address
        page = httpx.get(address[0])
        server.send_signal(signal.SIGINT)
        ended = server.wait(timeout=30)

    assert "demo-model" in page.text
    assert ended == 0


def test_a_user_without_a_name_may_promote(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1000700000")

    monkeypatch.setattr("getpass.getuser", nobody)

    assert _who() == f"uid {os.getuid()}"
