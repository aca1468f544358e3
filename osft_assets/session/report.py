"""The forgetting report, as a session shows it: what was learned, what it cost, and the verdict."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osft_assets.core.forgetting import ForgettingReport
from osft_assets.core.forgetting_charts import report_charts
from osft_assets.core.forgetting_summary import sentences
from osft_assets.core.score_tables import COMPARED, comparison_rows
from osft_assets.session.shown import Shown, listed, pictures, table, title
from resources.data_frames import frame_of

_MOST_NAMED = 10


@dataclass(frozen=True, repr=False)
class Report(Shown):
    """What was learned and forgotten. `page` is the whole of it, as HTML."""

    record: ForgettingReport
    page: Path
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the gate lets the checkpoint be registered."""
        return self.record.verdict == "passed"

    @property
    def blocked_by(self) -> tuple[str, ...]:
        """Why not: every claim that does not hold, with its reason."""
        blocking = self.record.blocked_by
        return tuple(
            f"{claim.name}: {claim.reason}"
            for claim in self.record.claims
            if claim.name in blocking
        )

    @property
    def retention(self) -> float | None:
        """The share of the old skills that is left; None where none was measured."""
        return self.record.retention

    @property
    def scores(self) -> Any:
        """Every task before and after, as a pandas DataFrame."""
        return frame_of(
            [
                {
                    "task": found.task,
                    "kind": found.kind,
                    "metric": found.metric,
                    "base": found.difference.base,
                    "tuned": found.difference.tuned,
                    # Turned so that more is better.
                    "difference": found.difference.value,
                    "low": found.difference.low,
                    "high": found.difference.high,
                    "documents": found.difference.documents,
                    "tolerance": found.tolerance,
                    "verdict": found.verdict,
                }
                for found in self.record.comparisons
            ]
        )

    def _sentences(self) -> list[str]:
        found = sentences(self.record, _MOST_NAMED)
        return [f"{sentence.lead} {sentence.text}".rstrip() for sentence in found]

    def _lines(self) -> list[str]:
        return [*self._sentences(), *self.warnings, f"The whole report: {self.page}"]

    def _parts(self) -> list[str]:
        first, *others = self._sentences()
        return [
            title(first),
            listed([*others, *self.warnings]),
            table(COMPARED, comparison_rows(self.record.comparisons)),
            pictures(report_charts(self.record)),
        ]
