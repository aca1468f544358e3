"""`--json`: one document on standard output, for scripts."""

import json
from pathlib import Path

from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.workspace import Workspace
from resources.model_registry import Registries
from tests.commands import osft_assets
from tests.registry.registrations import registration


def test_a_promotion_and_its_history_are_data(tmp_path: Path) -> None:
    told = registration(name="demo-model", version="1.0.0", fingerprint="one")
    Registries(Workspace(tmp_path)).register(RegistryRecipe(), told, lambda _: None)

    promoted = osft_assets("promote", "demo", "--json", OSFT_WORKSPACE=str(tmp_path))
    history = osft_assets("history", "demo", "--json", OSFT_WORKSPACE=str(tmp_path))

    answer = json.loads(promoted.stdout)
    assert (answer["name"], answer["version"], answer["changed"]) == ("demo-model", "1.0.0", True)
    told_of = json.loads(history.stdout)
    assert told_of["champion"] == "1.0.0"
    assert [version["version"] for version in told_of["versions"]] == ["1.0.0"]
    assert [change["kind"] for change in told_of["champions"]] == ["promote"]


def test_what_failed_is_data_too(tmp_path: Path) -> None:
    done = osft_assets("register", "demo", "--json", OSFT_WORKSPACE=str(tmp_path))

    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert answer["success"] is False
    assert "Materialize demo/checkpoint first" in answer["failures"][0]["reason"]
    assert answer["registered"] is None
