"""Runs of the command line whose process is gone: nobody else notices, and they keep their place.

A killed `osft-assets run` stays "started" for ever, and holds the pool of whatever computes: the
next run would wait for it without end. Runs that Dagster launched are watched by its daemon.
"""

import os
import socket

import dagster as dg

_TAG = "osft/process"


def this_process() -> dict[str, str]:
    """The tag of a run that this process executes."""
    return {_TAG: f"{socket.gethostname()}:{os.getpid()}"}


def end_interrupted_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report runs of this machine whose process is gone as failed; gives their ids."""
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
    gone = [run for run in instance.get_runs(started) if _is_gone(run.tags.get(_TAG, ""))]
    for run in gone:
        process = run.tags[_TAG]
        instance.report_run_failed(run, f"The process that executed this run, {process}, is gone.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in gone]


def _is_gone(process: str) -> bool:
    host, _, number = process.rpartition(":")
    if host != socket.gethostname():
        return False
    if int(number) == os.getpid():  # an earlier process with our number, as in a container
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
