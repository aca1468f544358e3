"""Rows in objects of S3, and of what speaks like it (MinIO): see `resources.s3_client`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from osft_assets.core.errors import SourceError
from osft_assets.core.lineage import fingerprint
from osft_assets.core.ports import FoundSource
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.records import SourceRecord
from osft_assets.core.sources import S3Location
from resources.remote_file import explained
from resources.row_files import RowFile, is_data_file, read_files
from resources.s3_client import open_object, s3_client


@dataclass(frozen=True)
class S3Source:
    """Reads one object, or every data file below a prefix."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def find(self, location: S3Location, recipe: DatasetRecipe) -> FoundSource:
        """The objects there are, with their ETags."""
        system = s3_client(self.environment, recipe)
        objects, skipped = _objects(system, location)
        names = tuple(_name(path, location) for path in objects)
        files = [
            RowFile(name, partial(open_object, system, path, objects[path].get("ETag")))
            for name, path in zip(names, objects, strict=True)
        ]
        listing = {path: [info.get("ETag", ""), info["size"]] for path, info in objects.items()}
        revision = f"etags:{fingerprint(listing)}"
        record = SourceRecord(uri=str(location), revision=revision, files=names, skipped=skipped)
        return FoundSource(
            record, sum(info["size"] for info in objects.values()), lambda: read_files(files)
        )


_Objects = dict[str, Mapping[str, Any]]


def _objects(system: Any, location: S3Location) -> tuple[_Objects, tuple[str, ...]]:
    """The data files, and the names of the others."""
    path = f"{location.bucket}/{location.key}".rstrip("/")
    with explained(str(location)):
        if location.key and not location.key.endswith("/"):
            info = system.info(path)
            if info["type"] == "file":
                return {path: info}, ()
        found = dict(sorted(system.find(path, detail=True).items()))
    data = {key: info for key, info in found.items() if is_data_file(key.removeprefix(path))}
    if not data:
        raise SourceError(
            f"{location} has no data files (.jsonl, .json, .csv, .parquet, also .gz and .zst)."
        )
    return data, tuple(_name(key, location) for key in found if key not in data)


def _name(path: str, location: S3Location) -> str:
    return path.removeprefix(f"{location.bucket}/")
