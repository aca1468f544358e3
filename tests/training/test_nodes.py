"""Real trainings in two pods: two workers, each with torchrun and a process of its own, over gloo.

The control is the same training by two processes of one pod.
"""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from osft_assets.core.training_job import TrainingOutcome
from resources.process_tree import _marked
from tests.training.conftest import Pods
from tests.training.nodes import marker_of, started
from tests.training.runs import WORKER, Run, Tiny, make_job
from tests.training.weights import is_projection, loads_clean, tensors

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(params=["osft", "sft"])
def pods(request: pytest.FixtureRequest) -> Pods:
    pair: Pods = request.getfixturevalue(f"{request.param}_pods")
    return pair


@pytest.fixture
def control(pods: Pods, request: pytest.FixtureRequest) -> Run:
    name = "fsdp2" if pods[0].job.algorithm == "osft" else "fsdp1"
    one_pod: Run = request.getfixturevalue(name)
    return one_pod


def test_the_first_pod_answers_for_all_and_the_other_ends_well(pods: Pods) -> None:
    first, second = pods

    assert second.exit_code == 0, second.output[-4000:]
    assert first.outcome.world_size == 2
    assert len(list(first.directory.rglob("outcome.json"))) == 1
    assert len(list(first.directory.rglob("*.safetensors"))) >= 1
    assert not list(first.directory.rglob("problem*.json"))


def test_the_checkpoint_of_two_pods_loads_and_is_one(pods: Pods) -> None:
    run = pods[0]

    assert loads_clean(run.model)
    assert [path.parent for path in run.directory.rglob("model.safetensors")] == [run.model]


def test_two_pods_learn_what_two_processes_of_one_pod_do(pods: Pods, control: Run) -> None:
    ours, theirs = _losses(pods[0]), _losses(control)

    assert len(ours) == len(theirs) >= 3
    assert ours == pytest.approx(theirs, rel=1e-3)
    assert ours[-1] < ours[0]
    assert pods[0].outcome.rows == control.outcome.rows


def test_the_promise_of_osft_holds_over_two_pods(tiny: Tiny, osft_pods: Pods, fsdp2: Run) -> None:
    certificate, one_pod = osft_pods[0].outcome.certificate, fsdp2.outcome.certificate
    assert certificate is not None
    assert one_pod is not None
    before, after = tensors(tiny.model), tensors(osft_pods[0].model)

    assert certificate.worst_leak < 1e-4
    assert certificate.worst_leak < 10 * one_pod.worst_leak
    assert [m.rank for m in certificate.matrices] == [m.rank for m in one_pod.matrices]
    for name, weight in after.items():
        assert weight.equal(before[name]) != is_projection(name)


def test_the_holdout_is_measured_by_both_pods_together(sft_pods: Pods, fsdp1: Run) -> None:
    assert sft_pods[0].outcome.validation_loss == pytest.approx(
        fsdp1.outcome.validation_loss, rel=0.02
    )


def test_a_full_state_holds_the_part_of_each_pod(sft_pods: Pods) -> None:
    [state] = sft_pods[0].outcome.full_states
    names = {path.name for path in (sft_pods[0].directory / state).iterdir()}

    assert {"random_states_0.pkl", "random_states_1.pkl", "training_metadata.json"} <= names


def test_what_the_other_pod_writes_is_in_its_own_directory_and_rows_stay_nowhere(
    pods: Pods,
) -> None:
    run = pods[0]
    own = run.directory / "node-1"

    assert json.loads((own / "job.json").read_bytes())["node"] == 1
    assert {path.name for path in own.glob("training_*")} == (
        {"training_params.json", "training_metrics_1.jsonl", "training_log_node1.log"}
        if run.job.algorithm == "osft"
        else {"training_params_and_metrics_global1.jsonl"}
    )
    assert not list(run.directory.glob("rows*"))


def test_the_only_pod_of_a_train_job_trains_on_its_cpu_where_no_gpu_is_asked_for(
    tiny: Tiny, tmp_path: Path
) -> None:
    job = make_job(tiny, tmp_path / "run", "osft", is_spread=True, workers=1, gpu=0, num_epochs=1)

    with started(job, WORKER) as [pod]:
        assert pod.wait(200) == 0

    outcome = TrainingOutcome.model_validate_json((tmp_path / "run/outcome.json").read_bytes())
    assert (outcome.world_size, outcome.backend) == (1, "mini-trainer-cpu")
    assert not (tmp_path / "run/rows").exists()


def test_when_a_trainer_dies_the_other_pod_ends_and_the_cause_is_told(
    tiny: Tiny, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    job = make_job(tiny, run, "osft", is_spread=True, workers=2, num_epochs=500)

    with started(job) as pods:
        _wait_for((run / "training_metrics_0.jsonl").exists, 200)
        trainer = _trainer(marker_of(pods[1]))
        trainer.send_signal(signal.SIGKILL)
        assert [pod.wait(90) for pod in pods] == [4, 4]

    told = json.loads((run / "problem-1.json").read_bytes())
    assert told["message"].startswith("A training process was killed (signal 9)")
    assert not told["is_aftermath"]
    assert not (run / "problem.json").exists()
    assert not (run / "outcome.json").exists()


def _trainer(marker: str) -> psutil.Process:
    [trainer] = [process for process in _marked(marker) if "LOCAL_RANK" in process.environ()]
    return trainer


def _losses(run: Run) -> list[float]:
    import pyarrow.parquet as pq

    assert isinstance(run.outcome, TrainingOutcome)
    losses: list[float] = pq.read_table(run.directory / "steps.parquet")["loss"].to_pylist()
    return losses


def _wait_for(happens: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, f"did not happen in {seconds} s"
        time.sleep(0.1)
