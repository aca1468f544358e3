"""How the assets of a pipeline are sorted and found in the UI: their owners and tags.

What a page tells of its asset is beside the asset.
"""

from collections.abc import Sequence

import dagster as dg

from osft_assets.core.recipes.pipeline import PipelineRecipe

_STAGES = {
    "base_model": "model",
    "train_split": "dataset",
    "holdout_split": "dataset",
    "checkpoint": "training",
    "training_metrics": "training",
    "base_scores": "evaluation",
    "scores": "evaluation",
    "champion_scores": "evaluation",
    "forgetting_report": "evaluation",
    "registry_entry": "registry",
    "champion": "registry",
}


def labelled(
    assets: Sequence[dg.AssetsDefinition], pipeline: PipelineRecipe
) -> list[dg.AssetsDefinition]:
    """The assets of one pipeline, with what its file says of all of them."""

    def label(spec: dg.AssetSpec) -> dg.AssetSpec:
        ours = {
            "osft/pipeline": pipeline.name,
            "osft/algorithm": pipeline.algorithm,
            "osft/stage": _STAGES[spec.key.path[-1]],
        }
        return spec.replace_attributes(
            owners=list(pipeline.owners), tags={**spec.tags, **pipeline.tags, **ours}
        )

    return [asset.map_asset_specs(label) for asset in assets]
