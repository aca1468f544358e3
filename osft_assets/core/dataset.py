"""The dataset stage: from an address to a version on disk, made once.

A version's directory is named by the fingerprint of everything that decides its content, so the
same source and settings are never prepared twice. `datasets` is the stable link to the newest one.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.errors import DatasetError, WorkspaceError
from osft_assets.core.lineage import file_sha256, fingerprint
from osft_assets.core.ports import DatasetSource, FoundSource
from osft_assets.core.preparation import prepare
from osft_assets.core.progress import Progress
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.records import DatasetSplit, DatasetVersion, SourceRecord
from osft_assets.core.rows import RowKind, RowParser
from osft_assets.core.splits import Side
from osft_assets.core.workspace import Workspace

# Raise it when a change to reading, checking or splitting gives other files for the same source.
CODE_VERSION = "1"
MARKER = "dataset.json"
# Where the rows come from and how to log in do not change what they are: the revision does. Their
# kind is part of the identity by itself.
_NOT_IDENTITY = frozenset({"data_uri", "hf_token", "s3_endpoint_url", "s3_region", "row_kind"})


@dataclass(frozen=True)
class PreparedDataset:
    """Where a version is, what it is, and where this run found its rows."""

    directory: Path
    version: DatasetVersion
    source: SourceRecord


class DatasetStage:
    """Prepares the dataset of one pipeline."""

    def __init__(
        self, pipeline: PipelineRecipe, workspace: Workspace, source: DatasetSource
    ) -> None:
        self._pipeline, self._workspace, self._source = pipeline, workspace, source
        self._home = workspace.pipeline(pipeline.name)
        self._versions = self._home / "dataset_versions"

    def run(self, recipe: DatasetRecipe, say: Callable[[str], None]) -> PreparedDataset:
        """The version that `recipe` asks for, prepared now or before."""
        link = stable_directory(self._workspace, self._pipeline.name)
        if link.exists() and not link.is_symlink():
            raise WorkspaceError(f"{link} is in the way: a link belongs there. Move it elsewhere")
        found = self._source.find(recipe)
        say(f"Source: {found.record.uri} ({found.record.revision or 'revision unknown'})")
        known = self._identity(recipe, found, found.record.revision)
        directory = self._versions / known
        if found.record.revision and self._is_whole(directory, say):
            say("Unchanged since it was prepared: reused.")
        else:
            directory = self._prepare(recipe, found, say)
        self._workspace.link(link, directory)
        return PreparedDataset(directory, read_version(directory), found.record)

    def asked_of_source(self, recipe: DatasetRecipe) -> tuple[SourceRecord, str]:
        """The source as it is now, and the name of the version that `run` would make of it.

        Without reading any row: the name is empty where the source tells no revision.
        """
        record = (found := self._source.find(recipe)).record
        return record, self._identity(recipe, found, record.revision) if record.revision else ""

    def _prepare(
        self, recipe: DatasetRecipe, found: FoundSource, say: Callable[[str], None]
    ) -> Path:
        kind = self._kind(recipe)
        parser = RowParser(kind, self._pipeline.train.document_column_name)
        with self._workspace.publish(self._versions) as draft, closing(found.read()) as batches:
            progress = Progress(say, found.size_bytes)
            prepared = prepare(batches, recipe, parser, draft.directory, progress)
            # Without a revision only the result can tell whether anything is new.
            content = f"{prepared.train.sha256} {prepared.holdout.sha256}"
            draft.name = self._identity(recipe, found, found.record.revision or content)
            draft.replaces = not self._is_whole(self._versions / draft.name, say)
            version = DatasetVersion(
                fingerprint=draft.name,
                kind=kind,
                source=found.record,
                recipe=recipe.model_dump(exclude={"data_uri"}),
                **dict(prepared),
            )
            (draft.directory / MARKER).write_bytes(version.model_dump_json(indent=2).encode())
        counts = prepared.counts
        left_out = f"{counts.invalid:,} invalid, {counts.duplicate:,} double"
        say(f"Prepared {counts.read:,} rows: {left_out}.")
        return self._versions / draft.name

    def _is_whole(self, directory: Path, say: Callable[[str], None]) -> bool:
        """Whether the version is there and as it was written."""
        if not directory.exists():
            return False
        try:
            version = read_version(directory)
            files = (version.train, version.holdout)
            whole = all(file_sha256(directory / file.name) == file.sha256 for file in files)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, DatasetError):
            whole = False
        if not whole:
            say(f"{directory} is not as it was written: preparing it anew.")
        return whole

    def _kind(self, recipe: DatasetRecipe) -> RowKind:
        return recipe.row_kind or self._pipeline.row_kind

    def _identity(self, recipe: DatasetRecipe, found: FoundSource, revision: str) -> str:
        parts = {
            "code": CODE_VERSION,
            "revision": revision,
            "files": found.record.files,  # the same bytes read as .tsv are other rows than as .csv
            "kind": self._kind(recipe),
            "document_column": self._pipeline.train.document_column_name,
            "recipe": recipe.model_dump(exclude=set(_NOT_IDENTITY)),
        }
        return fingerprint(parts)


def stable_directory(workspace: Workspace, pipeline: str) -> Path:
    """The link to a pipeline's newest version."""
    return workspace.pipeline(pipeline) / "datasets"


def read_version(directory: Path) -> DatasetVersion:
    """The record of a complete version."""
    try:
        return DatasetVersion.model_validate_json((directory / MARKER).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise DatasetError(
            f"{directory / MARKER} is missing, damaged or of another version of the code. "
            "Materialize the dataset again."
        ) from None


def split_record(prepared: PreparedDataset, side: Side) -> DatasetSplit:
    """One side of a version, as the next stages get it."""
    version = prepared.version
    file = version.file(side)
    return DatasetSplit(
        side=side,
        path=str(prepared.directory / file.name),
        version_path=str(prepared.directory),
        fingerprint=version.fingerprint,
        source=prepared.source,
        kind=version.kind,
        rows=file.rows,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
    )
