"""Which scores may go: those of models that no pipeline has any more.

Scores belong to no pipeline: whichever asks the same of the same model finds them, below
`<workspace>/_scores/<fingerprint of its files>`. Nothing is lost with them but the time to ask
again. What belongs to a pipeline is `core.pruning`, and so is deleting.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from osft_assets.core.drafts import abandoned
from osft_assets.core.lineage import FINGERPRINT_DIGITS
from osft_assets.core.model_files import CONFIG, content_fingerprint
from osft_assets.core.pruning import (
    LEFT_BY_A_REMOVAL,
    LEFT_BY_A_RUN,
    Removal,
    half_removed,
    named_in_records,
    size_of,
)
from osft_assets.core.workspace import Workspace

PLACE = "_scores"


def unused_scores(workspace: Workspace) -> list[Removal]:
    """The scores of models that no record names, and that no checkpoint's report is about."""
    place = workspace.root / PLACE
    models = sorted(path for path in place.glob("*") if len(path.name) == FINGERPRINT_DIGITS)
    named = named_in_records(workspace) + _reports_of_checkpoints(workspace)
    unnamed = [path for path in models if path.name not in named]
    # Only now, since it reads whole models: one may be there that was not evaluated to the end.
    there = set(_models_of_records(workspace)) if unnamed else set()
    unused = [path for path in unnamed if path.name not in there]
    drafts = [left for path in models if path not in unused for left in abandoned(path)]
    return [
        *(Removal(path, size_of(path), "scores of a model that nothing uses") for path in unused),
        *(Removal(path, size_of(path), LEFT_BY_A_RUN) for path in drafts),
        *(Removal(path, size_of(path), LEFT_BY_A_REMOVAL) for path in half_removed(place)),
    ]


def _reports_of_checkpoints(workspace: Workspace) -> str:
    """Of those that are still there, and can be gone on from."""
    reports = workspace.root.glob("*/reports/*.json")
    return "\n".join(
        path.read_text(errors="replace")
        for path in sorted(reports)
        if (path.parents[1] / "checkpoints" / path.stem).is_dir()
    )


def _models_of_records(workspace: Workspace) -> Iterator[str]:
    """The fingerprints of the models whose place a record names."""
    paths: set[str] = set()
    for path in workspace.root.glob("*/records/*.json"):
        try:
            paths |= set(_paths(json.loads(path.read_bytes())))
        except ValueError:
            continue  # no record; what it named is only asked again
    for model in sorted(map(Path, paths)):
        if (model / CONFIG).is_file():
            yield content_fingerprint(model)


def _paths(value: Any) -> Iterator[str]:
    """What any part of a record calls its path."""
    if isinstance(value, dict):
        if isinstance(value.get("path"), str):
            yield value["path"]
        for part in value.values():
            yield from _paths(part)
    elif isinstance(value, list):
        for part in value:
            yield from _paths(part)
