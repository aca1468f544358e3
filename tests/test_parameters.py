"""The jobs of the pipelines `osft` and `sft` take the flat names of the Kubeflow pipelines."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from osft_assets.core.errors import ConfigError, TrainingError
from osft_assets.core.ports import TrainingWatch
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from osft_assets.core.workspace import Workspace
from osft_assets.parameters import flat_mapping
from osft_assets.pipeline import build_pipeline
from tests.fakes import FakeSource, FakeTrainer, fake_resources

_UP_TO_TRAINING = [
    dg.AssetKey(["osft", name])
    for name in ("base_model", "train_split", "holdout_split", "checkpoint", "training_metrics")
]
_ROWS = {"dataset": {"data_uri": "pvc://rows.jsonl"}, "defined_in": "defs.yaml"}


def _recipe(name: str = "osft", algorithm: str = "osft", **attributes: Any) -> PipelineRecipe:
    told = {"name": name, "algorithm": algorithm, **_ROWS, **attributes}
    return PipelineRecipe.model_validate(told)


def _job(workspace: Workspace, recipe: PipelineRecipe, **real: Any) -> dg.JobDefinition:
    resources = fake_resources(workspace, **real)
    defs = dg.Definitions.merge(build_pipeline(recipe), dg.Definitions(resources=resources))
    return defs.resolve_job_def(f"{recipe.name}_pipeline")


@pytest.fixture
def trainer() -> FakeTrainer:
    return FakeTrainer()


@pytest.fixture
def job(workspace: Workspace, trainer: FakeTrainer) -> dg.JobDefinition:
    return _job(workspace, _recipe(), trainer=trainer)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def _told(problem: BaseException) -> str:
    """Everything that Dagster passes on: the message, the causes, the stored form of them."""
    from dagster._utils.error import serializable_error_info_from_exc_info

    info = serializable_error_info_from_exc_info((type(problem), problem, problem.__traceback__))
    return f"{problem} {problem.__cause__} {info}"


def test_old_values_reach_the_training(job: dg.JobDefinition, trainer: FakeTrainer) -> None:
    values = {
        "phase_02_train_man_train_epochs": 3,
        "phase_02_train_opt_target_patterns": "q_proj,k_proj",
        "phase_02_train_opt_lr_scheduler_kwargs": "num_cycles=0.25",
        "phase_02_train_opt_env_vars": 'NCCL_IB_HCA="mlx5_0,mlx5_1",X=1',
    }

    assert job.execute_in_process(run_config=values).success

    (trained,) = trainer.jobs
    assert trained.recipe["num_epochs"] == 3
    assert trained.recipe["target_patterns"] == ["q_proj", "k_proj"]
    assert trained.recipe["lr_scheduler_kwargs"] == {"num_cycles": 0.25}
    assert trained.env_vars == {"NCCL_IB_HCA": "mlx5_0,mlx5_1", "X": "1"}


def test_a_run_without_config_is_what_the_file_says(
    workspace: Workspace, trainer: FakeTrainer
) -> None:
    """As a schedule launches it."""
    job = _job(workspace, _recipe(train={"num_epochs": 7, "beta2": 0.9}), trainer=trainer)

    assert job.execute_in_process().success

    (trained,) = trainer.jobs
    assert trained.recipe["num_epochs"] == 7
    assert trained.recipe["beta2"] == 0.9


def test_what_has_no_flat_name_is_set_in_its_section(
    job: dg.JobDefinition, trainer: FakeTrainer
) -> None:
    values = {"train": {"freeze_unconstrained": True}}

    assert job.execute_in_process(run_config=values, asset_selection=_UP_TO_TRAINING).success

    assert trainer.jobs[0].recipe["freeze_unconstrained"] is True


def test_tokenised_rows_are_prepared_as_such(workspace: Workspace, trainer: FakeTrainer) -> None:
    """The flag that led nowhere in the Kubeflow pipeline: its dataset stage refused the rows."""
    rows = [{"input_ids": list(range(n, n + 30)), "labels": list(range(30))} for n in range(50)]
    job = _job(workspace, _recipe(), trainer=trainer, dataset_source=FakeSource(rows))

    done = job.execute_in_process(run_config={"phase_02_train_opt_processed_data": True})

    assert done.success
    assert trainer.jobs[0].kind == "tokens"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"phase_02_train_man_train_epochs": 0},
            "phase_02_train_man_train_epochs: Input should be greater than or equal to 1",
        ),
        ({"phase_02_train_man_train_unfreeze": 1.5}, "phase_02_train_man_train_unfreeze"),
        ({"phase_01_dataset_man_data_split": 0.0}, "phase_01_dataset_man_data_split"),
        ({"phase_02_train_opt_env_vars": "hunter2"}, "phase_02_train_opt_env_vars: item 1 has no"),
        ({"phase_02_train_opt_labels": 3}, "phase_02_train_opt_labels"),
        (
            {"phase_02_train_opt_lr_scheduler_kwargs": "num_cycles=many"},
            "phase_02_train_opt_lr_scheduler_kwargs.num_cycles: Input should be a valid number",
        ),
        ({"phase_04_registry_man_reg_version": "one"}, "phase_04_registry_man_reg_version"),
        ({"phase_03_eval_opt_limit": 0}, "phase_03_eval_opt_limit: expected -1 for all"),
        ({"phase_02_train_opt_save_final": False}, "train: "),
        (
            {"phase_02_train_man_train_model": "champion"},
            "set attributes.base_model in defs.yaml",
        ),
        (
            {"phase_02_train_man_train_epochs": 0, "phase_03_eval_opt_limit": 0},
            "(?s)phase_02_train_man_train_epochs.*phase_03_eval_opt_limit",
        ),
    ],
)
def test_a_wrong_value_makes_no_run(
    job: dg.JobDefinition, instance: dg.DagsterInstance, values: dict[str, Any], expected: str
) -> None:
    with pytest.raises(dg.DagsterConfigMappingFunctionError) as refused:
        job.execute_in_process(instance=instance, run_config=values)

    assert isinstance(refused.value.__cause__, ConfigError)
    with pytest.raises(ConfigError, match=expected):
        raise refused.value.__cause__
    assert instance.get_runs_count() == 0


@pytest.mark.parametrize(
    "values",
    [
        {"phase_02_train_man_train_epochs": "three"},
        {"phase_02_train_man_train_epoch": 3},
        {"phase_02_train_opt_use_liger": "yes"},
        {"phase_02_train_opt_lr_scheduler": "sine"},
        {"ops": {"osft__dataset": {"config": {"subset": 1}}}},
    ],
)
def test_a_wrong_type_or_name_makes_no_run(
    job: dg.JobDefinition, instance: dg.DagsterInstance, values: dict[str, Any]
) -> None:
    with pytest.raises((dg.DagsterInvalidConfigError, dg.DagsterConfigMappingFunctionError)):
        job.execute_in_process(instance=instance, run_config=values)

    assert instance.get_runs_count() == 0


def test_an_empty_address_makes_no_run(workspace: Workspace, instance: dg.DagsterInstance) -> None:
    job = _job(workspace, _recipe(dataset={}))

    with pytest.raises(ConfigError, match="data_uri is empty"):
        job.execute_in_process(instance=instance)

    assert instance.get_runs_count() == 0


@pytest.mark.parametrize(
    "values",
    [
        {"phase_01_dataset_opt_hf_token": "hf_hunter2"},
        {"phase_01_dataset_opt_hf_token": "hunter2"},
        {"phase_02_train_opt_hf_token": "hf_hunter2hunter2"},
        {"phase_02_train_opt_hf_token": {"secret": "hunter2"}},
        {"phase_02_train_opt_hf_token": ["hunter2"]},
        {"phase_01_dataset_man_data_uri": "https://bob:hunter2@example.org/rows.jsonl"},
        {"phase_01_dataset_man_data_uri": {"uri": "https://bob:hunter2@example.org/rows.jsonl"}},
        {"phase_02_train_opt_env_vars": "HF_TOKEN=hunter2"},
        {"phase_02_train_opt_env_vars": {"MY_SECRET": "hunter2"}},
        {"phase_02_train_opt_env_vars": ["MY_SECRET=hunter2"]},
        {"phase_02_train_opt_annotations": "note=hf_hunter2hunter2"},
        {"phase_04_registry_opt_description": "with hf_hunter2hunter2"},
        {"phase_04_registry_man_address": "https://bob:hunter2@registry.example"},
        {"phase_03_eval_opt_model_args": {"token": "hf_hunter2hunter2"}},
    ],
)
def test_a_pasted_credential_makes_no_run_and_is_not_repeated(
    job: dg.JobDefinition, instance: dg.DagsterInstance, values: dict[str, Any]
) -> None:
    with pytest.raises(dg.DagsterError) as refused:
        job.execute_in_process(instance=instance, run_config=values)

    assert "hunter2" not in _told(refused.value)
    assert instance.get_runs_count() == 0


@pytest.mark.parametrize("value", ["MY_TOKEN", {"env": "MY_TOKEN"}])
def test_a_token_is_given_by_the_name_of_its_variable(
    workspace: Workspace, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "hunter2")
    source = FakeSource([])
    job = _job(workspace, _recipe(), dataset_source=source)

    job.execute_in_process(
        run_config={"phase_01_dataset_opt_hf_token": value}, raise_on_error=False
    )

    assert source.recipes[0].hf_token == "MY_TOKEN"


def test_an_empty_token_is_the_old_default(job: dg.JobDefinition) -> None:
    values = {"phase_01_dataset_opt_hf_token": ""}

    assert job.execute_in_process(run_config=values, asset_selection=_UP_TO_TRAINING).success


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ()),
        ({"phase_02_train_opt_cpu": "8", "phase_02_train_man_train_workers": 1}, ()),
        ({"phase_02_train_opt_cpu": 16}, ("cpu",)),
        ({"phase_02_train_opt_labels": "team=a"}, ("labels",)),
        ({"phase_02_train_man_train_workers": 2}, ("workers",)),
        ({"phase_02_train_opt_use_liger": False}, ("use_liger",)),
    ],
)
def test_only_what_was_set_on_purpose_counts_as_asked(
    job: dg.JobDefinition, trainer: FakeTrainer, values: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """What needs Kubernetes is refused then, and noted where it is only the default."""
    assert job.execute_in_process(run_config=values, asset_selection=_UP_TO_TRAINING).success

    assert trainer.jobs[0].asked == expected


def test_the_run_keeps_the_flat_names(job: dg.JobDefinition, instance: dg.DagsterInstance) -> None:
    values = {"phase_02_train_man_train_epochs": 2}

    done = job.execute_in_process(instance=instance, run_config=values)

    run = instance.get_run_by_id(done.run_id)
    assert run is not None
    assert run.run_config == values


def test_some_of_the_assets_can_be_launched_alone(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    job = _job(workspace, _recipe(dataset={}))
    key = dg.AssetKey(["osft", "base_model"])

    done = job.execute_in_process(
        instance=instance,
        run_config={"phase_02_train_man_train_epochs": 2, "phase_02_train_man_train_model": "a/b"},
        asset_selection=[key],
    )

    assert done.success
    assert {event.asset_key for event in done.get_asset_materialization_events()} == {key}


def test_a_pipeline_that_starts_from_another_takes_no_base_model() -> None:
    mapping = flat_mapping(_recipe(start_from="first"))

    assert mapping is not None
    names = set(mapping.config_schema.config_type.fields)  # type: ignore[union-attr]
    assert "phase_02_train_opt_seed" in names
    assert not {"phase_02_train_man_train_model", "base_model"} & names


@pytest.mark.parametrize(
    ("name", "algorithm"), [("mine", "osft"), ("osft", "sft"), ("sft", "osft")]
)
def test_other_pipelines_take_the_run_config_of_dagster(name: str, algorithm: str) -> None:
    assert flat_mapping(_recipe(name, algorithm)) is None


def test_the_launchpad_shows_the_values_of_the_file() -> None:
    recipe = _recipe("sft", "sft", train={"num_epochs": 7}, registry={"reg_author": "ann"})

    mapping = flat_mapping(recipe)

    assert mapping is not None
    fields = mapping.config_schema.config_type.fields  # type: ignore[union-attr]
    assert fields["phase_02_train_man_epochs"].default_value == 7
    assert fields["phase_04_registry_man_author"].default_value == "ann"
    assert fields["phase_04_registry_man_name"].default_value == "sft-model"


def test_what_is_dagsters_own_is_passed_on(job: dg.JobDefinition) -> None:
    loggers = {"console": {"config": {"log_level": "CRITICAL"}}}

    config = {"loggers": loggers}

    assert job.execute_in_process(run_config=config, asset_selection=_UP_TO_TRAINING).success


def test_a_registry_given_for_one_run_is_looked_at_before_training(
    job: dg.JobDefinition, trainer: FakeTrainer
) -> None:
    """Its servers could not load a model from a directory of this machine."""
    values = {"phase_04_registry_man_address": "https://registry.example"}

    done = job.execute_in_process(run_config=values, raise_on_error=False)

    assert not done.success
    assert trainer.jobs == []


_ROOT = "OSFT_TEST_ROOT"


class _TrainerToMend(FakeTrainer):
    """Fails until there is a file."""

    def train(self, job: TrainingJob, watch: TrainingWatch) -> TrainingOutcome:
        mended = (Path(os.environ[_ROOT]) / "mended").exists()
        self.fails = None if mended else TrainingError("no memory")
        return super().train(job, watch)


def failing_job() -> dg.JobDefinition:
    """Dagster makes it anew, and keeps it."""
    space = Workspace(Path(os.environ[_ROOT]) / "space")
    resources = fake_resources(space, trainer=_TrainerToMend())
    defs = dg.Definitions(resources=resources, executor=dg.in_process_executor)
    return dg.Definitions.merge(build_pipeline(_recipe()), defs).resolve_job_def("osft_pipeline")


def test_a_failed_run_goes_on_with_the_same_flat_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_ROOT, str(tmp_path))
    values = {"phase_02_train_man_train_epochs": 3}
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        with dg.execute_job(
            dg.reconstructable(failing_job),
            instance=instance,
            run_config=values,
            raise_on_error=False,
        ) as first:
            assert not first.success
        (tmp_path / "mended").touch()
        again = dg.ReexecutionOptions.from_failure(first.run_id, instance)
        with dg.execute_job(
            dg.reconstructable(failing_job), instance=instance, reexecution_options=again
        ) as second:
            assert second.success

        run = instance.get_run_by_id(second.run_id)
    assert run is not None
    assert run.run_config == values
    trained = tmp_path / "space/osft/final_model"
    assert '"num_epochs": 3' in (trained.resolve().parent / "checkpoint.json").read_text()


_CODE = """
from pathlib import Path
import dagster as dg
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.workspace import Workspace
from osft_assets.pipeline import build_pipeline
from tests.fakes import FakeTrainer, fake_resources

recipe = PipelineRecipe.model_validate({told})
defs = dg.Definitions.merge(
    build_pipeline(recipe),
    dg.Definitions(
        resources=fake_resources(Workspace(Path({root!r}))), executor=dg.in_process_executor
    ),
)
"""
_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId runConfigYaml } }
    ... on PythonError { message causes { message } stack errorChain { error { message stack } } }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""


class _Webserver:
    """The UI's own server, in this process."""

    def __init__(self, directory: Path) -> None:
        from dagster._core.workspace.context import WorkspaceProcessContext
        from dagster._core.workspace.load_target import PythonFileTarget
        from dagster_webserver.webserver import DagsterWebserver
        from starlette.testclient import TestClient

        code = directory / "flat_definitions.py"
        code.write_text(_CODE.format(told=_recipe().model_dump(), root=str(directory / "space")))
        self.instance = dg.DagsterInstance.local_temp(str(directory))
        target = PythonFileTarget(str(code), None, str(Path(__file__).parents[1]), "here")
        self.context = WorkspaceProcessContext(self.instance, target, version="")
        self.context.__enter__()
        self.client = TestClient(DagsterWebserver(self.context).create_asgi_app())

    def launch(self, config: dict[str, Any]) -> dict[str, Any]:
        selector = {
            "repositoryLocationName": "here",
            "repositoryName": "__repository__",
            "pipelineName": "osft_pipeline",
        }
        params = {"selector": selector, "runConfigData": json.dumps(config), "mode": "default"}
        asked = {"query": _LAUNCH, "variables": {"params": params}}
        answer = self.client.post("/graphql", json=asked).json()
        found: dict[str, Any] = answer["data"]["launchPipelineExecution"]
        return found

    def close(self) -> None:
        self.context.__exit__(None, None, None)
        self.instance.dispose()


@pytest.fixture(scope="module")
def webserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Webserver]:
    server = _Webserver(tmp_path_factory.mktemp("webserver"))
    yield server
    server.close()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"phase_02_train_man_train_epochs": 0}, "phase_02_train_man_train_epochs: Input should"),
        ({"phase_02_train_opt_env_vars": "X"}, "phase_02_train_opt_env_vars: item 1 has no KEY="),
        ({"phase_02_train_man_train_epochs": "three"}, "phase_02_train_man_train_epochs"),
        ({"phase_02_train_man_epochs": 3}, 'config entry \\"phase_02_train_man_epochs'),
        (
            {"phase_01_dataset_opt_hf_token": "hf_hunter2hunter2"},
            "expected the name of an environment variable",
        ),
        ({"phase_02_train_opt_hf_token": {"secret": "hunter2"}}, "pod.env_secrets"),
        ({"phase_02_train_opt_env_vars": "HF_TOKEN=hunter2"}, "HF_TOKEN looks like a secret"),
        (
            {"phase_01_dataset_man_data_uri": "https://bob:hunter2@example.org/rows.jsonl"},
            "phase_01_dataset_man_data_uri",
        ),
    ],
)
def test_the_ui_refuses_to_launch_what_is_wrong(
    webserver: _Webserver, values: dict[str, Any], expected: str
) -> None:
    answer = webserver.launch(values)

    assert answer["__typename"] in ("PythonError", "RunConfigValidationInvalid")
    assert expected in json.dumps(answer)
    assert "hunter2" not in json.dumps(answer)
    assert webserver.instance.get_runs_count() == 0
