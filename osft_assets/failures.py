"""`tell_of_failed_runs`: a sensor that logs each run that failed and passes it on.

Stopped until somebody starts it. To whom is the port `FailureHook`; the words are
`core.failed_run`.
"""

import dagster as dg

from osft_assets.core.failed_run import FailedRun, first_line
from osft_assets.core.ports import FailureHook
from osft_assets.step_errors import cause_of, words_of

_LOOK_EVERY_SECONDS = 30


def failure_sensor(ui_url: str) -> dg.SensorDefinition:
    """The sensor; `ui_url` is where people reach the UI, or empty."""

    @dg.run_failure_sensor(
        name="tell_of_failed_runs",
        minimum_interval_seconds=_LOOK_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Logs each run of this code location that failed, and tells the webhook in "
        "OSFT_FAILURE_WEBHOOK, if that is set.",
    )
    def tell_of_failed_runs(
        context: dg.RunFailureSensorContext, failure_hook: dg.ResourceParam[FailureHook]
    ) -> None:
        run = _failed_run(context, ui_url)
        context.log.error(run.text)
        failure_hook.tell(run)

    return tell_of_failed_runs


def _failed_run(context: dg.RunFailureSensorContext, ui_url: str) -> FailedRun:
    run = context.dagster_run
    steps = list(context.get_step_failure_events())
    pipelines = sorted({key.path[0] for key in run.asset_selection or ()})
    reason = _reason(steps[0]) if steps else ""
    return FailedRun(
        run_id=run.run_id,
        job=run.job_name,
        pipeline=", ".join(pipelines) or run.job_name.rpartition("_")[0],
        failed_steps=tuple(str(event.step_key) for event in steps),
        error=first_line(reason or context.failure_event.message or ""),
        link=f"{ui_url.rstrip('/')}/runs/{run.run_id}" if ui_url else "",
    )


def _reason(failure: dg.DagsterEvent) -> str:
    error = failure.step_failure_data.error
    return words_of(error) or (cause_of(error).message if error else "")
