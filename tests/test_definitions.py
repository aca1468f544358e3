"""The wiring: what the environment sets, and a code location without its checkout."""

import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import dagster as dg
import pytest

from osft_assets.beginnings import with_beginnings
from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.definitions import (
    build_defs,
    defs,
    served_pipelines,
    with_resources,
)
from osft_assets.pipeline import build_pipeline
from resources.dataset_sources import DatasetSources
from resources.git_commit import git_commit
from resources.train_job_trainer import TrainJobTrainer
from resources.training_process import TrainingProcess
from tests.commands import ROOT, osft_assets


@pytest.mark.parametrize(("value", "confined"), [("1", True), ("0", False), ("", False)])
def test_inputs_are_confined_when_the_environment_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, confined: bool
) -> None:
    monkeypatch.setenv("OSFT_CONFINE_INPUTS", value)
    monkeypatch.setenv("OSFT_WORKSPACE", str(tmp_path))
    (tmp_path / "rows.jsonl").write_text("{}")
    source = (build_defs().resources or {})["dataset_source"]
    assert isinstance(source, DatasetSources)

    recipe = DatasetRecipe(data_uri=str(tmp_path / "rows.jsonl"))

    if not confined:
        assert source.find(recipe).record.files == ("rows.jsonl",)
        return
    with pytest.raises(ConfigError, match="absolute paths are refused while OSFT_CONFINE_INPUTS"):
        source.find(recipe)


def test_the_workspace_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OSFT_WORKSPACE", str(tmp_path / "volume"))

    assert (build_defs().resources or {})["workspace"].root == tmp_path / "volume"


def test_what_other_machines_call_the_workspace_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OSFT_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("OSFT_WORKSPACE_URI", "pvc://claim/osft/")

    place = (build_defs().resources or {})["workspace"]

    assert place.address_of(tmp_path / "a model") == "pvc://claim/osft/a%20model"


def test_the_commit_of_the_code_can_be_told_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OSFT_GIT_COMMIT", "c0ffee")

    assert (build_defs().resources or {})["git_commit"] == "c0ffee"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, TrainJobPlace(always=False, in_pod=False)),
        ({"OSFT_TRAIN_JOBS": "1"}, TrainJobPlace(always=True, in_pod=False)),
        ({"OSFT_TRAIN_JOBS": "0"}, TrainJobPlace(always=False, in_pod=False)),
        (
            {"KUBERNETES_SERVER_URL": "https://api.example:6443"},
            TrainJobPlace(always=True, in_pod=False),
        ),
        ({"OSFT_EXECUTOR": "k8s"}, TrainJobPlace(always=False, in_pod=True)),
        (
            {
                "OSFT_TRAIN_JOBS": "1",
                "OSFT_TRAIN_RUNTIME": "own",
                "OSFT_TRAINER_IMAGE": "trainer:1",
                "OSFT_NAMESPACE": "ml",
            },
            TrainJobPlace(True, False, runtime="own", image="trainer:1", namespace="ml"),
        ),
    ],
)
def test_the_environment_says_which_trainings_are_train_jobs_and_of_what(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: TrainJobPlace
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    trainer = (build_defs().resources or {})["trainer"]

    assert isinstance(trainer, TrainJobTrainer)
    assert trainer.place == expected
    assert trainer.here == TrainingProcess(in_pod=expected.in_pod)


def test_the_token_of_a_cluster_is_in_nothing_that_dagster_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVER_URL", "https://api.example:6443")
    monkeypatch.setenv("KUBERNETES_AUTH_TOKEN", "hunter2hunter2")

    built = build_defs()

    assert "hunter2" not in f"{built!r} {built.resources!r}"


def test_git_is_asked_by_the_step_that_wants_to_know_and_not_whenever_we_load() -> None:
    commit = (build_defs().resources or {})["git_commit"]

    assert isinstance(commit, dg.ResourceDefinition)
    with dg.build_resources({"git_commit": commit}) as asked:
        assert asked.git_commit == git_commit(ROOT)


@pytest.mark.filterwarnings("ignore:Parameter `execution_type`")  # Dagster's, about itself
def test_what_makes_data_or_a_model_unfit_blocks_and_the_rest_warns() -> None:
    graph = defs.get_repository_def().asset_graph
    checks = {key.name: graph.get_check_spec(key).blocking for key in graph.asset_check_keys}

    assert checks == {
        "has_config": True,
        "has_tokenizer": True,
        "has_chat_template": True,
        "weights_are_complete_and_finite": True,
        "training_is_complete": True,
        "files_are_as_written": True,
        "model_can_be_loaded": True,
        "frozen_subspace_was_kept": True,
        "loss_fell": False,
        "every_row_was_trained_on": False,
        "rows_are_well_formed": True,
        "splits_do_not_overlap": True,
        "rows_are_accounted_for": True,
        "no_row_was_left_out": False,
        "rows_fill_a_batch": False,
        "old_skills_are_kept": True,
        "new_skill_is_learned": True,
        "scores_are_comparable": True,
        "can_be_registered": True,
        "version_is_free": False,
        "entry_is_in_the_registry": True,
        "gate_was_passed": False,
    }


def _specs(defs: dg.Definitions = defs) -> list[dg.AssetSpec]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # Dagster's, about itself
        # In no order of its own, and tests that are run in several processes need one.
        return sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key)


@pytest.mark.parametrize("spec", _specs(), ids=lambda spec: spec.key.to_user_string())
def test_an_asset_says_what_it_is_where_it_is_set_and_how_to_judge_it(spec: dg.AssetSpec) -> None:
    pipeline, name = spec.key.path
    said = spec.description or ""
    page = re.search(r"More: `(docs/\w+\.md)`\.$", said)

    assert spec.group_name == (pipeline if name != "champion" else f"{pipeline}_champion")
    assert page
    assert (ROOT / page[1]).is_file()
    assert len(said) < 450, "a page is read from its top"
    assert re.search(r"\b(good|gate|compared?s?|decide|loss|verdict)\b", said, re.IGNORECASE)


@pytest.mark.parametrize("spec", _specs(), ids=lambda spec: spec.key.to_user_string())
def test_an_asset_has_a_kind_and_the_tags_it_is_found_by(spec: dg.AssetSpec) -> None:
    pipeline, _ = spec.key.path

    assert len(spec.kinds) == 1
    assert spec.tags["osft/pipeline"] == pipeline
    assert spec.tags["osft/algorithm"] in ("osft", "sft")
    stages = {"model", "dataset", "training", "evaluation", "registry"}
    assert spec.tags["osft/stage"] in stages


def test_owners_and_tags_of_a_file_are_on_every_asset() -> None:
    labels = {"owners": ("team:ml", "ada@example.org"), "tags": {"product": "chat"}}
    pipeline = PipelineRecipe(name="mine", defined_in="mine.yaml", **labels)

    served = dg.Definitions.merge(served_pipelines(), build_pipeline(pipeline))
    specs = _specs(with_resources(served))

    mine = [spec for spec in specs if spec.key.path[0] == "mine"]
    assert len(mine) == 11
    assert all(list(spec.owners) == ["team:ml", "ada@example.org"] for spec in mine)
    assert all(spec.tags["product"] == "chat" for spec in mine)
    assert not [spec for spec in specs if spec.owners and spec not in mine]


def test_a_wrong_yaml_file_is_one_line_on_the_command_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "osft_assets", tmp_path / "osft_assets")
    yaml = tmp_path / "osft_assets/defs/osft/defs.yaml"
    yaml.write_text(yaml.read_text().replace('data_uri: ""', "data_split: 2"))

    done = osft_assets("run", "osft", directory=tmp_path)

    assert done.returncode == 1
    assert done.stderr.strip() == (
        "Error: osft_assets/defs/osft/defs.yaml:7:5: attributes.dataset.data_split: "
        "Input should be less than or equal to 1 (found 2)."
    )


def test_a_wrong_value_makes_no_run_when_launched_from_the_ui(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LAUNCH],
        cwd=ROOT,
        env={**os.environ, "OSFT_WORKSPACE": str(tmp_path), "DAGSTER_HOME": ""},
        capture_output=True,
        text=True,
        timeout=110,
    )

    assert done.returncode == 0, done.stderr
    assert "Input should be less than or equal to 1 (found 1.5)" in done.stdout
    assert "hunter2" not in done.stdout
    assert "runs: 0" in done.stdout.splitlines()


LAUNCH = """
from dagster._core.test_utils import instance_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster_webserver.webserver import DagsterWebserver
from starlette.testclient import TestClient

SPLITS = ("train_split", "holdout_split")
MUTATION = '''
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}'''
config = {"ops": {"demo__dataset": {"config": {
    "data_split": 1.5, "data_uri": "https://bob:hunter2@example.org/rows.jsonl"}}}}
selector = {"repositoryName": "__repository__", "repositoryLocationName": "here",
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": ["demo", name]} for name in SPLITS]}
with instance_for_test() as instance:
    target = ModuleTarget(module_name="osft_assets.definitions", attribute=None,
                          working_directory=None, location_name="here")
    with WorkspaceProcessContext(instance, target, version="") as context:
        client = TestClient(DagsterWebserver(context).create_asgi_app())
        answer = client.post("/graphql", json={"query": MUTATION, "variables": {"params": {
            "selector": selector, "runConfigData": config, "mode": "default"}}})
        print(answer.text)
        print("runs:", instance.get_runs_count())
"""


def test_a_beginning_that_no_file_defines_is_refused_when_loading() -> None:
    lost = PipelineRecipe(name="next", start_from="nope", defined_in="defs/next/defs.yaml")

    with pytest.raises(ConfigError, match=r"next starts from nope, .* There are: next"):
        with_beginnings(build_pipeline(lost))


def test_pipelines_that_start_from_each_other_are_refused_when_loading() -> None:
    circle = dg.Definitions.merge(
        build_pipeline(PipelineRecipe(name="b", start_from="c", defined_in="b.yaml")),
        build_pipeline(PipelineRecipe(name="c", start_from="b", defined_in="c.yaml")),
    )

    with pytest.raises(ConfigError, match="start from each other: b -> c -> b"):
        with_beginnings(circle)
