"""The claims about a checkpoint. `core.training_claims` judges; the files are read anew."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from osft_assets.checks.answers import answer, selected, specifications
from osft_assets.core.checkpoint import MODEL, CheckpointRecord, read_version
from osft_assets.core.ports import ModelInspector
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.training_claims import WARNINGS, claims_of, judge
from osft_assets.retries import retried


def training_checks(pipeline: PipelineRecipe) -> dg.AssetChecksDefinition:
    """The claims about the checkpoint of one pipeline."""
    asset = dg.AssetKey([pipeline.name, "checkpoint"])
    claims = claims_of(pipeline.algorithm)

    @dg.multi_asset_check(
        name=f"{pipeline.name}__checkpoint_checks",
        specs=specifications(asset, claims, WARNINGS),
        ins={"checkpoint": dg.AssetIn(asset)},
        can_subset=True,
    )
    @retried(pipeline.retry)
    def checkpoint_checks(
        context: dg.AssetCheckExecutionContext,
        checkpoint: CheckpointRecord,
        model_inspector: dg.ResourceParam[ModelInspector],
    ) -> Iterator[dg.AssetCheckResult]:
        directory = Path(checkpoint.version_path)
        version = read_version(directory)
        verdicts = judge(directory, version, model_inspector.inspect(directory / MODEL))
        results = [
            answer(
                dg.AssetCheckKey(asset, name),
                verdicts[name].passed,
                verdicts[name].seen,
                "" if verdicts[name].passed else verdicts[name].remedy,
                warns=name in WARNINGS,
            )
            for name in claims
        ]
        yield from selected(context, results)

    return checkpoint_checks
