"""The training asset with all its checks, through Dagster."""

import json
import sys
from pathlib import Path

import dagster as dg

from benchmarks.training_contenders import DEMO, SETTINGS, UNFREEZE
from osft_assets.core.checkpoint import read_version
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.workspace import Workspace
from osft_assets.pipeline import build_pipeline
from resources.dataset_sources import DatasetSources
from resources.model_inspector import ModelFiles
from resources.model_sources import ModelSources
from resources.record_io import RecordIOManager
from resources.training_process import TrainingProcess


def main(algorithm: str, epochs: int, directory: Path) -> None:
    """Materialize the whole pipeline."""
    workspace = Workspace(directory)
    own = {"unfreeze_rank_ratio": UNFREEZE} if algorithm == "osft" else {}
    pipeline = PipelineRecipe(
        name="mine",
        algorithm=algorithm,
        dataset={"data_uri": str(DEMO / "new_facts.jsonl")},
        base_model={"base_model": str(DEMO / "model")},
        train={**SETTINGS, **own, "num_epochs": epochs},
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
    with dg.DagsterInstance.local_temp(str(directory)) as instance:
        run = defs.resolve_job_def("mine_pipeline").execute_in_process(instance=instance)
    version = read_version(Path(run.asset_value(["mine", "checkpoint"]).version_path))
    print(json.dumps({"steps": version.summary.steps, "loss": version.summary.final_loss}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
