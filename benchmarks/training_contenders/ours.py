"""The training asset with all its checks, through Dagster."""

import sys
from pathlib import Path

import dagster as dg

from benchmarks.training_contenders import Work, figures, read_work
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.training_steps import Step
from osft_assets.core.workspace import Workspace
from osft_assets.pipeline import build_pipeline
from resources.dataset_sources import DatasetSources
from resources.model_inspector import ModelFiles
from resources.model_sources import ModelSources
from resources.record_io import RecordIOManager
from resources.training_process import TrainingProcess


def main(work: Work) -> None:
    """Materialize the whole pipeline."""
    workspace = Workspace(Path(work.directory))
    pipeline = PipelineRecipe(
        name="mine",
        algorithm=work.algorithm,
        dataset={"data_uri": work.rows},
        base_model={"base_model": work.model},
        train={**work.settings, "num_epochs": work.num_epochs},
    )
    resources = {
        "workspace": workspace,
        "dataset_source": DatasetSources(workspace),
        "model_source": ModelSources(workspace),
        "model_inspector": ModelFiles(),
        "trainer": TrainingProcess(),
        "io_manager": RecordIOManager(workspace),
    }
    defs = dg.Definitions.merge(build_pipeline(pipeline), dg.Definitions(resources=resources))
    with dg.DagsterInstance.local_temp(work.directory) as instance:
        run = defs.resolve_job_def("mine_pipeline").execute_in_process(instance=instance)
    print(figures(_steps(run.asset_value(["mine", "training_metrics"]).path)))


def _steps(path: str) -> list[Step]:
    from pyarrow import parquet

    return [Step(**row) for row in parquet.read_table(path).to_pylist()]


if __name__ == "__main__":
    main(read_work(sys.argv[1]))
