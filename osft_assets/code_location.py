"""The code location, for the commands: loaded when one needs it, and executed in this process."""

import os
from importlib import import_module
from types import ModuleType
from typing import Any
from uuid import uuid4

import click
import dagster as dg

from osft_assets.console import RunProgress
from osft_assets.core.errors import OsftError
from osft_assets.interrupted_runs import end_interrupted_runs, this_process
from osft_assets.pipeline_facts import pipeline_names
from osft_assets.run_settings import refusal
from osft_assets.wrong_files import short_lines


def definitions() -> ModuleType:
    """The code location, loaded here: `--help` need not wait, and a wrong YAML file is one line."""
    try:
        return import_module("osft_assets.definitions")
    except Exception as problem:
        if lines := short_lines(problem):
            raise click.ClickException(lines) from None
        raise


def refuse_unknown(pipeline: str) -> None:
    """A misspelt name is answered with those there are."""
    names = pipeline_names(definitions().defs)
    if pipeline not in names:
        raise click.ClickException(f"No pipeline {pipeline!r}. There are: {', '.join(names)}.")


def job_definition(name: str) -> dg.JobDefinition:
    """A job, with the assets and resources it needs."""
    found: dg.JobDefinition = definitions().defs.resolve_job_def(name)
    return found


def execute(
    job: str,
    config: dict[str, Any] | None = None,
    progress: RunProgress | None = None,
    verbose: bool = False,
) -> dg.ExecuteInProcessResult:
    """A run of a job, kept where DAGSTER_HOME says, or nowhere. What is wrong with its config is
    told before there is a run.

    `progress` is told of it; `verbose` adds Dagster's own log, with the trace of what fails.
    """
    run_id = str(uuid4())
    console = {"console": {"config": {"log_level": "DEBUG" if verbose else "CRITICAL"}}}
    kept = bool(os.environ.get("DAGSTER_HOME"))
    with dg.DagsterInstance.get() if kept else dg.DagsterInstance.ephemeral() as instance:
        found = job_definition(job)
        try:
            end_interrupted_runs(instance)
            if progress and not verbose:
                instance.add_event_listener(run_id, progress)
            return found.execute_in_process(
                instance=instance,
                run_config={"loggers": console} | (config or {}),
                raise_on_error=False,
                run_id=run_id,
                tags=this_process(),
            )
        except (OsftError, dg.DagsterError) as problem:  # found before there is a run
            if reason := refusal(found, problem):
                pipeline = job.rpartition("_")[0]
                raise click.ClickException(f"{pipeline}: {reason}") from None
            raise
        finally:
            if progress:
                progress.end()
