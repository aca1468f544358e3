"""The directory everything is written to, and the one way to write there.

Work in a temporary directory, sync, rename: what has its final name is complete. A killed run
leaves a temporary directory behind, which the next one removes; a lock tells it from one still in
use.
"""

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.errors import ConfigError, WorkspaceError

_TEMPORARY = ".writing-"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass
class Draft:
    """A directory being written. The block that fills it sets `name` when it knows what it made."""

    directory: Path
    name: str = ""


class Workspace:
    """A root directory, usually a mounted volume."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def pipeline(self, name: str) -> Path:
        """Where a pipeline keeps its things."""
        return self.root / name

    def inside(self, relative: str) -> Path:
        """The path below the root, refused when `..` or a link leads out of it."""
        try:
            path = (self.root / relative).resolve()
        except (OSError, RuntimeError):  # links in a circle: RuntimeError up to Python 3.12
            raise ConfigError(f"pvc://{relative} leads in a circle. Mend its links") from None
        if not path.is_relative_to(self.root.resolve()):
            raise ConfigError(
                f"pvc://{relative} leads out of the workspace {self.root}. Copy the data into it"
            )
        return path

    @contextmanager
    def publish(self, parent: Path) -> Iterator["Draft"]:
        """A draft that gets the name the block gives it, or vanishes when the block fails."""
        try:
            parent.mkdir(parents=True, exist_ok=True)
            with _temporary_directory(parent) as directory:
                draft = Draft(directory)
                yield draft
                if not draft.name:
                    raise ValueError(f"the draft for {parent} was given no name")
                _sync([*directory.rglob("*"), directory])
                _rename(directory, parent / draft.name)
                _sync([parent])
        except (ConnectionError, TimeoutError):
            raise  # the source's trouble, not the workspace's
        except OSError as problem:
            if problem.errno is None:
                raise
            raise _explained(problem, parent) from problem

    def remove(self, directory: Path) -> None:
        """Delete a directory that is of no use any more."""
        try:
            shutil.rmtree(directory)
        except OSError as problem:
            raise _explained(problem, directory) from problem

    def link(self, link: Path, target: Path) -> None:
        """Point a stable name at `target`, in one step."""
        temporary = link.with_name(f".{link.name}-{uuid.uuid4().hex}")
        try:
            temporary.symlink_to(os.path.relpath(target, link.parent))
            temporary.replace(link)
        except OSError as problem:
            with suppress(OSError):
                temporary.unlink()
            raise _explained(problem, link) from problem


@contextmanager
def _temporary_directory(parent: Path) -> Iterator[Path]:
    directory = parent / f"{_TEMPORARY}{uuid.uuid4().hex}"
    with _locked(parent):  # or another run could take the new directory for an abandoned one
        _remove_abandoned(parent)
        directory.mkdir()
        descriptor = os.open(directory, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # released by the kernel, however the process ends
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_abandoned(parent: Path) -> None:
    for directory in parent.glob(f"{_TEMPORARY}*"):
        try:
            descriptor = os.open(directory, os.O_RDONLY)
        except FileNotFoundError:
            continue  # got its final name just now
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)
        except BlockingIOError:
            continue  # in use
        finally:
            os.close(descriptor)


def _sync(paths: Iterable[Path]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _rename(directory: Path, target: Path) -> None:
    try:
        directory.rename(target)
    except OSError as problem:
        # Another run of the same work was faster. Same name = same content, so its result serves.
        if problem.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _explained(problem: OSError, target: Path) -> WorkspaceError:
    if problem.errno in _NO_ROOM:
        free = shutil.disk_usage(_nearest(target)).free
        return WorkspaceError(
            f"No room to write {target}: {free / 1e9:.1f} GB are free there. Nothing was kept. "
            f"Free some"
        )
    return WorkspaceError(
        f"Cannot write {target}: {problem.strerror}. Check OSFT_WORKSPACE and its permissions"
    )


def _nearest(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())
