"""Keeps the records that assets hand each other as readable JSON:
`<workspace>/<pipeline>/records/<asset>.json`.

Dagster's own default pickles into a directory that another pod does not see.
"""

import uuid
from contextlib import suppress
from pathlib import Path

import dagster as dg
from pydantic import ValidationError

from osft_assets.core.errors import WorkspaceError
from osft_assets.core.records import Record
from osft_assets.core.workspace import Workspace


class RecordIOManager(dg.IOManager):
    """Writes and reads `Record`s; which kind is told by the parameter that asks for it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def handle_output(self, context: dg.OutputContext, obj: Record) -> None:
        """Write under a temporary name, then rename: a reader never sees half a record."""
        path = self._path(context.asset_key)
        temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(obj.model_dump_json(indent=2))
            temporary.replace(path)
        except OSError as problem:
            with suppress(OSError):
                temporary.unlink()
            raise WorkspaceError(f"Cannot write {path}: {problem.strerror}.") from problem

    def load_input(self, context: dg.InputContext) -> Record:
        """The record of an upstream asset."""
        path = self._path(context.asset_key)
        try:
            return _read(context.dagster_type.typing_type, path)
        except FileNotFoundError:
            name = context.asset_key.to_user_string()
            raise WorkspaceError(f"{path} does not exist. Materialize {name} first.") from None

    def _path(self, key: dg.AssetKey) -> Path:
        return self._workspace.pipeline(key.path[0]) / "records" / f"{'/'.join(key.path[1:])}.json"


def _read(kind: type[Record], path: Path) -> Record:
    try:
        return kind.model_validate_json(path.read_text())
    except ValidationError:
        raise WorkspaceError(
            f"{path} is not a {kind.__name__} of this version. Materialize it again."
        ) from None
