"""The object that says a model below a prefix is whole. Written last, removed first.

Its name begins with a dot, and nobody who loads a model reads it.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from osft_assets.core.lineage import file_sha256
from resources.published_files import PublishedFile

MANIFEST = ".osft-complete.json"


Listed = Mapping[str, Mapping[str, Any]]  # size and hash of each file, by its name


def listed(files: Iterable[PublishedFile]) -> Listed:
    """What the manifest of these files holds. Reads them all."""
    return {file.name: {"bytes": file.size, "sha256": file_sha256(file.path)} for file in files}


def to_manifest(files: Listed) -> bytes:
    """The object's content."""
    return json.dumps({"files": files}, indent=1, sort_keys=True).encode()


def from_manifest(content: bytes) -> Listed:
    """What such an object lists; nothing when somebody else wrote it."""
    try:
        files = json.loads(content)["files"]
    except (ValueError, TypeError, KeyError):
        return {}
    return files if isinstance(files, dict) else {}
