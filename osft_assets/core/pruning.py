"""Which old things may go: checkpoints, prepared datasets and leftovers that nothing uses.

A thing is in use when a stable link leads to it, a record of any pipeline names it (another
pipeline's base model, a score), or it was registered: then others load it. The newest ones are kept
whatever uses them.
Scores, which belong to no pipeline, are `core.unused_scores`.
"""

import os
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.checkpoint_lineage import LINEAGE_FILE
from osft_assets.core.drafts import abandoned
from osft_assets.core.errors import WorkspaceError
from osft_assets.core.lineage import FINGERPRINT_DIGITS
from osft_assets.core.workspace import Workspace

# What there are versions of, and the stable link to the newest.
_KINDS = {"checkpoints": "final_model", "dataset_versions": "datasets"}
_DOOMED = ".removing-"
LEFT_BY_A_RUN, LEFT_BY_A_REMOVAL = "left by a killed run", "left by a killed removal"


@dataclass(frozen=True)
class Removal:
    """Something that may go, and why."""

    path: Path
    size_bytes: int
    reason: str


def removable(workspace: Workspace, pipeline: str, keep: int) -> list[Removal]:
    """What of one pipeline may go, when the newest `keep` of each kind stay."""
    home = workspace.pipeline(pipeline)
    datasets = _old_versions(workspace, home, "dataset_versions", max(keep, 1))
    left = [Removal(path, size_of(path), LEFT_BY_A_RUN) for path in _left_behind(home)]
    return old_checkpoints(workspace, pipeline, max(keep, 1)) + datasets + left


def old_checkpoints(workspace: Workspace, pipeline: str, keep: int) -> list[Removal]:
    """The checkpoints that may go. With `keep` 0, none may."""
    home = workspace.pipeline(pipeline)
    return _old_versions(workspace, home, "checkpoints", keep) if keep else []


def _old_versions(workspace: Workspace, home: Path, kind: str, keep: int) -> list[Removal]:
    versions = _newest_first(home / kind)
    named = named_in_records(workspace)
    spared = set(versions[:keep]) | _target(home / _KINDS[kind])
    old = [
        Removal(path, size_of(path), f"older than the newest {keep}, and nothing uses it")
        for path in versions
        if path not in spared and path.name not in named and not (path / LINEAGE_FILE).exists()
    ]
    left = [Removal(path, size_of(path), LEFT_BY_A_REMOVAL) for path in half_removed(home / kind)]
    return old + left


def remove(removals: Iterable[Removal]) -> int:
    """Delete them; the bytes that are free now."""
    freed = 0
    for removal in removals:
        try:
            _remove(removal.path)
        except FileNotFoundError:
            continue  # another run removes it just now
        except OSError as problem:
            raise WorkspaceError(
                f"Cannot delete {removal.path}: {problem.strerror}. Check its permissions"
            ) from problem
        freed += removal.size_bytes
    return freed


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
        return
    # Away under another name first: a run that is killed here leaves no half of a version.
    shutil.rmtree(path.rename(path.with_name(f"{_DOOMED}{uuid.uuid4().hex}")))


def _newest_first(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    versions = [path for path in directory.iterdir() if len(path.name) == FINGERPRINT_DIGITS]
    return sorted(versions, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def _target(link: Path) -> set[Path]:
    """The version that a stable link is in, or leads into."""
    target = Path(os.path.realpath(link))
    return {target, target.parent}


def half_removed(directory: Path) -> list[Path]:
    """What a removal that was killed left there."""
    return sorted(directory.glob(f"{_DOOMED}*"))


def named_in_records(workspace: Workspace) -> str:
    """All that any pipeline's records say: what they name is in use."""
    records = workspace.root.glob("*/records/*.json")
    return "\n".join(path.read_text(errors="replace") for path in sorted(records))


def _left_behind(home: Path) -> list[Path]:
    links = [path for link in _KINDS.values() for path in home.glob(f".{link}-*")]
    drafts = [path for kind in sorted(home.glob("*/")) for path in abandoned(kind)]
    return sorted(path for path in links if path.is_symlink()) + drafts


def size_of(directory: Path) -> int:
    """Its bytes; a link has none."""
    if directory.is_symlink():
        return 0
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
