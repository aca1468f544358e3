"""How the assets of a pipeline are found and judged in the UI: owners, tags, and what is good.

What an asset is, its description says beside it; what was made of it, its metadata.
"""

from collections.abc import Sequence
from typing import NamedTuple

import dagster as dg

from osft_assets.core.recipes.pipeline import PipelineRecipe


class _Label(NamedTuple):
    stage: str
    good: str  # how one sees that it is
    page: str  # of docs/


_LABELS = {
    "base_model": _Label(
        "model",
        "Good when its checks are green: all files and weights are there, and finite.",
        "models",
    ),
    "train_split": _Label(
        "dataset", "Good when its checks are green; `preview` shows the first rows.", "data"
    ),
    "holdout_split": _Label(
        "dataset", "Good when its check is green; too few rows measure little.", "data"
    ),
    "checkpoint": _Label(
        "training",
        "Its checks tell whether the training went well; whether the model is good, "
        "`forgetting_report`.",
        "training",
    ),
    "training_metrics": _Label(
        "training",
        "While it trains, *Events* and *Plots* show the loss; it should fall and then level off.",
        "training",
    ),
    "base_scores": _Label(
        "evaluation", "What `scores` is compared with: neither good nor bad.", "evaluation"
    ),
    "scores": _Label(
        "evaluation", "`forgetting_report` compares them with `base_scores`.", "evaluation"
    ),
    "champion_scores": _Label(
        "evaluation", "`forgetting_report` shows them; they decide nothing.", "evaluation"
    ),
    "forgetting_report": _Label(
        "evaluation",
        "Its checks are the gate: a red one keeps the checkpoint out of the registry. `summary` "
        "tells why.",
        "gate",
    ),
    "registry_entry": _Label(
        "registry", "Good when its checks are green: the registry has what was judged.", "registry"
    ),
    "champion": _Label(
        "registry",
        "`verdict` is the gate's on this version; `osft-assets rollback` undoes.",
        "registry",
    ),
}


def labelled(
    assets: Sequence[dg.AssetsDefinition], pipeline: PipelineRecipe
) -> list[dg.AssetsDefinition]:
    """The assets of one pipeline, with what is said of all of them."""

    def label(spec: dg.AssetSpec) -> dg.AssetSpec:
        stage, good, page = _LABELS[spec.key.path[-1]]
        ours = {
            "osft/pipeline": pipeline.name,
            "osft/algorithm": pipeline.algorithm,
            "osft/stage": stage,
        }
        return spec.replace_attributes(
            description=f"{spec.description}\n\n{good} More: `docs/{page}.md`.",
            owners=list(pipeline.owners),
            tags={**spec.tags, **pipeline.tags, **ours},
        )

    return [asset.map_asset_specs(label) for asset in assets]
