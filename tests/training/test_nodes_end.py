"""What ends the pods of a training early, and that nothing of them stays behind."""

import json
import os
import shutil
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.training_job import TrainingJob
from osft_assets.core.worker import LEASE_FILE, OUTCOME_FILE, problem_file
from resources.process_tree import _marked
from tests.training.node_worker import LEASE_SECONDS
from tests.training.nodes import marker_of, started, train_on_two
from tests.training.runs import Tiny, chats, make_job, write_rows

WORKER = (sys.executable, "-m", "tests.training.node_worker")
Jobs = Callable[..., TrainingJob]


@pytest.fixture
def job(tmp_path: Path) -> Jobs:
    rows = write_rows(tmp_path / "rows.jsonl", chats(2))
    nothing = Tiny(model=tmp_path, train=rows, holdout=rows)

    def make(pipeline: str = "waits", **more: Any) -> TrainingJob:
        told = {"is_spread": True, "workers": 2, "gpu": 1, "pipeline": pipeline, **more}
        return make_job(nothing, tmp_path / "run", **told)

    return make


def test_a_pod_that_nobody_follows_ends_with_all_below_it(job: Jobs, tmp_path: Path) -> None:
    run = tmp_path / "run"

    with started(job(), WORKER) as pods:
        _wait_for(lambda: (run / "up").exists() and (run / "node-1/up").exists())
        markers = [marker_of(pod) for pod in pods]
        assert [len(_marked(marker)) for marker in markers] == [2, 2]
        assert [pod.wait(LEASE_SECONDS + 20) for pod in pods] == [4, 4]
        assert [_marked(marker) for marker in markers] == [[], []]

    problem = _problem(run, 0) or _problem(run, 1)
    assert problem["message"].startswith("Nobody has followed this training for ")
    assert problem["is_transient"]
    assert not (run / "rows").exists()
    assert not (run / "rows-1").exists()


def test_pods_whose_directory_was_swept_end_too(job: Jobs, tmp_path: Path) -> None:
    run = tmp_path / "run"

    with started(job(), WORKER) as pods:
        _wait_for(lambda: (run / "up").exists() and (run / "node-1/up").exists())
        shutil.rmtree(run)
        assert [pod.wait(LEASE_SECONDS + 20) for pod in pods] == [4, 4]


def test_pods_that_are_followed_go_on_whatever_the_clock_of_the_follower_says(
    job: Jobs, tmp_path: Path
) -> None:
    lease = tmp_path / "run" / LEASE_FILE

    with started(job(), WORKER) as pods:
        end = time.monotonic() + 3 * LEASE_SECONDS
        while time.monotonic() < end:
            lease.touch()
            past = time.time() - 9e6  # of a machine whose clock is months late
            os.utime(lease, (past, past))
            time.sleep(0.3)
        assert [pod.poll() for pod in pods] == [None, None]


def test_a_pod_that_is_deleted_ends_in_seconds_with_all_below_it(job: Jobs, tmp_path: Path) -> None:
    with started(job(), WORKER) as pods, _followed(tmp_path / "run"):
        _wait_for((tmp_path / "run/up").exists)
        marker = marker_of(pods[0])
        pods[0].send_signal(signal.SIGTERM)
        assert pods[0].wait(10) == 128 + signal.SIGTERM
        assert _marked(marker) == []
        assert pods[1].poll() is None

    assert _problem(tmp_path / "run", 0) == {}


def test_when_a_pod_gives_up_the_others_end_and_only_it_says_why(job: Jobs, tmp_path: Path) -> None:
    with _followed(tmp_path / "run"):
        first, second = train_on_two(job("fails"), WORKER)

    assert (first.exit_code, second.exit_code) == (4, 3)
    assert "Another pod of this training gave up" in first.output
    assert _problem(tmp_path / "run", 0) == {}
    assert _problem(tmp_path / "run", 1)["message"] == "target_patterns matches no matrix"


def test_pods_that_only_saw_each_other_go_say_so_in_the_end(job: Jobs, tmp_path: Path) -> None:
    with started(job("loses its peers"), WORKER) as pods, _followed(tmp_path / "run"):
        assert {pod.wait(30) for pod in pods} == {4}

    told = [_problem(tmp_path / "run", rank) for rank in (0, 1)]
    assert any(problem.get("is_aftermath") for problem in told)


def test_a_pod_that_is_started_again_leaves_the_first_problem_as_it_is(
    job: Jobs, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    for rank in (0, 1):
        (tmp_path / "run" / problem_file(rank)).write_text('{"message": "the first"}')

    runs = train_on_two(job("fails"), WORKER)

    assert [run.exit_code for run in runs] == [4, 4]
    assert _problem(tmp_path / "run", 1) == {"message": "the first"}


def test_a_pod_that_is_started_again_after_all_is_done_does_nothing(
    job: Jobs, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / OUTCOME_FILE).write_text("{}")

    runs = train_on_two(job("fails"), WORKER)

    assert [run.exit_code for run in runs] == [0, 0]


def test_pods_that_were_preempted_begin_anew(job: Jobs, tmp_path: Path) -> None:
    run = tmp_path / "run"
    old = [run / "hf_format/samples_8", run / "full_state/epoch_0", run / "node-1/hf_format"]
    for directory in old:
        directory.mkdir(parents=True)
    (run / "training_metrics_0.jsonl").write_text("{}")

    with started(job(), WORKER) as pods, _followed(run):
        _wait_for(lambda: (run / "up").exists() and (run / "node-1/up").exists())
        assert [pod.poll() for pod in pods] == [None, None]
        assert [path for path in old if path.exists()] == []
        assert not (run / "training_metrics_0.jsonl").exists()


def test_whoever_follows_may_move_what_the_pods_write_though_another_user_of_the_group(
    job: Jobs, tmp_path: Path
) -> None:
    run = tmp_path / "run"

    with started(job(), WORKER) as pods, _followed(run):
        _wait_for(lambda: (run / "up").exists() and (run / "node-1/up").exists())
        assert [pod.poll() for pod in pods] == [None, None]

    written = [run / "up", run / "node-1", run / "node-1/up", run / "node-1/job.json"]
    assert [path for path in written if not path.stat().st_mode & stat.S_IWGRP] == []


def test_forks_of_the_worker_can_be_ended_however_early(job: Jobs, tmp_path: Path) -> None:
    run = tmp_path / "run"

    with started(job("tokenises"), WORKER) as pods, _followed(run):
        _wait_for((run / "up").exists, 60)
        assert [pod.poll() for pod in pods] == [None, None]


def test_an_image_with_other_trainers_is_refused_at_once(job: Jobs, tmp_path: Path) -> None:
    with _followed(tmp_path / "run"):
        runs = train_on_two(job(versions={"torch": "1.0"}), WORKER)

    assert 3 in {run.exit_code for run in runs}
    problem = _problem(tmp_path / "run", 0) or _problem(tmp_path / "run", 1)
    assert " instead of 1.0: the checkpoint would not be" in problem["message"]


def test_a_runtime_that_does_not_run_torch_is_told_by_what_is_missing(
    job: Jobs, tmp_path: Path
) -> None:
    with started(job(), WORKER, PET_NNODES="") as pods:
        assert {pod.wait(30) for pod in pods} == {3}

    assert _problem(tmp_path / "run", 0)["message"].startswith("PET_NNODES is not set in a pod")


def test_what_secrets_hold_is_in_the_environment_and_nowhere_else(
    job: Jobs, tmp_path: Path
) -> None:
    secret = tmp_path / "hub"
    secret.mkdir()
    (secret / "HF_TOKEN").write_text("hf_confidential")

    with (
        started(job(), WORKER, OSFT_SECRET_DIRECTORIES=str(secret)) as pods,
        _followed(tmp_path / "run"),
    ):
        _wait_for((tmp_path / "run/up").exists)
        [trainer] = [p for p in _marked(marker_of(pods[0])) if p.pid != pods[0].pid]
        assert trainer.environ()["HF_TOKEN"] == "hf_confidential"

    written = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert [path for path in written if b"hf_confidential" in path.read_bytes()] == []


@contextmanager
def _followed(directory: Path) -> Iterator[None]:
    """By somebody who renews the lease until the block ends."""
    directory.mkdir(exist_ok=True)
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(0.3):
            (directory / LEASE_FILE).touch()

    follower = threading.Thread(target=follow)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()


def _problem(directory: Path, rank: int) -> dict[str, Any]:
    path = directory / problem_file(rank)
    found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    return found


def _wait_for(happens: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, f"did not happen in {seconds} s"
        time.sleep(0.05)
