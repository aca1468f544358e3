"""The dataset stage: from an address to a version on disk, made once.

A version's directory is named by the fingerprint of everything that decides its content, so the
same source and settings are never prepared twice. `datasets` is the stable link to the newest one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from osft_assets.core.errors import DatasetError
from osft_assets.core.lineage import file_sha256, fingerprint
from osft_assets.core.ports import DatasetSource, FoundSource
from osft_assets.core.preparation import Prepared, prepare
from osft_assets.core.progress import Progress
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.records import DatasetSplit, DatasetVersion
from osft_assets.core.rows import RowParser
from osft_assets.core.workspace import Workspace

# Raise it when a change to reading, checking or splitting gives other files for the same source.
CODE_VERSION = "1"
MARKER = "dataset.json"
# Where the rows come from and how to log in do not change what they are: the revision does.
_NOT_IDENTITY = frozenset({"data_uri", "hf_token", "s3_endpoint_url", "s3_region"})


class DatasetStage:
    """Prepares the dataset of one pipeline."""

    def __init__(
        self, pipeline: PipelineRecipe, workspace: Workspace, source: DatasetSource
    ) -> None:
        self._pipeline, self._workspace, self._source = pipeline, workspace, source
        self._home = workspace.pipeline(pipeline.name)
        self._versions = self._home / "dataset_versions"

    def run(self, recipe: DatasetRecipe, say: Callable[[str], None]) -> Path:
        """The directory of the version that `recipe` asks for, prepared now or before."""
        found = self._source.find(recipe)
        say(f"Source: {found.record.uri} ({found.record.revision or 'revision unknown'})")
        known = self._identity(recipe, found.record.revision) if found.record.revision else ""
        directory = self._versions / known
        if known and self._is_whole(directory, say):
            say("Unchanged since it was prepared: reused.")
        else:
            directory = self._prepare(recipe, found, known, say)
        self._workspace.link(self._home / "datasets", directory)
        return directory

    def _prepare(
        self, recipe: DatasetRecipe, found: FoundSource, known: str, say: Callable[[str], None]
    ) -> Path:
        parser = RowParser(self._pipeline.row_kind, self._pipeline.train.document_column_name)
        with self._workspace.publish(self._versions) as draft:
            progress = Progress(say, found.size_bytes)
            prepared = prepare(found.read(), recipe, parser, draft.directory, progress)
            # Without a revision only the result can tell whether anything is new.
            content = f"{prepared.train.sha256} {prepared.holdout.sha256}"
            draft.name = known or self._identity(recipe, content)
            self._is_whole(self._versions / draft.name, say)  # a damaged one makes room
            version = self._version(draft.name, recipe, found, prepared)
            (draft.directory / MARKER).write_text(version.model_dump_json(indent=2))
        say(f"Prepared {prepared.counts.read:,} rows.")
        return self._versions / draft.name

    def _is_whole(self, directory: Path, say: Callable[[str], None]) -> bool:
        """Whether the version is there and untouched; a damaged one is cleared away."""
        if not directory.exists():
            return False
        try:
            version = read_version(directory)
            files = (version.train, version.holdout)
            whole = all(file_sha256(directory / file.name) == file.sha256 for file in files)
        except (OSError, DatasetError):
            whole = False
        if not whole:
            say(f"{directory} is not as it was written: preparing it anew.")
            self._workspace.remove(directory)
        return whole

    def _identity(self, recipe: DatasetRecipe, revision: str) -> str:
        parts = {
            "code": CODE_VERSION,
            "revision": revision,
            "kind": self._pipeline.row_kind,
            "document_column": self._pipeline.train.document_column_name,
            "recipe": recipe.model_dump(exclude=set(_NOT_IDENTITY)),
        }
        return fingerprint(parts)

    def _version(
        self, identity: str, recipe: DatasetRecipe, found: FoundSource, prepared: Prepared
    ) -> DatasetVersion:
        return DatasetVersion(
            fingerprint=identity,
            kind=self._pipeline.row_kind,
            source=found.record,
            recipe=recipe.model_dump(exclude={"data_uri"}),
            counts=prepared.counts,
            formats=prepared.formats,
            ignored_columns=prepared.ignored_columns,
            first_invalid=prepared.first_invalid,
            train=prepared.train,
            holdout=prepared.holdout,
        )


def read_version(directory: Path) -> DatasetVersion:
    """The record of a complete version."""
    try:
        return DatasetVersion.model_validate_json((directory / MARKER).read_text())
    except (OSError, ValidationError):
        raise DatasetError(
            f"{directory / MARKER} is missing, or of another version. Materialize the dataset "
            f"again."
        ) from None


def split_record(
    directory: Path, version: DatasetVersion, side: Literal["train", "holdout"]
) -> DatasetSplit:
    """One side of a version, as the next stages get it."""
    file = version.train if side == "train" else version.holdout
    common: dict[str, Any] = file.model_dump(include={"rows", "size_bytes", "sha256"})
    return DatasetSplit(
        side=side,
        path=str(directory / file.name),
        version_path=str(directory),
        fingerprint=version.fingerprint,
        kind=version.kind,
        **common,
    )
