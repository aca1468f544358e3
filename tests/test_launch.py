"""What happens before a run exists: wrong values make none, and credentials are never stored."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.workspace import Workspace
from osft_assets.pipeline import build_pipeline
from tests.fakes import fake_resources


@pytest.fixture
def job(workspace: Workspace) -> dg.JobDefinition:
    recipe = PipelineRecipe(
        name="mine", dataset=DatasetRecipe(data_uri="pvc://rows.jsonl"), defined_in="defs.yaml"
    )
    resources = fake_resources(workspace)
    defs = dg.Definitions.merge(build_pipeline(recipe), dg.Definitions(resources=resources))
    return defs.resolve_job_def("mine_pipeline")


def _config(**values: Any) -> dict[str, Any]:
    return {"ops": {"mine__dataset": {"config": values}}}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"data_uri": ""}, "data_uri is empty: .* Set attributes.dataset.data_uri in"),
        ({"data_split": 0.0}, "data_split: Input should be greater than 0"),
        ({"data_split": -1.0}, "data_split: Input should be greater than 0"),
        ({"data_split": 1.5}, "data_split: Input should be less than or equal to 1"),
        ({"subset": -1}, "subset"),
        ({"data_uri": "HF://org/name"}, "Schemes are lower case: hf://"),
        ({"data_uri": "gs://bucket/rows"}, "has the scheme 'gs'"),
        ({"data_uri": "pvc://../secret.jsonl"}, "leaves the workspace"),
        ({"split": "test"}, "split is for Hugging Face datasets"),
    ],
)
def test_a_wrong_value_makes_no_run(
    job: dg.JobDefinition, values: dict[str, Any], expected: str
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(ConfigError, match=expected):
            job.execute_in_process(instance=instance, run_config=_config(**values))

        assert instance.get_runs_count() == 0


@pytest.mark.parametrize(
    "values",
    [
        {"data_uri": "https://bob:hunter2@example.org/rows.jsonl"},
        {"data_uri": "https://example.org/rows.jsonl?X-Amz-Signature=hunter2&X-Amz-Expires=60"},
        {"data_uri": "s3://key:hunter2@bucket/rows.jsonl"},
        {"data_uri": "env:hunter2-is-no-name"},
        {"data_uri": "hf://bob:hunter2@org/name"},
        {"hf_token": "hf_hunter2"},
        {"data_uri": "pvc://x", "s3_endpoint_url": "http://bob:hunter2@minio:9000"},
    ],
)
def test_a_pasted_credential_makes_no_run_and_is_not_repeated(
    job: dg.JobDefinition, values: dict[str, Any]
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(ConfigError) as refused:
            job.execute_in_process(instance=instance, run_config=_config(**values))

        assert "hunter2" not in str(refused.value)
        assert instance.get_runs_count() == 0


@pytest.mark.parametrize(
    "values", [{"data_split": None}, {"split": {"env": "HF_TOKEN"}}, {"subset": {"env": "SHLVL"}}]
)
def test_nothing_stands_for_a_value(job: dg.JobDefinition, values: dict[str, Any]) -> None:
    """Dagster would resolve `{env: NAME}` itself, and a secret would end in the records."""
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(dg.DagsterInvalidConfigError):
            job.execute_in_process(instance=instance, run_config=_config(**values))

        assert instance.get_runs_count() == 0


def test_a_misspelled_setting_makes_no_run(job: dg.JobDefinition) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(dg.DagsterInvalidConfigError, match='config entry "data_spilt"'):
            job.execute_in_process(instance=instance, run_config=_config(data_spilt=0.5))

        assert instance.get_runs_count() == 0


def test_the_launchpad_shows_the_values_of_the_yaml_file(job: dg.JobDefinition) -> None:
    from dagster._core.remote_representation.external_data import JobDataSnap

    schema = JobDataSnap.from_job_def(job, include_parent_snapshot=True)

    assert "pvc://rows.jsonl" in str(schema)


def test_a_good_value_reaches_the_step(job: dg.JobDefinition, tmp_path: Path) -> None:
    result = job.execute_in_process(run_config=_config(subset=20, data_split=0.5))

    assert result.success
    counts = (tmp_path / "workspace/mine/datasets/dataset.json").read_text()
    assert '"read": 20' in counts
