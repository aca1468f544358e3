"""The kinds of records there are, and how they hang together.

A record below another one belongs to it: versions to a model, artifacts to a version or to nothing.
"""

from collections.abc import Sequence

Kinds = tuple[str, ...]

MODEL: Kinds = ("registered_model",)
VERSION: Kinds = ("model_version",)
MODEL_ARTIFACT: Kinds = ("model-artifact",)
ARTIFACT: Kinds = (*MODEL_ARTIFACT, "doc-artifact", "dataset-artifact", "metric", "parameter")
# Logged again under the same name, these replace what the version has.
REPLACED: Kinds = ("metric", "parameter")


def in_words(kinds: Sequence[str]) -> str:
    """One of these kinds, for a message."""
    return kinds[0].replace("_", " ").replace("-", " ") if len(kinds) == 1 else "artifact"
