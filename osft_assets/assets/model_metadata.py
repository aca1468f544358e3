"""What the page of every `base_model` shows, wherever the model came from."""

from typing import Any

import dagster as dg

from osft_assets.core.model_records import ModelRecord


def model_metadata(model: ModelRecord, defined_in: str) -> dict[str, Any]:
    """Where it is from, where it is now, and what it is."""
    return {
        "source": model.uri,
        "revision": model.revision,
        "path": dg.MetadataValue.path(model.path),
        "architecture": model.architecture,
        "parameters": model.parameters,
        "dtype": model.dtype or "unknown",
        "size_bytes": model.size_bytes,
        "chat_template": model.has_chat_template,
        "defined_in": defined_in,
    }
