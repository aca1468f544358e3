"""Keeps the records that assets hand each other as readable JSON on the workspace.

One file an asset: `<workspace>/<pipeline>/records/<asset>.json`. Dagster's own default pickles into
a directory that another pod does not see.
"""

from pathlib import Path

import dagster as dg

from osft_assets.core.errors import WorkspaceError
from osft_assets.core.records import Record
from osft_assets.core.workspace import Workspace


class RecordIOManager(dg.IOManager):
    """Writes and reads `Record`s; which kind is told by the parameter that asks for it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def handle_output(self, context: dg.OutputContext, obj: Record) -> None:
        """Write the record of an asset."""
        self._workspace.write(self._path(context.asset_key), obj.model_dump_json(indent=2).encode())

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
        return kind.model_validate_json(path.read_bytes())
    except ValueError:  # pydantic's, or bytes that are no text
        raise WorkspaceError(
            f"{path} is not a {kind.__name__} of this version. Materialize it again."
        ) from None
