"""What may be deleted: the old, if nothing uses it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from osft_assets.core.checkpoint_lineage import LINEAGE_FILE
from osft_assets.core.errors import WorkspaceError
from osft_assets.core.pruning import Removal, old_checkpoints, removable, remove
from osft_assets.core.workspace import Workspace

_KILLED_REMOVAL = """
import os, signal, sys
from pathlib import Path
from osft_assets.core.pruning import removable, remove
from osft_assets.core.workspace import Workspace

def kill(event, _):
    if event == "os.remove":
        os.kill(os.getpid(), signal.SIGKILL)

found = removable(Workspace(Path(sys.argv[1])), "lessons", 1)
sys.addaudithook(kill)
remove(found)
"""
_KILLED_DRAFT = """
import os, signal, sys
from pathlib import Path
from osft_assets.core.workspace import Workspace

parent = Path(sys.argv[1])
with Workspace(parent.parent).publish(parent) as draft:
    (draft.directory / "weights").write_bytes(b"x" * 500)
    os.kill(os.getpid(), signal.SIGKILL)
"""
_KINDS = ("checkpoints", "dataset_versions")


def name(number: int) -> str:
    """As long as a fingerprint."""
    return f"{number:032x}"


def versions(workspace: Workspace, count: int, kind: str = "checkpoints") -> list[Path]:
    """So many versions of 1,000 bytes, the oldest first."""
    made = [workspace.pipeline("lessons") / kind / name(number) for number in range(count)]
    for number, path in enumerate(made):
        (path / "model").mkdir(parents=True, exist_ok=True)
        (path / "model" / "weights").write_bytes(b"x" * 1_000)
        os.utime(path, (1_000 + number, 1_000 + number))
    return made


def record(workspace: Workspace, path: str, text: str) -> None:
    (workspace.root / path).parent.mkdir(parents=True, exist_ok=True)
    (workspace.root / path).write_text(text)


def killed_while_removing(workspace: Workspace) -> int:
    """The exit code of a process that is killed before it deletes its first file."""
    command = [sys.executable, "-c", _KILLED_REMOVAL, str(workspace.root)]
    return subprocess.run(command, check=False).returncode


def paths(removals: list[Removal]) -> list[Path]:
    return [removal.path for removal in removals]


# What may go


def test_the_newest_are_kept(workspace: Workspace) -> None:
    first, second, *_ = versions(workspace, 5)

    found = old_checkpoints(workspace, "lessons", 3)

    assert set(paths(found)) == {first, second}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_nothing_goes_while_there_are_few(workspace: Workspace, count: int) -> None:
    versions(workspace, count)

    assert old_checkpoints(workspace, "lessons", 3) == []


def test_with_keep_zero_nothing_goes(workspace: Workspace) -> None:
    versions(workspace, 5)

    assert old_checkpoints(workspace, "lessons", 0) == []


def test_what_is_listed_has_its_size_and_a_reason(workspace: Workspace) -> None:
    versions(workspace, 2)

    [old] = removable(workspace, "lessons", 1)

    assert old.size_bytes == 1_000
    assert old.reason == "older than the newest 1, and nothing uses it"


def test_listing_deletes_nothing(workspace: Workspace) -> None:
    made = versions(workspace, 5)

    removable(workspace, "lessons", 1)

    assert all((path / "model/weights").exists() for path in made)


def test_where_the_stable_link_leads_stays_however_old(workspace: Workspace) -> None:
    oldest, old, _ = versions(workspace, 3)
    workspace.link(workspace.root / "lessons/final_model", oldest / "model")

    assert paths(old_checkpoints(workspace, "lessons", 1)) == [old]


def test_the_dataset_in_use_stays(workspace: Workspace) -> None:
    oldest, old, _ = versions(workspace, 3, "dataset_versions")
    workspace.link(workspace.root / "lessons/datasets", oldest)

    assert paths(removable(workspace, "lessons", 1)) == [old]


@pytest.mark.parametrize("pipeline", ["lessons", "another"])
def test_what_a_record_of_any_pipeline_names_stays(workspace: Workspace, pipeline: str) -> None:
    oldest, old, _ = versions(workspace, 3)
    record(workspace, f"{pipeline}/records/base_model.json", f'{{"path": "{oldest}/model"}}')

    assert paths(old_checkpoints(workspace, "lessons", 1)) == [old]


def test_a_registered_checkpoint_stays_however_old(workspace: Workspace) -> None:
    oldest, older, *_ = versions(workspace, 5)
    (oldest / LINEAGE_FILE).write_text("{}")
    os.utime(oldest, (1, 1))

    assert paths(old_checkpoints(workspace, "lessons", 3)) == [older]


def test_a_record_that_is_no_text_spares_nothing_and_breaks_nothing(workspace: Workspace) -> None:
    old, _ = versions(workspace, 2)
    record(workspace, "another/records/scores.json", "")
    (workspace.root / "another/records/scores.json").write_bytes(b"\xff\xfe")

    assert paths(old_checkpoints(workspace, "lessons", 1)) == [old]


def test_checkpoints_of_other_pipelines_are_not_looked_at(workspace: Workspace) -> None:
    versions(workspace, 5)

    assert removable(workspace, "another", 1) == []


def test_a_draft_of_a_running_training_stays(workspace: Workspace) -> None:
    versions(workspace, 1)

    with workspace.publish(workspace.root / "lessons/checkpoints") as draft:
        draft.name = name(9)
        assert removable(workspace, "lessons", 1) == []


def test_a_draft_whose_run_was_killed_is_listed_and_can_be_removed(workspace: Workspace) -> None:
    [version] = versions(workspace, 1)
    command = [sys.executable, "-c", _KILLED_DRAFT, str(version.parent)]
    assert subprocess.run(command, check=False).returncode == -9

    [left] = removable(workspace, "lessons", 1)

    assert left.path.name.startswith(".writing-")
    assert (left.size_bytes, left.reason) == (500, "left by a killed run")
    assert remove([left]) == 500
    assert removable(workspace, "lessons", 1) == []
    assert version.exists()


def test_the_command_lists_both_kinds_and_keeps_one_at_least(workspace: Workspace) -> None:
    old, _ = versions(workspace, 2)
    old_dataset, _ = versions(workspace, 2, "dataset_versions")

    assert set(paths(removable(workspace, "lessons", 0))) == {old, old_dataset}


def test_links_that_killed_runs_left_are_listed(workspace: Workspace) -> None:
    versions(workspace, 1)
    loose = workspace.root / "lessons/.final_model-0123"
    loose.symlink_to("nowhere")

    assert removable(workspace, "lessons", 1) == [Removal(loose, 0, "left by a killed run")]


# Removing


def test_what_is_removed_is_gone_and_counted(workspace: Workspace) -> None:
    *_, newest = versions(workspace, 3)
    loose = workspace.root / "lessons/.final_model-0123"
    loose.symlink_to(newest)

    freed = remove(removable(workspace, "lessons", 1))

    assert freed == 2_000
    assert list(newest.parent.iterdir()) == [newest]
    assert not loose.is_symlink()
    assert (newest / "model/weights").exists()


@pytest.mark.parametrize("kind", _KINDS)
def test_a_killed_removal_leaves_nothing_that_looks_whole(workspace: Workspace, kind: str) -> None:
    old, newest = versions(workspace, 2, kind)

    assert killed_while_removing(workspace) == -9

    assert not old.exists()
    [left] = removable(workspace, "lessons", 1)
    assert left.path.name.startswith(".removing-")
    assert (left.size_bytes, left.reason) == (1_000, "left by a killed removal")
    assert remove([left]) == 1_000
    assert list(newest.parent.iterdir()) == [newest]


def test_a_version_that_was_half_removed_once_can_be_removed_again(workspace: Workspace) -> None:
    _, newest = versions(workspace, 2)
    killed_while_removing(workspace)
    versions(workspace, 2)

    assert remove(removable(workspace, "lessons", 1)) == 2_000
    assert list(newest.parent.iterdir()) == [newest]


def test_what_cannot_be_deleted_is_said_with_the_remedy(workspace: Workspace) -> None:
    (workspace.root / "file").write_bytes(b"")
    path = workspace.root / "file" / name(1)

    with pytest.raises(WorkspaceError, match=f"Cannot delete {path}: Not a directory. Check its"):
        remove([Removal(path, 1, "old")])


def test_what_another_run_removed_meanwhile_is_not_counted(workspace: Workspace) -> None:
    versions(workspace, 3)
    found = removable(workspace, "lessons", 1)
    remove(found[:1])

    assert remove(found) == 1_000


def test_many_that_remove_the_same_do_not_disturb_each_other(workspace: Workspace) -> None:
    *_, newest = versions(workspace, 30)
    found = removable(workspace, "lessons", 1)

    with ThreadPoolExecutor(8) as pool:
        freed = sum(pool.map(lambda _: remove(found), range(8)))

    assert freed == 29_000
    assert list(newest.parent.iterdir()) == [newest]
