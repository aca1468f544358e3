"""S3 and what speaks like it (MinIO), through s3fs.

Credentials come from the usual AWS chain: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
AWS_SESSION_TOKEN, a profile, a pod's role. None is ever a setting here.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from osft_assets.core.errors import ConfigError, SourceError
from osft_assets.core.lineage import fingerprint
from osft_assets.core.ports import FoundSource
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.records import SourceRecord
from osft_assets.core.sources import S3Location
from resources.remote_file import BLOCK_BYTES, explained, remote_file
from resources.row_files import RowFile, is_data_file, read_files

_CLIENT = {
    "connect_timeout": 10,
    "read_timeout": 60,
    "retries": {"max_attempts": 5, "mode": "standard"},
}
_KEY_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True)
class S3Source:
    """Reads one object, or every data file below a prefix."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def find(self, location: S3Location, recipe: DatasetRecipe) -> FoundSource:
        """The objects there are, with their ETags."""
        self._check_keys()
        system = self._file_system(recipe)
        objects, skipped = _objects(system, location)
        names = tuple(_name(path, location) for path in objects)
        files = [
            RowFile(name, partial(_open, system, path, objects[path].get("ETag")))
            for name, path in zip(names, objects, strict=True)
        ]
        listing = {path: [info.get("ETag", ""), info["size"]] for path, info in objects.items()}
        revision = f"etags:{fingerprint(listing)}"
        record = SourceRecord(uri=str(location), revision=revision, files=names, skipped=skipped)
        return FoundSource(
            record, sum(info["size"] for info in objects.values()), lambda: read_files(files)
        )

    def _check_keys(self) -> None:
        present = [name for name in _KEY_PAIR if self.environment.get(name)]
        if len(present) == 1:
            missing = next(name for name in _KEY_PAIR if name not in present)
            raise ConfigError(
                f"{present[0]} is set but {missing} is not. Set both, or neither to use the "
                "default chain."
            )
        if self.environment.get("AWS_SESSION_TOKEN") and not present:
            raise ConfigError(
                "AWS_SESSION_TOKEN is set without its keys. Set AWS_ACCESS_KEY_ID and its secret, "
                "or unset it."
            )

    def _file_system(self, recipe: DatasetRecipe) -> Any:
        import s3fs

        # botocore itself knows AWS_DEFAULT_REGION and profiles, but not AWS_REGION.
        region = recipe.s3_region or self.environment.get("AWS_REGION", "")
        return s3fs.S3FileSystem(
            endpoint_url=recipe.s3_endpoint_url or None,
            client_kwargs={"region_name": region} if region else {},
            config_kwargs=_CLIENT,
            skip_instance_cache=True,
            use_listings_cache=False,
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


def _open(system: Any, path: str, etag: str | None) -> Any:
    place = f"s3://{path}"

    def opening() -> Any:
        stream = system.open(path, "rb", block_size=BLOCK_BYTES, cache_type="readahead")
        if stream.details.get("ETag") != etag:  # from here on, s3fs asks for this version only
            raise SourceError(f"{place} was changed since it was found. Run again.")
        return stream

    return remote_file(place, opening)
