"""Runs the `osft-assets` command as a user does; no run is kept."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def osft_assets(
    *arguments: str, directory: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """In the checkout, or with what a test changed of the package copied to `directory`."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "osft_assets", *arguments],
        cwd=directory,
        env={
            **os.environ,
            "PYTHONPATH": f"{directory}:{ROOT}",
            "DAGSTER_HOME": "",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=90,
    )
