"""Our dataset stage: all that the asset does, without Dagster."""

from pathlib import Path

from benchmarks.contenders import Counts
from osft_assets.core.dataset import DatasetStage
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.workspace import Workspace
from resources.dataset_sources import DatasetSources


def run(rows: Path, directory: Path) -> Counts:
    """Find the source, prepare it and publish a version."""
    workspace = Workspace(directory)
    stage = DatasetStage(PipelineRecipe(name="benchmark"), workspace, DatasetSources(workspace))
    recipe = DatasetRecipe(data_uri=str(rows), on_invalid="skip")
    counts = stage.run(recipe, lambda _: None).version.counts
    return Counts(counts.read, counts.invalid, counts.duplicate, counts.train + counts.holdout)
