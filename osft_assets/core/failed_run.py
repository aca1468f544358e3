"""A run that failed, in what whoever is told of it needs: which, where, why, and the way to it.

Who is told is the port `FailureHook`; when, `osft_assets.failures`.
"""

from typing import Any

from osft_assets.core.records import Record
from osft_assets.core.redaction import without_secrets

_LONGEST_ERROR = 500


class FailedRun(Record):
    """One run. `error` is the first line of the first failure; `link` is empty without a UI."""

    run_id: str
    job: str
    pipeline: str
    failed_steps: tuple[str, ...]
    error: str
    link: str

    @property
    def text(self) -> str:
        """All of it for a person, in a few lines."""
        where = f" in {', '.join(self.failed_steps)}" if self.failed_steps else ""
        way = f"\n{self.link}" if self.link else ""
        return (
            f"{self.pipeline}: run {self.run_id[:8]} of {self.job} failed{where}\n{self.error}{way}"
        )

    def to_message(self) -> dict[str, Any]:
        """What is sent. Slack, Mattermost and Teams' connectors show `text`."""
        return {"text": self.text, **self.model_dump(mode="json")}


def first_line(error: str) -> str:
    """Of a message that may be anybody's."""
    lines = without_secrets(error).strip().splitlines() or ["no reason was given"]
    return lines[0][:_LONGEST_ERROR]
