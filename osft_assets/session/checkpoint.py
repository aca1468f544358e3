"""The trained model, as a session shows it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osft_assets.core.checkpoint import CheckpointRecord, CheckpointVersion, read_version
from osft_assets.core.loss_charts import loss_chart
from osft_assets.core.training_job import STEPS_FILE, Certificate
from osft_assets.core.training_progress import duration
from osft_assets.session.shown import Shown, facts, listed, pictures, text_of, title
from resources.data_frames import frame_in


@dataclass(frozen=True, repr=False)
class Checkpoint(Shown):
    """The trained model."""

    record: CheckpointRecord
    warnings: tuple[str, ...] = ()

    @property
    def version(self) -> CheckpointVersion:
        """What made it."""
        return read_version(Path(self.record.version_path))

    @property
    def path(self) -> Path:
        """The directory to load or to serve."""
        return Path(self.record.model.path)

    @property
    def first_loss(self) -> float:
        """At the first step."""
        return self.version.summary.first_loss

    @property
    def final_loss(self) -> float:
        """At the last step."""
        return self.version.summary.final_loss

    @property
    def certificate(self) -> Certificate | None:
        """What OSFT guarantees; None for SFT."""
        return self.version.outcome.certificate

    @property
    def steps(self) -> Any:
        """Every step, as a pandas DataFrame."""
        return frame_in(Path(self.record.version_path) / STEPS_FILE)

    def _facts(self) -> dict[str, str]:
        outcome, summary = self.version.outcome, self.version.summary
        told = {
            "algorithm": f"{self.record.algorithm} ({outcome.backend}, {outcome.device})",
            "steps": f"{summary.steps:,} in {duration(outcome.seconds)}",
            "loss": f"{summary.first_loss:.3g} to {summary.final_loss:.3g}",
            "model": str(self.path),
        }
        if self.certificate:
            told["constrained"] = (
                f"{self.certificate.constrained_share:.0%} of the parameters; at most "
                f"{self.certificate.worst_leak:.1e} of an update leaks into what is frozen"
            )
        return told

    def _remarks(self) -> list[str]:
        return [*self.warnings, *self.version.outcome.notes]

    def _lines(self) -> list[str]:
        return ["Checkpoint", *text_of(self._facts()), *self._remarks()]

    def _parts(self) -> list[str]:
        return [
            title("Checkpoint"),
            facts(self._facts()),
            listed(self._remarks()),
            pictures(loss_chart(self.version.losses)),
        ]
