"""Writing to the workspace: all or nothing, whatever happens."""

import errno
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from osft_assets.core.errors import ConfigError, WorkspaceError
from osft_assets.core.workspace import Workspace

# Publishes a file, then says that it is inside the block and waits there to be ended.
_SLOW_PUBLISHER = """
import sys
from pathlib import Path
from osft_assets.core.workspace import Workspace

root = Path(sys.argv[1])
with Workspace(root).publish(root / "versions") as draft:
    draft.name = "slow"
    (draft.directory / "rows.jsonl").write_bytes(b"half of it")
    print("inside", flush=True)
    sys.stdin.read()
"""
# A full disk, as far as one process is concerned: no file may grow beyond 64 KiB.
_PUBLISHER_WITHOUT_ROOM = """
import resource, signal, sys
from pathlib import Path
from osft_assets.core.errors import WorkspaceError
from osft_assets.core.workspace import Workspace

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))
root = Path(sys.argv[1])
try:
    with Workspace(root).publish(root / "versions") as draft:
        draft.name = "one"
        (draft.directory / "small.jsonl").write_bytes(b"fits")
        (draft.directory / "rows.jsonl").write_bytes(b"x" * 100_000)
except WorkspaceError as problem:
    print(problem)
"""


def publish(workspace: Workspace, name: str, content: bytes = b"rows") -> Path:
    with workspace.publish(workspace.root / "versions") as draft:
        draft.name = name
        (draft.directory / "rows.jsonl").write_bytes(content)
    return workspace.root / "versions" / name


def run_out_of_room_after(workspace: Workspace, size: int) -> None:
    with workspace.publish(workspace.root / "versions") as draft:
        with (draft.directory / "sparse").open("wb") as stream:
            stream.truncate(size)
        raise OSError(errno.ENOSPC, "No space left on device")


def fail_while_publishing(workspace: Workspace, name: str, problem: Exception) -> None:
    with workspace.publish(workspace.root / "versions") as draft:
        draft.name = name
        (draft.directory / "rows.jsonl").write_bytes(b"half of it")
        raise problem


@contextmanager
def another_publisher(workspace: Workspace) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the middle of publishing."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW_PUBLISHER, str(workspace.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"inside\n"
        try:
            yield process
        finally:
            process.kill()


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


# Paths


def test_a_path_below_the_root_is_inside(workspace: Workspace) -> None:
    assert workspace.inside("a/rows.jsonl") == workspace.root.resolve() / "a/rows.jsonl"


def test_a_link_within_the_root_is_inside(workspace: Workspace) -> None:
    (workspace.root / "real").mkdir()
    (workspace.root / "link").symlink_to("real")

    assert workspace.inside("link/rows.jsonl") == workspace.root.resolve() / "real/rows.jsonl"


def test_a_root_behind_a_link_holds_its_own_paths(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "mount").symlink_to("volume")

    path = Workspace(tmp_path / "mount").inside("rows.jsonl")

    assert path == (tmp_path / "volume").resolve() / "rows.jsonl"


@pytest.mark.parametrize(
    "relative", ["..", "../other/rows.jsonl", "a/../../other", "/etc/passwd", "../workspace2"]
)
def test_a_path_that_leads_out_is_refused(workspace: Workspace, relative: str) -> None:
    with pytest.raises(ConfigError, match=f"pvc://{re.escape(relative)} leads out of the workspa"):
        workspace.inside(relative)


def test_a_link_that_leads_out_is_refused(workspace: Workspace) -> None:
    (workspace.root / "link").symlink_to(workspace.root.parent)

    with pytest.raises(ConfigError, match="pvc://link/rows.jsonl leads out of the workspace"):
        workspace.inside("link/rows.jsonl")


def test_a_link_that_leads_to_itself_is_refused(workspace: Workspace) -> None:
    (workspace.root / "link").symlink_to("link")

    with pytest.raises((ConfigError, WorkspaceError)):
        workspace.inside("link/rows.jsonl")


# Publishing


def test_what_is_published_has_its_name_and_nothing_else_is_left(workspace: Workspace) -> None:
    directory = publish(workspace, "one", b"rows")

    assert (directory / "rows.jsonl").read_bytes() == b"rows"
    assert names_in(workspace.root / "versions") == {"one"}


def test_nothing_has_its_name_before_it_is_complete(workspace: Workspace) -> None:
    with workspace.publish(workspace.root / "versions") as draft:
        draft.name = "one"
        (draft.directory / "rows.jsonl").write_bytes(b"rows")
        early = (workspace.root / "versions" / "one").exists()

    assert not early


def test_an_error_in_the_block_leaves_nothing(workspace: Workspace) -> None:
    with pytest.raises(KeyError):
        fail_while_publishing(workspace, "one", KeyError())

    assert names_in(workspace.root / "versions") == set()


def test_a_draft_without_a_name_leaves_nothing(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="was given no name"):
        publish(workspace, "")

    assert names_in(workspace.root / "versions") == set()


def test_an_error_in_the_block_leaves_older_results_alone(workspace: Workspace) -> None:
    older = publish(workspace, "one", b"older")

    with pytest.raises(KeyError):
        fail_while_publishing(workspace, "one", KeyError())

    assert (older / "rows.jsonl").read_bytes() == b"older"


def test_a_connection_that_breaks_in_the_block_is_not_blamed_on_the_workspace(
    workspace: Workspace,
) -> None:
    with pytest.raises(Exception, match="the other side hung up"):
        fail_while_publishing(workspace, "one", ConnectionError("the other side hung up"))


def test_the_second_to_finish_the_same_work_keeps_the_first_result(workspace: Workspace) -> None:
    with workspace.publish(workspace.root / "versions") as draft:
        draft.name = "one"
        (draft.directory / "rows.jsonl").write_bytes(b"second")
        publish(workspace, "one", b"first")

    assert (workspace.root / "versions" / "one" / "rows.jsonl").read_bytes() == b"first"
    assert names_in(workspace.root / "versions") == {"one"}


def test_many_publishers_of_one_result_leave_one_result(workspace: Workspace) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: publish(workspace, "one"), range(100)))

    assert names_in(workspace.root / "versions") == {"one"}


def test_many_publishers_of_many_results_do_not_disturb_each_other(workspace: Workspace) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: publish(workspace, f"result {number}"), range(300)))

    assert names_in(workspace.root / "versions") == {f"result {number}" for number in range(300)}


def test_what_a_killed_run_left_is_removed_by_the_next(workspace: Workspace) -> None:
    with another_publisher(workspace) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    left_behind = names_in(workspace.root / "versions")

    publish(workspace, "one")

    assert len(left_behind) == 2  # the draft and its lock
    assert names_in(workspace.root / "versions") == {"one"}


def test_a_killed_run_leaves_nothing_that_looks_complete(workspace: Workspace) -> None:
    with another_publisher(workspace) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert not (workspace.root / "versions" / "slow").exists()


def test_what_a_live_run_is_writing_is_left_alone(workspace: Workspace) -> None:
    with another_publisher(workspace) as process:
        publish(workspace, "one")
        process.communicate(b"")

    assert process.returncode == 0
    assert names_in(workspace.root / "versions") == {"one", "slow"}
    assert (workspace.root / "versions/slow/rows.jsonl").read_bytes() == b"half of it"


def test_a_full_disk_is_said_and_leaves_nothing(workspace: Workspace) -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", _PUBLISHER_WITHOUT_ROOM, str(workspace.root)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert re.match(r"No room to write .*versions: [\d.]+ GB are free there", outcome.stdout)
    assert names_in(workspace.root / "versions") == set()


def test_the_room_is_measured_while_the_draft_still_takes_its_part(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or more is said to be free than was needed."""

    def disk_of_ten_gigabytes(_: Path) -> SimpleNamespace:
        files = [path for path in workspace.root.rglob("*") if path.is_file()]
        return SimpleNamespace(free=10**10 - sum(path.stat().st_size for path in files))

    monkeypatch.setattr(shutil, "disk_usage", disk_of_ten_gigabytes)

    with pytest.raises(WorkspaceError, match=r"versions: 1\.0 GB are free there"):
        run_out_of_room_after(workspace, size=9 * 10**9)


def test_a_place_that_cannot_be_written_is_said_with_the_remedy(workspace: Workspace) -> None:
    (workspace.root / "versions").write_bytes(b"a file, where a directory should be")

    with pytest.raises(WorkspaceError, match="Cannot write .*versions: .* Check OSFT_WORKSPACE"):
        publish(workspace, "one")


# Links


def test_a_link_leads_to_its_target(workspace: Workspace) -> None:
    directory = publish(workspace, "one", b"rows")

    workspace.link(workspace.root / "newest", directory)

    assert (workspace.root / "newest" / "rows.jsonl").read_bytes() == b"rows"


def test_a_link_moves_to_a_new_target(workspace: Workspace) -> None:
    workspace.link(workspace.root / "newest", publish(workspace, "one", b"old"))

    workspace.link(workspace.root / "newest", publish(workspace, "two", b"new"))

    assert (workspace.root / "newest" / "rows.jsonl").read_bytes() == b"new"
    assert names_in(workspace.root) == {".versions.lock", "newest", "versions"}


def test_a_link_exists_at_every_moment_while_it_moves(workspace: Workspace) -> None:
    link, targets = workspace.root / "newest", [publish(workspace, name) for name in ("one", "two")]
    workspace.link(link, targets[0])

    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(
            lambda: [workspace.link(link, targets[turn % 2]) for turn in range(300)]
        )
        found = [(link / "rows.jsonl").exists()]
        while not moving.done():
            found.append((link / "rows.jsonl").exists())

    assert all(found)
    assert moving.exception() is None


def test_a_link_survives_the_move_of_the_whole_workspace(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.link(workspace.root / "newest", publish(workspace, "one", b"rows"))

    shutil.move(workspace.root, tmp_path / "elsewhere")

    assert (tmp_path / "elsewhere" / "newest" / "rows.jsonl").read_bytes() == b"rows"


def test_a_link_never_replaces_a_directory(workspace: Workspace) -> None:
    directory = publish(workspace, "one")
    (workspace.root / "newest").mkdir()

    with pytest.raises(WorkspaceError, match="Cannot write .*newest"):
        workspace.link(workspace.root / "newest", directory)

    assert names_in(workspace.root) == {".versions.lock", "newest", "versions"}


# Removing


def test_a_damaged_result_makes_room_for_its_replacement(workspace: Workspace) -> None:
    directory = publish(workspace, "one")
    (directory / "rows.jsonl").write_bytes(b"damaged")

    with workspace.publish(workspace.root / "versions") as draft:
        (draft.directory / "rows.jsonl").write_bytes(b"whole")
        draft.name, draft.replaces = "one", True

    assert (directory / "rows.jsonl").read_bytes() == b"whole"
    assert names_in(workspace.root / "versions") == {"one"}


def test_open_files_do_not_pile_up(workspace: Workspace) -> None:
    publish(workspace, "first")
    before = len(names_in(Path("/proc/self/fd")))

    for number in range(20):
        publish(workspace, f"result {number}")

    assert len(names_in(Path("/proc/self/fd"))) == before
