"""`osft-assets doctor`, as a user calls it, and what it looks at."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from resources.diagnosis_probes import (
    find_torch,
    read_dagster_home,
    try_local_registry,
    try_place,
)
from tests.commands import ROOT, osft_assets


def test_this_machine_can_train_and_no_token_is_shown(tmp_path: Path) -> None:
    done = osft_assets("doctor", "--json", OSFT_WORKSPACE=str(tmp_path / "w"), HF_TOKEN="hunter2")

    told = json.loads(done.stdout)
    found = {one["name"]: one for one in told["findings"]}
    assert done.returncode == 0, done.stdout
    assert told["can_train"] is True
    assert found["HF_TOKEN"]["found"] == "set"
    assert found["torch"]["verdict"] in ("ok", "warn")
    assert found["data of osft"]["verdict"] == "warn"
    assert found["workspace"]["verdict"] == "ok"
    assert "hunter2" not in done.stdout + done.stderr
    assert not (tmp_path / "w").exists()


def test_a_wrong_pipeline_file_is_a_failure_with_its_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "osft_assets", tmp_path / "osft_assets")
    with (tmp_path / "osft_assets/defs/osft/defs.yaml").open("a") as yaml:
        yaml.write("  trian: {}\n")

    done = osft_assets("doctor", directory=tmp_path, OSFT_WORKSPACE=str(tmp_path / "w"))

    assert done.returncode == 1
    assert "FAIL   pipelines: osft_assets/defs/osft/defs.yaml:" in done.stdout
    assert "This machine cannot train yet" in done.stdout


def test_a_place_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert try_place(tmp_path / "file" / "w").problem.startswith("cannot be written")
    assert try_place(tmp_path / "not" / "there").problem == ""
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_torch_that_cannot_be_imported_is_told_without_a_trace(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.13 is missing')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert find_torch().problem == "cannot be imported: ImportError: libcudart.so.13 is missing"
    assert "torch" not in sys.modules or sys.modules["torch"].__file__ != str(tmp_path / "torch.py")


def test_the_settings_of_dagster_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    without = read_dagster_home()
    shutil.copy(ROOT / "deployment/dagster.local.yaml", tmp_path / "dagster.yaml")
    with_pools = read_dagster_home()
    (tmp_path / "dagster.yaml").write_text("a: [")
    broken = read_dagster_home()

    assert without == (str(tmp_path), "", None)
    assert with_pools == (str(tmp_path), "", 1)
    assert broken == (str(tmp_path), "dagster.yaml cannot be read", None)


def test_a_damaged_local_registry_is_told(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    absent = try_local_registry(path)
    path.write_bytes(b"no database at all, but long enough to be read as one" * 20)

    assert absent == ("", "")
    assert try_local_registry(path) == (str(path), "file is not a database")
