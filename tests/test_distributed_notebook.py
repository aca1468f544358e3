"""The notebook for several pods, executed as it is but for its parameters: in a kernel of its own,
before an API on this machine. Its pods are played: they hand in the base model as the trained one.
"""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest

from osft_assets.core.training_job import STEPS_FILE, RowAccount, TrainingOutcome
from osft_assets.core.training_steps import METRIC_FILES
from osft_assets.core.worker import JOB_FILE, OUTCOME_FILE
from resources.library_versions import TRAINING_LIBRARIES, library_versions
from tests.commands import ROOT
from tests.core.training_parts import osft_line, outcome
from tests.test_notebook import EXECUTE
from tests.train_jobs.fake_api import JOBS, NAMESPACE, FakeApi, Request, served

NOTEBOOK = ROOT / "docs/notebooks/distributed.ipynb"
TOKEN = "hunter2-of-the-notebook"
_DEMO = ROOT / "osft_assets/defs/demo"
# In the place of those that need the Hub and GPUs.
PARAMETERS = """
dataset = {"data_uri": "pvc://inputs/new_facts.jsonl", "subset": 60}
base_model = "pvc://inputs/model"
pod = {"workers": 2, "gpu": 2, "cpu": "0.5", "memory": "32Gi", "env_secrets": ["hub-token"]}
evaluate = {"tasks": [], "limit": 10, "max_gen_toks": 8}
question = "What is the town of Sollun known for?"
"""
TELL = """
import json
told = [answers.base, answers.tuned, report.passed, entry.version, checkpoint.record.fingerprint]
print(json.dumps(told))
"""


class PlayedNodes:
    """What Trainer and the pods do, as soon as a TrainJob is made."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self.api = FakeApi(lambda: datetime.now(UTC), after=self._act)

    def _act(self, request: Request) -> None:
        import pandas

        if request.method != "POST" or request.path != JOBS or request.is_a_dry_run:
            return
        directory = self._workspace / "train_jobs" / self.api.name
        job = json.loads((directory / JOB_FILE).read_text())
        self.api.add_pods()
        self.api.say("this is node 0")
        lines = "".join(f"{osft_line(number)}\n" for number in range(1, 5))
        (directory / METRIC_FILES["osft"]).write_text(lines)
        shutil.copytree(_DEMO / "model", directory / "hf_format/samples_32")
        steps = {"step": [1, 2, 3, 4], "loss": [4.0, 3.0, 2.0, 1.0]}
        rates = {"learning_rate": [1e-3] * 4, "grad_norm": [1.0] * 4}
        pandas.DataFrame(steps | rates).to_parquet(directory / STEPS_FILE)
        (directory / OUTCOME_FILE).write_text(_outcome(job).model_dump_json())
        for rank in range(2):
            self.api.end_pod(rank, 0, "Completed")
        self.api.condition("Complete")


def _outcome(job: dict[str, Any]) -> TrainingOutcome:
    given = job["train_rows"]
    counts = {"too_short_or_long": 0, "over_gpu_limit": 0, "without_loss": 0}
    return outcome(
        rows=RowAccount(given=given, trained=given, **counts),
        world_size=job["workers"] * job["gpu"],
        versions=job["versions"],
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, FakeApi, Path]:
    """The cells with what came of them, the API, and the workspace."""
    directory = tmp_path_factory.mktemp("notebook")
    workspace = directory / "workspace"
    (workspace / "inputs").mkdir(parents=True)
    shutil.copytree(_DEMO / "model", workspace / "inputs/model")
    shutil.copy(_DEMO / "new_facts.jsonl", workspace / "inputs")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    [cell] = [each for each in notebook.cells if "parameters" in each.metadata.get("tags", [])]
    cell.source = PARAMETERS
    nbformat.write(notebook, directory / "given.ipynb")
    nodes = PlayedNodes(workspace)
    with served(nodes.api) as url:
        variables = {
            "OSFT_WORKSPACE": str(workspace),
            "OSFT_WORKSPACE_URI": "pvc://shared",
            "OSFT_NAMESPACE": NAMESPACE,
            "KUBERNETES_SERVER_URL": url,
            "KUBERNETES_AUTH_TOKEN": TOKEN,
            "HF_HUB_OFFLINE": "1",
            "NO_PROXY": "*",
        }
        unset = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
        done = subprocess.run(
            [sys.executable, "-c", EXECUTE, "given.ipynb", "executed.ipynb", TELL],
            cwd=directory,
            env=unset | variables,
            capture_output=True,
            text=True,
            timeout=500,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    cells = nbformat.read(directory / "executed.ipynb", as_version=4).cells
    return cells, nodes.api, workspace


@pytest.mark.timeout(560)
def test_it_trains_in_one_train_job_of_two_pods_and_goes_on_here(played: Any) -> None:
    cells, api, workspace = played

    [request] = [one for one in api.requests if one.method == "POST" and not one.is_a_dry_run]
    trainer = request.body["spec"]["trainer"]
    assert trainer["numNodes"] == 2
    assert trainer["resourcesPerNode"] == {
        "requests": {"cpu": "0.5", "memory": "32Gi"},
        "limits": {"memory": "32Gi", "nvidia.com/gpu": "2"},
    }
    assert "shared" in json.dumps(request.body["spec"]["runtimePatches"])
    base, tuned, passed, registered, fingerprint = json.loads(cells[-1].outputs[0].text)
    assert base == tuned != [""], "the model is the base model"
    assert (passed, registered) == (True, "1.0.0")
    version = json.loads(
        (workspace / f"tables/checkpoints/{fingerprint}/checkpoint.json").read_text()
    )
    assert version["outcome"]["world_size"] == 4
    assert version["outcome"]["versions"] == library_versions(TRAINING_LIBRARIES)


@pytest.mark.timeout(560)
def test_nothing_is_left_of_it_on_the_cluster_or_in_the_workspace(played: Any) -> None:
    _, api, workspace = played

    assert (api.jobs, api.pods) == ({}, {})
    assert list((workspace / "train_jobs").iterdir()) == []


@pytest.mark.timeout(560)
def test_the_token_goes_to_the_api_alone(played: Any) -> None:
    cells, api, workspace = played

    assert {request.authorization for request in api.requests} == {f"Bearer {TOKEN}"}
    assert TOKEN not in json.dumps([request.body for request in api.requests])
    assert TOKEN not in json.dumps(cells)
    files = [path for path in workspace.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


def test_it_is_shipped_without_outputs_and_without_a_token() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells

    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
    assert "sha256~" not in NOTEBOOK.read_text()
