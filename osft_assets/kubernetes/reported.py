"""Whether a step has said itself how it ended, so that the death of its pod is no news."""

import dagster as dg
from dagster._core.executor.step_delegating import StepHandlerContext

_ENDS = {dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE}
_RETRY = dg.DagsterEventType.STEP_UP_FOR_RETRY


def has_reported(context: StepHandlerContext, step_key: str) -> bool:
    """Whether this try of the step has an end in the run's log, read or not by the executor yet."""
    arguments = context.execute_step_args
    tries = 0
    if arguments.known_state:
        tries = arguments.known_state.get_retry_state().get_attempt_count(step_key)
    records = context.instance.get_records_for_run(arguments.run_id, of_type={*_ENDS, _RETRY})
    found = [
        event.event_type
        for record in records.records
        if (event := record.event_log_entry.dagster_event) and event.step_key == step_key
    ]
    return bool(_ENDS & {*found}) or found.count(_RETRY) > tries
