"""`forgetting_report`: what the training taught and what it cost, and the verdict.

The work is `core.forgetting_report`; its blocking checks are `osft_assets.checks.gate`.
"""

from typing import Any

import dagster as dg

from osft_assets.config import launch_schema, parse_config
from osft_assets.core.checkpoint import CheckpointRecord
from osft_assets.core.forgetting import ForgettingReport
from osft_assets.core.forgetting_charts import report_charts
from osft_assets.core.forgetting_report import ReportStage, report_path
from osft_assets.core.forgetting_summary import summary
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.score_tables import champion_table, comparison_table
from osft_assets.core.scores import ChampionScores, ScoresRecord
from osft_assets.core.workspace import Workspace
from osft_assets.retries import retried


def forgetting_report_asset(pipeline: PipelineRecipe) -> dg.AssetsDefinition:
    """The report on the checkpoint of one pipeline."""
    name = pipeline.name

    @dg.multi_asset(
        name=f"{name}__forgetting_report",
        group_name=name,
        ins={
            upstream: dg.AssetIn([name, upstream])
            for upstream in ("base_scores", "scores", "champion_scores", "checkpoint")
        },
        outs={
            "forgetting_report": dg.AssetOut(
                key=[name, "forgetting_report"],
                dagster_type=ForgettingReport,
                description=(
                    "What was learned and what was forgotten, with error bars, and whether that "
                    f"is good enough. Set the limits in `{pipeline.defined_in}`."
                ),
                kinds={"report"},
            )
        },
        config_schema=launch_schema(pipeline.gate),
    )
    @retried(pipeline.retry)
    def forgetting_report(  # noqa: PLR0913 - Dagster gives each by its name
        context: dg.AssetExecutionContext,
        base_scores: ScoresRecord,
        scores: ScoresRecord,
        champion_scores: ChampionScores,
        checkpoint: CheckpointRecord,
        workspace: dg.ResourceParam[Workspace],
    ) -> dg.MaterializeResult[ForgettingReport]:
        policy = parse_config(GateRecipe, context.op_execution_context.op_config)
        stage = ReportStage(name, workspace)
        champion = champion_scores if policy.champion else None
        report = stage.run(base_scores, scores, checkpoint, policy, champion)
        context.log.info(summary(report))
        return dg.MaterializeResult(
            value=report,
            data_version=dg.DataVersion(report.fingerprint),
            metadata=_metadata(report, pipeline, workspace),
        )

    return forgetting_report


def _metadata(
    report: ForgettingReport, pipeline: PipelineRecipe, workspace: Workspace
) -> dict[str, Any]:
    path = report_path(workspace, report.pipeline, report.checkpoint_fingerprint)
    numbers = {"retention": report.retention, "backward_transfer": report.backward_transfer}
    return {
        "summary": dg.MetadataValue.md(summary(report)),
        "comparison": dg.MetadataValue.md(comparison_table(report)),
        **_champion(report),
        "charts": dg.MetadataValue.md(report_charts(report)),
        "verdict": report.verdict,
        "blocked_by": ", ".join(report.blocked_by) or "nothing",
        **{key: value for key, value in numbers.items() if value is not None},
        "base": report.base_uri,
        "checkpoint": report.checkpoint_fingerprint,
        "page": dg.MetadataValue.path(str(path.with_suffix(".html"))),
        "report": dg.MetadataValue.path(str(path)),
        "policy": report.policy,
        "defined_in": pipeline.defined_in,
        **{f"difference/{each.task}": each.difference.value for each in report.comparisons},
        "dagster/row_count": len(report.comparisons),
    }


def _champion(report: ForgettingReport) -> dict[str, Any]:
    """Nothing while there is none, or it is this very model."""
    champion = report.champion
    if champion is None:
        return {}
    return {
        "against_champion": dg.MetadataValue.md(champion_table(champion)),
        "champion": f"{champion.name} {champion.version}",
    }
