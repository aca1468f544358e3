"""The object that says a model below a prefix is whole. Written last, removed first.

Its name begins with a dot, and nobody who loads a model reads it.
"""

import json
from collections.abc import Iterable

from osft_assets.core.lineage import file_sha256
from resources.published_files import PublishedFile

MANIFEST = ".osft-complete.json"


def manifest_of(files: Iterable[PublishedFile]) -> bytes:
    """Names, sizes and hashes: the same files give the same bytes."""
    listed = {
        file.name: {"bytes": file.size, "sha256": file_sha256(file.path)}
        for file in sorted(files, key=lambda file: file.name)
    }
    return json.dumps({"files": listed}, indent=1).encode()
