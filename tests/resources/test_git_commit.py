"""Which commit of the code runs, as far as that can be told."""

import subprocess
from pathlib import Path

import pytest

from resources.git_commit import git_commit


def git(directory: Path, *words: str) -> str:
    who = ("-c", "user.name=ann", "-c", "user.email=ann@example.org")
    command = ["git", "-C", str(directory), *who, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("one")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "--quiet", "--message", "Begin")
    return tmp_path


def test_a_checkout_tells_its_commit(checkout: Path) -> None:
    assert git_commit(checkout) == git(checkout, "rev-parse", "HEAD")


def test_changed_code_is_no_commit(checkout: Path) -> None:
    (checkout / "code.py").write_text("two")

    assert git_commit(checkout) == f"{git(checkout, 'rev-parse', 'HEAD')}+changes"


def test_a_new_file_beside_the_code_changes_nothing(checkout: Path) -> None:
    (checkout / "notes.txt").write_text("mine")

    assert git_commit(checkout) == git(checkout, "rev-parse", "HEAD")


def test_without_a_checkout_nothing_is_known(tmp_path: Path) -> None:
    assert git_commit(tmp_path / "missing") == ""


def test_without_git_nothing_is_known(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    assert git_commit(checkout) == ""
