"""Whether a source holds other rows than those that were prepared or asked for last.

Asks the source for its revision, and reads no row. When it is asked, and what runs then, is
`osft_assets.automation`; what a version is, `core.dataset`.
"""

from dataclasses import dataclass

from pydantic import ValidationError

from osft_assets.core.dataset import DatasetStage, stable_directory
from osft_assets.core.errors import ConfigError, SourceError
from osft_assets.core.ports import DatasetSource
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.records import Record, SourceRecord
from osft_assets.core.workspace import Workspace


class Seen(Record):
    """What the sensor keeps between two looks. `version` names rows and settings, by a hash.

    `change` counts, from the time of the first look, so that no two requests have the same key:
    data that goes back to what it once was is a change too.
    """

    version: str
    change: int

    @property
    def key(self) -> str:
        """Of the run that this change is worth."""
        return f"{self.version}.{self.change}"


@dataclass(frozen=True)
class Look:
    """What one look at the source found."""

    seen: Seen
    source: SourceRecord
    is_new: bool


def look(
    pipeline: PipelineRecipe,
    workspace: Workspace,
    source: DatasetSource,
    cursor: str | None,
    now: int,
) -> Look:
    """The source now, compared with the newest dataset and with what `cursor` tells."""
    before = _read(cursor) if cursor else Seen(version="", change=now)
    stage = DatasetStage(pipeline, workspace, source)
    record, version = stage.asked_of_source(pipeline.dataset)
    if not version:
        raise SourceError(
            f"{record.uri} tells no revision (no strong ETag), so that a change cannot be seen "
            "without reading all of it. Use `schedule:` instead, which reads it every time and "
            "trains only on other rows; or a server that sends one"
        )
    newest = stable_directory(workspace, pipeline.name).resolve().name
    is_new = version not in (before.version, newest)
    return Look(Seen(version=version, change=before.change + is_new), record, is_new)


def _read(cursor: str) -> Seen:
    try:
        return Seen.model_validate_json(cursor)
    except ValidationError:
        raise ConfigError(
            "The cursor of this sensor is not one of ours. Clear it on the sensor's page (Edit "
            "cursor); the newest dataset tells what is known"
        ) from None
