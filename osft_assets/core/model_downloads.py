"""Where downloaded models live: `<workspace>/_models`, each complete or absent, and only once.

No pipeline's name begins with `_`, so the directory is nobody's else. The Hub's files are in the
Hub's own cache instead (`resources/hub_model.py`). One directory a revision, in it `files/` and the
list of what was put there.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from osft_assets.core.errors import WorkspaceError
from osft_assets.core.workspace import Workspace

_HOME = "_models"
_LIST = "download.json"
Fill = Callable[[Path], None]


def downloaded(workspace: Workspace, name: str, say: Callable[[str], None], fill: Fill) -> Path:
    """The files of that name; `fill` downloads them into a directory where they are missing."""
    home = workspace.root / _HOME
    with _one_at_a_time(home, name, say):
        if is_downloaded(workspace, name):
            say("Downloaded before: reused.")
            return home / name / "files"
        if (home / name).exists():
            say(f"{home / name} is not as it was downloaded: downloading it anew.")
        with workspace.publish(home) as draft:
            files = draft.directory / "files"
            files.mkdir()
            fill(files)
            (draft.directory / _LIST).write_text(json.dumps(_sizes(files), indent=1))
            draft.name, draft.replaces = name, True
    return home / name / "files"


def is_downloaded(workspace: Workspace, name: str) -> bool:
    """Whether every file is there, as long as it was."""
    directory = workspace.root / _HOME / name
    try:
        listed = json.loads((directory / _LIST).read_bytes())
    except (OSError, ValueError):
        return False
    return bool(listed == _sizes(directory / "files"))


def refuse_without_room(directory: Path, size_bytes: int) -> None:
    """Say so before hours of downloading instead of after them."""
    existing = next(place for place in (directory, *directory.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if free < size_bytes:
        raise WorkspaceError(
            f"No room for {size_bytes / 1e9:.1f} GB in {directory}: {free / 1e9:.1f} GB are free "
            "there. Free some"
        )


def _sizes(directory: Path) -> dict[str, int]:
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.stat().st_size for path in paths}


@contextmanager
def _one_at_a_time(home: Path, name: str, say: Callable[[str], None]) -> Iterator[None]:
    """Two pipelines with the same model: the second one waits instead of downloading it too."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(home / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as problem:
        raise WorkspaceError(
            f"Cannot write {home}: {problem.strerror}. Check OSFT_WORKSPACE and its permissions"
        ) from problem
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another run is downloading this model: waiting for it.")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
