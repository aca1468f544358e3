"""The demo's runs go on side by side, are followed, and never stay behind."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from osft_assets.demo.lanes import Lanes
from osft_assets.demo.ways import FIRST, SECOND, SECOND_RATE, WAYS, Planned, lanes
from tests.commands import ROOT

_CHILD = (sys.executable, "-m", "tests.demo_child")


def started(directory: Path, said: list[str]) -> Lanes:
    return Lanes(directory, said.append, _CHILD)


def test_every_run_is_followed_to_its_outcome(tmp_path: Path) -> None:
    said: list[str] = []

    outcomes = started(tmp_path, said).run([[Planned("one", 0.1), Planned("two", 0.1)]])

    assert [(each.pipeline, each.ended) for each in outcomes] == [
        ("one", "refused"),
        ("two", "refused"),
    ]
    assert any(line.startswith("[1/2 one-0.1, ") and line.endswith("step 1 of 2") for line in said)
    assert said[-1].endswith("refused")


def test_a_run_that_breaks_says_why_and_the_others_go_on(tmp_path: Path) -> None:
    broken, good = started(tmp_path, []).run([[Planned("breaks", 0.1), Planned("one", 0.1)]])

    assert broken.ended == "failed"
    assert "ended with code 1" in broken.why
    assert "no space left" in broken.why
    assert good.ended == "refused"


def test_an_earlier_outcome_is_never_taken_for_this_one(tmp_path: Path) -> None:
    (run,) = started(tmp_path, []).run([[Planned("one", 0.1)]])
    (tmp_path / "breaks-0.1.json").write_text(run.model_dump_json())

    (broken,) = started(tmp_path, []).run([[Planned("breaks", 0.1)]])

    assert broken.ended == "failed"


def test_what_is_interrupted_leaves_no_process_behind(tmp_path: Path) -> None:
    runs = Lanes(tmp_path, lambda _: None, _CHILD)
    mark = str(tmp_path / "waits-0.1")

    def interrupt() -> None:
        while not (tmp_path / "waits-0.1.started").exists():
            time.sleep(0.05)
        import _thread

        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        runs.run([[Planned("waits", 0.1), Planned("one", 0.1)]])

    assert not (tmp_path / "one-0.1.json").exists()
    assert not [p for p in psutil.process_iter(["cmdline"]) if mark in str(p.info["cmdline"])]


@pytest.mark.parametrize("quick", [True, False])
def test_every_way_has_its_rates_in_one_lane_its_own_last(quick: bool) -> None:
    planned = lanes(quick)

    for way in WAYS:
        rates = [[run.rate for run in lane if run.pipeline == way.pipeline] for lane in planned]
        (own,) = [each for each in rates if each] or [[]]
        assert own == list(way.rates[: len(own)])
        assert quick or own[-1] == way.own_rate


def test_the_second_step_follows_the_first_one() -> None:
    (lane,) = [lane for lane in lanes(quick=False) if lane[-1].pipeline == SECOND]

    assert lane[-2] == Planned(FIRST, WAYS[0].own_rate)


def test_the_files_of_the_ways_have_their_first_rate() -> None:
    import yaml

    text = (ROOT / "osft_assets/defs/demo/defs.yaml").read_text()
    pipelines = {each["attributes"]["name"]: each for each in yaml.safe_load_all(text)}
    rates = {name: each["attributes"]["train"]["learning_rate"] for name, each in pipelines.items()}

    assert rates == {SECOND: SECOND_RATE, **{way.pipeline: way.rates[0] for way in WAYS}}


def test_the_module_that_is_started_is_there() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import osft_assets.demo.run"], cwd=ROOT, timeout=60
    )

    assert done.returncode == 0
