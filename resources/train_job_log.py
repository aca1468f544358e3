"""The log of a TrainJob's first node, looked at again and again.

No stream is held open: one that is cut by a proxy tells nobody. What of an answer is new is
`core.train_jobs.log_lines`.
"""

from collections.abc import Sequence

from osft_assets.core.pods.findings import Json
from osft_assets.core.train_jobs.log_lines import LogLines
from osft_assets.core.train_jobs.nodes import by_rank
from resources.train_job_api import TrainJobApi


class TrainJobLog:
    """Of whichever pod is the first node."""

    def __init__(self, api: TrainJobApi) -> None:
        self._api = api
        self._pod, self._lines = "", LogLines()

    def read(self, pods: Sequence[Json], *, is_final: bool = False) -> list[str]:
        """What it said since the last look."""
        first = by_rank(pods).get(0)
        if first is None or (first.get("status") or {}).get("phase") in (None, "Pending"):
            return []
        name = str(first["metadata"]["name"])
        if name != self._pod:  # another machine, and another clock
            self._pod, self._lines = name, LogLines()
        return self._lines.new(self._api.log(name, self._lines.since), is_final=is_final)
