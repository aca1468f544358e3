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
_DAMAGED = ".damaged"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass
class Draft:
    """A directory being written. The block that fills it sets `name` when it knows what it made.

    `replaces`: what has that name already is damaged, and makes room. Otherwise it stays: another
    run of the same work was faster, and the same name means the same content.
    """

    directory: Path
    name: str = ""
    replaces: bool = False


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
        except (OSError, RuntimeError, ValueError):  # links in a circle, a NUL
            raise ConfigError(f"pvc://{relative!r} cannot be followed. Mend the path") from None
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
                _put_in_place(draft, parent)
                _sync([parent])
        except (ConnectionError, TimeoutError):
            raise  # the source's trouble, not the workspace's
        except OSError as problem:
            if problem.errno is None:
                raise
            raise _explained(problem, parent) from problem

    def link(self, link: Path, target: Path) -> None:
        """Point a stable name at `target`, in one step."""
        with _replacing(link) as temporary:
            temporary.symlink_to(os.path.relpath(target, link.parent))

    def write(self, path: Path, content: bytes) -> None:
        """A small file, whole or not at all: a reader never sees half of it."""
        with _replacing(path) as temporary:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary name; what the block makes there takes the place of `path`."""
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as problem:
        with suppress(OSError):
            temporary.unlink()
        raise _explained(problem, path) from problem


@contextmanager
def _temporary_directory(parent: Path) -> Iterator[Path]:
    directory = parent / f"{_TEMPORARY}{uuid.uuid4().hex}"
    with _locked(parent):  # or another run could take the new one for an abandoned one
        _remove_abandoned(parent)
        own_lock = _lock_file(directory)
        descriptor = os.open(own_lock, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # released by the kernel, however the process ends
        directory.mkdir()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        own_lock.unlink(missing_ok=True)
        os.close(descriptor)


def _lock_file(directory: Path) -> Path:
    # A file beside it: NFS locks files across machines, but directories on one machine only.
    return directory.with_suffix(".lock")


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    file = directory.with_name(f".{directory.name}.lock")
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_abandoned(parent: Path) -> None:
    for lock in parent.glob(f"{_TEMPORARY}*.lock"):
        try:
            descriptor = os.open(lock, os.O_RDWR)
        except FileNotFoundError:
            continue  # finished just now
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in (lock.with_suffix(""), lock.with_suffix(_DAMAGED), lock):
                _delete(left)
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


def _put_in_place(draft: Draft, parent: Path) -> None:
    target = parent / draft.name
    with _locked(parent):
        if target.is_symlink() or target.exists():
            if not draft.replaces:
                return
            damaged = draft.directory.with_suffix(_DAMAGED)
            target.rename(damaged)
            draft.directory.rename(target)
            _delete(damaged)
        else:
            draft.directory.rename(target)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _explained(problem: OSError, target: Path) -> WorkspaceError:
    if problem.errno in _NO_ROOM:
        free = shutil.disk_usage(_nearest(target)).free
        return WorkspaceError(
            f"No room to write {target}: {free / 1e9:.1f} GB are free there. Nothing was kept. "
            "Free some"
        )
    return WorkspaceError(
        f"Cannot write {target}: {problem.strerror}. Check OSFT_WORKSPACE and its permissions"
    )


def _nearest(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())
