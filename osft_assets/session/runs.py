"""Runs of one pipeline's job in this process: a selection of its assets, with their checks.

They are kept where DAGSTER_HOME says, or nowhere, as those of `osft-assets run`. What comes of a
failure is `session.failures`.
"""

import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TextIO
from uuid import uuid4

import dagster as dg

from osft_assets.console import RunProgress
from osft_assets.interrupted_runs import end_interrupted_runs, this_process

_QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}


class _Replacing:
    """A notebook's output: no terminal, but one line can replace another."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Runs:
    """The runs of one pipeline; `says` is whether they tell how they go on."""

    def __init__(self, pipeline: str, definitions: dg.Definitions, says: bool) -> None:
        self._pipeline, self._definitions, self._says = pipeline, definitions, says

    def materialize(
        self, assets: Sequence[str], config: Mapping[str, Any]
    ) -> dg.ExecuteInProcessResult:
        """One run, from its start to its end, whatever that is."""
        job = self._definitions.resolve_job_def(f"{self._pipeline}_pipeline")
        kept = bool(os.environ.get("DAGSTER_HOME"))
        run_id, progress = str(uuid4()), RunProgress(stream=_output())
        with dg.DagsterInstance.get() if kept else dg.DagsterInstance.ephemeral() as instance:
            if self._says:
                instance.add_event_listener(run_id, progress)
            try:
                end_interrupted_runs(instance)
                _hide_what_dagster_ignores()
                return job.execute_in_process(
                    instance=instance,
                    run_config={"loggers": _QUIET, "ops": dict(config)},
                    asset_selection=[dg.AssetKey([self._pipeline, name]) for name in assets],
                    raise_on_error=False,
                    run_id=run_id,
                    tags=this_process(),
                )
            finally:
                progress.end()


def _hide_what_dagster_ignores() -> None:
    """A notebook has an event loop already: Dagster knows, and leaves its own as it is."""
    message = "coroutine 'BaseEventLoop.shutdown_asyncgens' was never awaited"
    warnings.filterwarnings("ignore", message, RuntimeWarning)


def _output() -> Any:
    in_notebook = type(sys.stdout).__module__.startswith("ipykernel")
    return _Replacing(sys.stdout) if in_notebook else sys.stdout
