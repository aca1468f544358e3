"""How the steps of a run, and those of several, share this machine."""

from typing import Any

import dagster as dg

from osft_assets.core.recipes.pipeline import PipelineRecipe

# Steps that fill a GPU or all cores carry this tag: one of them at a time. Two models in one GPU's
# memory are one too many, and on a laptop two computations only slow each other down.
COMPUTES = "osft/computes"
# They wait for each other in other runs too, where Dagster is told how many may compute at a time:
# concurrency.pools in deployment/dagster.local.yaml. The tag alone is for one run.
GPU_POOL = "gpu"


def computing(pipeline: PipelineRecipe) -> dict[str, Any]:
    """What an asset of it that computes is made with. With `pod: {gpu: 0}` it waits for no other
    run: like the demo, it is for a CPU whatever the machine has, and small.
    """
    return {"op_tags": {COMPUTES: "yes"}, "pool": GPU_POOL if pipeline.pod.gpu else None}


local_executor = dg.multiprocess_executor.configured(
    {"tag_concurrency_limits": [{"key": COMPUTES, "limit": 1}]}
)
