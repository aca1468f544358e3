"""What a failed step says, beneath what Dagster wraps around it."""

from typing import Any


def cause_of(error: Any) -> Any:
    """The error that was raised, of one that Dagster keeps; None where it keeps none."""
    return error and (error.cause or error)


def words_of(error: Any) -> str:
    """Its message, without the class; nothing where it has none, as an interrupt."""
    cause = cause_of(error)
    return str(cause.message.strip().partition(": ")[2]) if cause else ""
