"""Who waits for whom on one machine."""

from pathlib import Path

import dagster as dg
import yaml

from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.executor import COMPUTES, GPU_POOL
from osft_assets.pipeline import build_pipeline

SETTINGS = Path(__file__).parent.parent / "deployment/dagster.local.yaml"


def test_whatever_computes_is_in_the_pool_and_nothing_else_is() -> None:
    assets = build_pipeline(PipelineRecipe(name="mine", defined_in="a")).assets or ()
    ops = [asset.op for asset in assets if isinstance(asset, dg.AssetsDefinition)]

    in_pool = {op.name for op in ops if op.pool == GPU_POOL}

    assert in_pool == {op.name for op in ops if COMPUTES in op.tags}
    assert in_pool == {
        "mine__training",
        "mine__base_scores",
        "mine__scores",
        "mine__champion_scores",
    }


def test_what_asks_for_no_gpu_waits_for_no_other_run() -> None:
    pipeline = PipelineRecipe(name="mine", pod={"gpu": 0}, defined_in="a")
    assets = build_pipeline(pipeline).assets or ()

    assert {asset.op.pool for asset in assets if isinstance(asset, dg.AssetsDefinition)} == {None}


def test_on_one_machine_the_steps_of_all_runs_compute_one_at_a_time() -> None:
    with dg.instance_for_test(overrides=yaml.safe_load(SETTINGS.read_text())) as instance:
        slots = instance.event_log_storage
        slots.initialize_concurrency_limit_to_default(GPU_POOL)

        assert slots.claim_concurrency_slot(GPU_POOL, "one run", "training").is_claimed
        assert not slots.claim_concurrency_slot(GPU_POOL, "another", "training").is_claimed
