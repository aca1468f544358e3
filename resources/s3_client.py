"""A client for S3 and what speaks like it (MinIO), through s3fs, for rows and for models.

Credentials come from the usual AWS chain: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
AWS_SESSION_TOKEN, a profile, a pod's role. None is ever a setting here.
"""

from collections.abc import Mapping
from typing import Any, BinaryIO

from osft_assets.core.errors import ConfigError, SourceError
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.dataset import DatasetRecipe
from resources.remote_file import BLOCK_BYTES, remote_file

_ATTEMPTS = 5
_KEY_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def s3_client(environment: Mapping[str, str], recipe: DatasetRecipe | BaseModelRecipe) -> Any:
    """The file system that the recipe's address is on."""
    return s3_file_system(environment, recipe.s3_endpoint_url, recipe.s3_region)


def s3_file_system(
    environment: Mapping[str, str], endpoint: str = "", region: str = "", attempts: int = _ATTEMPTS
) -> Any:
    """Every bucket there; AWS_ENDPOINT_URL and AWS_REGION tell what is not given."""
    import s3fs

    _check_keys(environment)
    # botocore itself knows AWS_ENDPOINT_URL, AWS_DEFAULT_REGION and profiles, but not AWS_REGION.
    region = region or environment.get("AWS_REGION", "")
    retries = {"max_attempts": attempts, "mode": "standard"}
    return s3fs.S3FileSystem(
        endpoint_url=endpoint or None,
        client_kwargs={"region_name": region} if region else {},
        config_kwargs={"connect_timeout": 10, "read_timeout": 60, "retries": retries},
        skip_instance_cache=True,
        use_listings_cache=False,
    )


def _check_keys(environment: Mapping[str, str]) -> None:
    present = [name for name in _KEY_PAIR if environment.get(name)]
    if len(present) == 1:
        missing = next(name for name in _KEY_PAIR if name not in present)
        raise ConfigError(
            f"{present[0]} is set but {missing} is not. Set both, or neither to use the "
            "default chain."
        )
    if environment.get("AWS_SESSION_TOKEN") and not present:
        raise ConfigError(
            "AWS_SESSION_TOKEN is set without its keys. Set AWS_ACCESS_KEY_ID and its secret, "
            "or unset it."
        )


def open_object(client: Any, path: str, etag: str | None) -> BinaryIO:
    """An object for reading; an error when it is no longer the one with this ETag."""
    place = f"s3://{path}"

    def opening() -> Any:
        stream = client.open(path, "rb", block_size=BLOCK_BYTES, cache_type="readahead")
        if stream.details.get("ETag") != etag:  # from here on, s3fs asks for this version only
            raise SourceError(f"{place} was changed since it was found. Run again.", transient=True)
        return stream

    return remote_file(place, opening)
