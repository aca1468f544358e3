"""The gate: the blocking claims about a forgetting report. They were judged when it was made."""

from collections.abc import Iterator

import dagster as dg

from osft_assets.checks.answers import answer, selected, specifications
from osft_assets.core.forgetting import ForgettingReport
from osft_assets.core.gate_claims import CLAIMS
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.retries import retried


def gate_checks(pipeline: PipelineRecipe) -> dg.AssetChecksDefinition:
    """The claims about the report of one pipeline."""
    asset = dg.AssetKey([pipeline.name, "forgetting_report"])

    @dg.multi_asset_check(
        name=f"{pipeline.name}__gate",
        specs=specifications(asset, CLAIMS),
        ins={"forgetting_report": dg.AssetIn(asset)},
        can_subset=True,
    )
    @retried(pipeline.retry)
    def gate(
        context: dg.AssetCheckExecutionContext, forgetting_report: ForgettingReport
    ) -> Iterator[dg.AssetCheckResult]:
        results = [
            answer(
                dg.AssetCheckKey(asset, claim.name),
                claim.passed,
                {"checkpoint": forgetting_report.checkpoint_fingerprint},
                claim.reason,
                warns=not claim.blocks,
            )
            for claim in forgetting_report.claims
        ]
        yield from selected(context, results)

    return gate
