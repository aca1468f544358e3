"""What runs a pipeline without a click: its schedule, its sensors, its automation conditions.

All of it is stopped until somebody starts it. Whether data is new is `core.new_data`; failed runs
are told of in `osft_assets.failures`; how to use all this is docs/automation.md.
"""

import time
from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from osft_assets.core.errors import ConfigError
from osft_assets.core.new_data import look
from osft_assets.core.ports import DatasetSource
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.workspace import Workspace

# What new rows make out of date. base_scores too: the holdout that it was asked changes with them.
_FOLLOWS_NEW_ROWS = (
    "checkpoint",
    "training_metrics",
    "base_scores",
    "scores",
    "champion_scores",
    "forgetting_report",
    "registry_entry",
)
_WHATEVER_RUNS = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED)


def schedules(pipeline: PipelineRecipe) -> list[dg.ScheduleDefinition]:
    """The schedule of one pipeline, if its file asks for one."""
    recipe, job = pipeline.schedule, f"{pipeline.name}_pipeline"
    if not recipe.cron:
        return []

    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        waiting = dg.RunsFilter(
            job_name=job,
            statuses=list(_WHATEVER_RUNS),
            tags={"dagster/schedule_name": f"{pipeline.name}_schedule"},
        )
        if runs := context.instance.get_runs(waiting, limit=1):
            return dg.SkipReason(f"The run before this one, {runs[0].run_id}, has not begun yet.")
        return dg.RunRequest()

    try:
        schedule = dg.ScheduleDefinition(
            name=f"{pipeline.name}_schedule",
            job_name=job,
            cron_schedule=recipe.cron,
            execution_timezone=recipe.timezone,
            execution_fn=tick,
            default_status=dg.DefaultScheduleStatus.STOPPED,
            description=f"Everything of {pipeline.name}, as {pipeline.defined_in} says. What is "
            "unchanged is reused.",
        )
    except dg.DagsterInvalidDefinitionError:
        raise ConfigError(
            f"{pipeline.defined_in}: attributes.schedule.cron: no such time. Expected five fields "
            "(minute, hour, day, month, weekday) such as '0 3 * * 1', or @daily"
        ) from None
    return [schedule]


def sensors(pipeline: PipelineRecipe) -> list[dg.SensorDefinition]:
    """What watches the source and the prepared rows of one pipeline, if its file asks for it."""
    if not pipeline.retrain_on_new_data.enabled:
        return []
    return [_new_data(pipeline), _new_rows(pipeline)]


def _new_data(pipeline: PipelineRecipe) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{pipeline.name}_new_data",
        job_name=f"{pipeline.name}_pipeline",
        minimum_interval_seconds=60 * pipeline.retrain_on_new_data.every_minutes,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Asks the source for its revision; runs everything when it is another one.",
    )
    def new_data(
        context: dg.SensorEvaluationContext,
        workspace: dg.ResourceParam[Workspace],
        dataset_source: dg.ResourceParam[DatasetSource],
    ) -> dg.RunRequest | dg.SkipReason:
        found = look(pipeline, workspace, dataset_source, context.cursor, int(time.time()))
        context.update_cursor(found.seen.model_dump_json())
        if not found.is_new:
            return dg.SkipReason(f"{found.source.uri} is unchanged: {found.source.revision}")
        tags = {"osft/source_revision": found.source.revision}
        return dg.RunRequest(run_key=found.seen.key, tags=tags)

    return new_data


def _new_rows(pipeline: PipelineRecipe) -> dg.SensorDefinition:
    return dg.AutomationConditionSensorDefinition(
        f"{pipeline.name}_new_rows",
        target=dg.AssetSelection.assets(*_following(pipeline)),
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Trains when train_split has other rows than before, whoever prepared them.",
    )


def automated(
    assets: Sequence[dg.AssetsDefinition], pipeline: PipelineRecipe
) -> list[dg.AssetsDefinition]:
    """The assets of one pipeline, with their conditions and how old they may get."""
    following = _following(pipeline) if pipeline.retrain_on_new_data.enabled else []
    hours = pipeline.freshness.within_hours
    limited = [dg.AssetKey([pipeline.name, "registry_entry"])] if hours else []

    def automate(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.key in following:
            spec = spec.replace_attributes(automation_condition=_when_rows_change(pipeline.name))
        if spec.key in limited:
            policy = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=hours))
            spec = spec.replace_attributes(freshness_policy=policy)
        return spec

    return [asset.map_asset_specs(automate) for asset in assets]


def _following(pipeline: PipelineRecipe) -> list[dg.AssetKey]:
    return [dg.AssetKey([pipeline.name, name]) for name in _FOLLOWS_NEW_ROWS]


def _when_rows_change(pipeline: str) -> dg.AutomationCondition:
    """True once for each new data version of train_split, until something was made of it.

    Every asset asks it of the checkpoint, so that all are requested at once or none is. A failure
    is an end too: what failed for these rows would fail again. Not `eager()`, which would train on
    unchanged rows, new base models and promoted champions.
    """
    condition = dg.AutomationCondition
    rows, holdout, model, checkpoint = (
        dg.AssetKey([pipeline, name])
        for name in ("train_split", "holdout_split", "base_model", "checkpoint")
    )
    changed = condition.asset_matches(rows, condition.data_version_changed())
    handled = (
        condition.newly_requested()
        | condition.newly_updated()
        | condition.execution_failed().newly_true()
    )
    fit = condition.all_checks_match(condition.check_passed(), blocking_only=True)
    due = changed.since(handled) & ~condition.in_progress()
    for upstream in (rows, holdout, model):
        ready = fit & ~condition.missing() & ~condition.in_progress()
        due &= condition.asset_matches(upstream, ready)
    return condition.asset_matches(checkpoint, due).with_label("train_split_has_new_rows")
