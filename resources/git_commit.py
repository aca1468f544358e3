"""Which commit of the code runs. An image without a git checkout is told by its environment."""

import subprocess
from pathlib import Path


def git_commit(directory: Path) -> str:
    """The commit checked out in `directory`, with +changes if files differ; empty if unknown."""
    commit = _git(directory, "rev-parse", "HEAD")
    changed = commit and _git(directory, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}+changes" if changed else commit


def _git(directory: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), *words], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):  # no git, or a checkout that does not answer
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
