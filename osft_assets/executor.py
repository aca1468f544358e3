"""How the steps of a run, and those of several, share this machine."""

import dagster as dg

from osft_assets.core.recipes.pipeline import PipelineRecipe

# Steps that fill a GPU or all cores carry this tag: one of them at a time. Two models in one GPU's
# memory are one too many, and on a laptop two computations only slow each other down.
COMPUTES = "osft/computes"
# They wait for each other in other runs too, where Dagster is told how many may compute at a time:
# concurrency.pools in deployment/dagster.local.yaml. The tag alone is for one run.
GPU_POOL = "gpu"


def pool(pipeline: PipelineRecipe) -> str | None:
    """Where its steps that compute take their turn. Nowhere with `pod: {gpu: 0}`: like the demo, it
    is for a CPU whatever the machine has, and small.
    """
    return GPU_POOL if pipeline.pod.gpu else None


local_executor = dg.multiprocess_executor.configured(
    {"tag_concurrency_limits": [{"key": COMPUTES, "limit": 1}]}
)
