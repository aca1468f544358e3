"""The directory everything is written to, and the one way to write there.

Work in a temporary directory, sync, rename: what has its final name is complete. What a killed run
leaves is `core.drafts`.
"""

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from osft_assets.core.drafts import damaged, delete, locked, new_draft
from osft_assets.core.errors import ConfigError, WorkspaceError
from osft_assets.core.redaction import credentials_in, quoted

# No step up, no query, and no user: what reads the address would go elsewhere.
_ADDRESS = r"((pvc|s3)://[^/\s?#@]+(/(?!\.\.?(/|$))[^/\s?#]+)*|file://(/(?!\.\.?(/|$))[^/\s?#]+)+)"
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
    """A root directory, usually a mounted volume.

    `address` is what other machines call it: pvc://claim/path, s3://bucket/prefix.
    """

    def __init__(self, root: Path, address: str = "") -> None:
        self.root = root.absolute()
        self.address = _checked(address.rstrip("/"))

    def address_of(self, path: Path) -> str:
        """What a machine elsewhere can load `path` from; file:// while the workspace has no
        address.
        """
        if not self.address:
            return path.absolute().as_uri()
        return f"{self.address}/{quote(str(self._below_root(path)))}"

    def _below_root(self, path: Path) -> Path:
        """The path from the root on, under whatever name the workspace was mounted when written."""
        for root, found in ((self.root, path.absolute()), (self.root.resolve(), path.resolve())):
            if found.is_relative_to(root):
                return found.relative_to(root)
        raise ConfigError(
            f"{path} is not in the workspace {self.root}, so {self.address} does not lead to it. "
            "Was the workspace moved? Materialize the checkpoint again"
        )

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
        with _explaining(parent):
            parent.mkdir(parents=True, exist_ok=True)
            # Again inside: how much room there was must be measured before the draft is gone.
            with new_draft(parent) as directory, _explaining(parent):
                draft = Draft(directory)
                yield draft
                if not draft.name:
                    raise ValueError(f"the draft for {parent} was given no name")
                _sync([*directory.rglob("*"), directory])
                _put_in_place(draft, parent)
                _sync([parent])

    def link(self, link: Path, target: Path) -> None:
        """Point a stable name at `target`, in one step."""
        with _replacing(link) as temporary:
            temporary.symlink_to(os.path.relpath(target, link.parent))

    def write(self, path: Path, content: bytes) -> None:
        """A small file, whole or not at all: a reader never sees half of it."""
        with _replacing(path) as temporary:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)


def _checked(address: str) -> str:
    if credentials_in(address):
        raise ConfigError(
            "OSFT_WORKSPACE_URI carries a credential, and would be stored with every model. Leave "
            "it out: whoever loads a model has their own"
        )
    if address and not re.fullmatch(_ADDRESS, address):
        raise ConfigError(
            f"OSFT_WORKSPACE_URI is {quoted(address)}, expected pvc://claim/path, "
            "s3://bucket/prefix or file:///path: what other machines call the workspace"
        )
    return address


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary name; what the block makes there takes the place of `path`."""
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as problem:
        explained = _explained(problem, path)
        with suppress(OSError):
            temporary.unlink()
        raise explained from problem


def _sync(paths: Iterable[Path]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _put_in_place(draft: Draft, parent: Path) -> None:
    target = parent / draft.name
    with locked(parent):
        if target.is_symlink() or target.exists():
            if not draft.replaces:
                return
            old = damaged(draft.directory)
            target.rename(old)
            draft.directory.rename(target)
            delete(old)
        else:
            draft.directory.rename(target)


@contextmanager
def _explaining(target: Path) -> Iterator[None]:
    """What goes wrong in the block, as an error of the workspace."""
    try:
        yield
    except (ConnectionError, TimeoutError):
        raise  # the source's trouble, not the workspace's
    except OSError as problem:
        if problem.errno is None:
            raise
        raise _explained(problem, target) from problem


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
