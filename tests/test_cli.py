"""The `osft-assets` command, as a user calls it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from osft_assets.demo.ways import SAME_RATE, SECOND, WAYS
from tests.commands import ROOT, osft_assets

# It trains for real, seven times, two side by side: some 300 CPU seconds.
_DEMO_SECONDS = 1200
_RUNS = 7


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """As installed from a wheel: the two packages, and no pyproject.toml above them."""
    root = tmp_path_factory.mktemp("demo")
    for package in ("osft_assets", "resources"):
        shutil.copytree(ROOT / package, root / "site" / package)
    (root / "dagster").mkdir()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "osft_assets", "demo"],
        cwd=root,
        env={
            **os.environ,
            "PYTHONPATH": str(root / "site"),
            "DAGSTER_HOME": str(root / "dagster"),
            "OSFT_WORKSPACE": str(root / "workspace"),  # `make test` has set another
        },
        capture_output=True,
        text=True,
        timeout=_DEMO_SECONDS,
    )
    return done, root


@pytest.mark.timeout(_DEMO_SECONDS)
def test_the_demo_tells_what_became_of_every_row(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, root = demo

    assert done.returncode == 0, done.stderr
    told = (root / "workspace/_demo/demo-0.003.txt").read_text()
    counts = json.loads((root / "workspace/demo/datasets/dataset.json").read_text())["counts"]
    assert f"rows read from {root}/site/osft_assets/defs/demo/new_facts.jsonl" in told
    assert counts["read"] == 206
    assert counts["duplicate"] == 6
    for name in ("invalid", "duplicate", "train", "holdout"):
        assert f"{counts[name]:>6,} {name}" in told


@pytest.mark.timeout(_DEMO_SECONDS)
def test_the_demo_trains_a_model_that_keeps_its_promise(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    _, root = demo
    told = (root / "workspace/_demo/demo-0.003.txt").read_text()

    assert told.count("  ok     demo/") == 23
    assert "  FAILED" not in told
    assert "  WARN" not in told
    assert "200 steps of osft on cpu" in told
    assert "84% of the parameters are constrained" in told
    assert "Passed the gate." in told
    assert "Registered as demo-model 1.0.0 in the local registry." in told
    assert (root / "workspace/demo/final_model/README.md").exists()
    assert (root / "workspace/demo/final_model/model.safetensors").exists()


@pytest.mark.timeout(_DEMO_SECONDS)
def test_the_demo_compares_four_ways_and_goes_on_with_a_second_step(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, root = demo
    place = root / "workspace/_demo"
    outcomes = json.loads((place / "comparison.json").read_text())
    ended = {(each["pipeline"], each["rate"]): each["ended"] for each in outcomes}

    assert len(ended) == _RUNS
    assert ended["demo", SAME_RATE] == "registered"
    assert ended["demo_sft", SAME_RATE] == "refused"  # it forgets everything at this rate
    assert "failed" not in ended.values()
    for way in WAYS:
        assert done.stdout.count(f"\n{way.name}  ") == 2 - way.only_own
    assert "Every skill after every step of the chain" in done.stdout
    assert "\nwriting            exact_match" in done.stdout
    assert "What this does not show" in done.stdout
    assert "make dev" in done.stdout
    assert (place / "comparison.md").read_text().startswith("# Comparison")
    assert len((place / "comparison.csv").read_text().splitlines()) == 1 + _RUNS
    assert f"[1/{_RUNS} demo-0.003, " in done.stderr
    assert "step 200 of 200" in done.stderr


@pytest.mark.timeout(_DEMO_SECONDS)
def test_the_runs_of_the_demo_are_kept_for_the_ui(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    _, root = demo

    with dg.DagsterInstance.from_config(str(root / "dagster")) as instance:
        runs = instance.get_runs()

    assert len(runs) == _RUNS
    assert {run.job_name for run in runs} >= {"demo_pipeline", f"{SECOND}_pipeline"}


def test_a_run_that_cannot_be_launched_is_one_line(tmp_path: Path) -> None:
    done = osft_assets("run", "osft", OSFT_WORKSPACE=str(tmp_path))

    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Error: osft: data_uri is empty")
    assert "Set attributes.dataset.data_uri in the pipeline's defs.yaml" in line


def test_prune_lists_first_and_deletes_when_told(tmp_path: Path) -> None:
    versions = [tmp_path / f"mine/checkpoints/{number:032x}" for number in range(5)]
    for age, version in enumerate(reversed(versions)):
        (version / "model").mkdir(parents=True)
        (version / "model/model.safetensors").write_bytes(b"x" * 1_000_000)
        os.utime(version, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "mine/records").mkdir()
    (tmp_path / "mine/final_model").symlink_to(versions[4] / "model")

    listed = osft_assets("prune", OSFT_WORKSPACE=str(tmp_path))
    there = [version.exists() for version in versions]
    deleted = osft_assets("prune", "mine", "--delete", OSFT_WORKSPACE=str(tmp_path))

    assert "2 may go: 2.0 MB. Add --delete to delete them." in listed.stdout
    assert str(versions[0]) in listed.stdout
    assert all(there)
    assert "Deleted 2: 2.0 MB." in deleted.stdout
    assert [version.exists() for version in versions] == [False, False, True, True, True]


def test_an_unknown_pipeline_is_refused_with_the_ones_there_are(tmp_path: Path) -> None:
    done = osft_assets("run", "nope", OSFT_WORKSPACE=str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.startswith("Error: No pipeline 'nope'. There are: ")
    assert all(name in done.stderr for name in ("demo", "osft", "sft"))


def test_help_lists_the_commands() -> None:
    done = osft_assets("--help")

    assert done.returncode == 0
    assert all(command in done.stdout for command in ("demo", "prune", "run"))
