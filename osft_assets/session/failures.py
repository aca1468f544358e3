"""What went wrong in a run, as one of our errors with one readable message.

A model that the gate blocks is a result, not a failure: who asks for a report wants to read it.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from osft_assets.core import errors
from osft_assets.core.errors import OsftError
from osft_assets.run_summary import is_blocking
from osft_assets.step_errors import cause_of

# What is wrong when a blocking check of an asset does not hold.
_KINDS: dict[str, type[OsftError]] = {
    "train_split": errors.DatasetError,
    "holdout_split": errors.DatasetError,
    "base_model": errors.ModelError,
    "checkpoint": errors.TrainingError,
    "forgetting_report": errors.EvaluationError,
    "registry_entry": errors.RegistryError,
}
_CHECK_FAILED = "DagsterAssetCheckFailedError"
_INTERRUPTED = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")


def refuse_failure(result: dg.ExecuteInProcessResult, but_not_of: str = "") -> None:
    """Raise what went wrong first, with all the rest; a blocked `but_not_of` is no failure."""
    problems = [*_of_steps(result), *_of_checks(result, but_not_of)]
    if not problems:
        return
    kind = type(problems[0])
    error = kind("\n".join(dict.fromkeys(map(str, problems))))
    for note in getattr(problems[0], "__notes__", ()):
        error.add_note(note)
    raise error


def warnings_of(result: dg.ExecuteInProcessResult) -> list[str]:
    """Every check that does not hold and blocks nothing."""
    return [
        _claim(found)
        for found in result.get_asset_check_evaluations()
        if not found.passed and not is_blocking(found)
    ]


def _of_steps(result: dg.ExecuteInProcessResult) -> Iterator[OsftError]:
    for event in result.filter_events(lambda event: event.is_step_failure):
        cause = cause_of(event.step_failure_data.error)
        if cause is None or cause.cls_name in _INTERRUPTED:
            raise KeyboardInterrupt(f"{_name(event.step_key)} was interrupted, and kept nothing")
        if cause.cls_name != _CHECK_FAILED:
            yield _error(_name(event.step_key), cause)


def _error(step: str, cause: Any) -> OsftError:
    message = cause.message.strip()
    ours = getattr(errors, cause.cls_name or "", None)
    if ours is not None:
        known: OsftError = ours(message.partition(": ")[2])
        return known
    # Nobody foresaw it, so whoever mends it needs to see where it was.
    found = OsftError(f"{step}: {message}")
    found.add_note(cause.to_string())
    return found


def _name(step: str | None) -> str:
    """Without the pipeline's."""
    return (step or "").partition("__")[2] or "a check"


def _of_checks(result: dg.ExecuteInProcessResult, but_not_of: str) -> Iterator[OsftError]:
    for found in result.get_asset_check_evaluations():
        name = found.asset_key.path[-1]
        if not found.passed and is_blocking(found) and name != but_not_of:
            kind = errors.RegistryError if found.check_name == "can_be_registered" else _KINDS[name]
            yield kind(_claim(found))


def _claim(found: dg.AssetCheckEvaluation) -> str:
    reason = f": {found.description}" if found.description else ""
    return f"{found.asset_key.path[-1]}: {found.check_name} does not hold{reason}"
