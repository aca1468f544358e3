"""How the steps of a run, and those of several, share this machine."""

from typing import Any

import dagster as dg

from osft_assets.core.recipes.pod import StepPodRecipe

# What OSFT_EXECUTOR may be; the last is `osft_assets.kubernetes`.
EXECUTORS = ("multiprocess", "in_process", "k8s")
# Steps that fill a GPU or all cores carry this tag: one of them at a time. Two models in one GPU's
# memory are one too many, and on a laptop two computations only slow each other down.
COMPUTES = "osft/computes"
# They wait for each other in other runs too, where Dagster is told how many may compute at a time:
# concurrency.pools in deployment/dagster.local.yaml. The tag alone is for one run, and with k8s
# for nothing but the image: a pod has what it asks for to itself.
GPU_POOL = "gpu"


def computing(pod: StepPodRecipe) -> dict[str, Any]:
    """What an asset that computes in such a pod is made with. With `gpu: 0` it waits for no other
    run: like the demo, it is for a CPU whatever the machine has, and small.
    """
    return {"op_tags": {COMPUTES: "yes"}, "pool": GPU_POOL if pod.gpu else None}


local_executor = dg.multiprocess_executor.configured(
    {"tag_concurrency_limits": [{"key": COMPUTES, "limit": 1}]}
)
