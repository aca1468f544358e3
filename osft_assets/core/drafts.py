"""Directories that are being written, told from those that killed runs left behind.

Beside each is a file that its writer keeps locked: the kernel unlocks it however the process ends.
What becomes of a finished one is `core.workspace`.
"""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = ".writing-"
_DAMAGED = ".damaged"


@contextmanager
def new_draft(parent: Path) -> Iterator[Path]:
    """A directory to write in, gone after the block. Removes what killed runs left."""
    directory = parent / f"{_TEMPORARY}{uuid.uuid4().hex}"
    with locked(parent):  # or another run could take the new one for an abandoned one
        for lock in _unheld(parent):
            for left in (*_directories_of(lock), lock):
                delete(left)
        own_lock = _lock_file(directory)
        descriptor = os.open(own_lock, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        directory.mkdir()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        own_lock.unlink(missing_ok=True)
        os.close(descriptor)


def abandoned(parent: Path) -> list[Path]:
    """What killed runs left. Nothing where nothing may be written: nobody could delete it."""
    if not any(parent.glob(f"{_TEMPORARY}*.lock")):
        return []
    try:
        with locked(parent):
            left = [path for lock in _unheld(parent) for path in _directories_of(lock)]
            return sorted(path for path in left if path.exists())
    except OSError:
        return []


def damaged(draft: Path) -> Path:
    """Where that goes whose place the draft takes, until it is deleted."""
    return draft.with_suffix(_DAMAGED)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """While the block runs, nobody else begins a draft there or puts one in place."""
    file = directory.with_name(f".{directory.name}.lock")
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def held(file: Path) -> Iterator[bool]:
    """Whether this process alone has the file while the block runs; it does not wait for it."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield _take(descriptor)
    finally:
        os.close(descriptor)


def delete(path: Path) -> None:
    """Whatever it is, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _lock_file(directory: Path) -> Path:
    # A file beside it: NFS locks files across machines, but directories on one machine only.
    return directory.with_suffix(".lock")


def _directories_of(lock: Path) -> tuple[Path, Path]:
    draft = lock.with_suffix("")
    return draft, damaged(draft)


def _unheld(parent: Path) -> Iterator[Path]:
    """The lock files that nobody holds; each is held while it is looked at."""
    for lock in parent.glob(f"{_TEMPORARY}*.lock"):
        try:
            descriptor = os.open(lock, os.O_RDWR)
        except FileNotFoundError:
            continue  # finished just now
        try:
            if _take(descriptor):
                yield lock
        finally:
            os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
