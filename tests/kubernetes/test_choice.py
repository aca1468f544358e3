"""Which executor there is, what loading it costs, and what is refused because of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAME = "r = d.defs.get_repository_def(); print(r.get_job('demo_pipeline').executor_def.name)"


def _loaded(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The code location in a fresh interpreter, and what of it is printed."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import sys, osft_assets.definitions as d; {code}"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=90,
    )


@pytest.mark.parametrize(
    ("variables", "executor"),
    [
        ({}, "multiprocess"),
        ({"OSFT_EXECUTOR": ""}, "multiprocess"),
        ({"OSFT_EXECUTOR": "multiprocess"}, "multiprocess"),
        ({"OSFT_EXECUTOR": "in_process"}, "in_process"),
        ({"OSFT_EXECUTOR": "k8s"}, "k8s"),
    ],
)
def test_the_environment_chooses_and_only_pods_load_kubernetes(
    variables: dict[str, str], executor: str
) -> None:
    heavy = "print([m for m in ('kubernetes', 'dagster_k8s', 'torch') if m in sys.modules])"

    done = _loaded(f"{NAME}; {heavy}", **variables)

    loaded = ["kubernetes", "dagster_k8s"] if executor == "k8s" else []
    assert done.stdout.splitlines() == [executor, str(loaded)], done.stderr


def test_another_word_is_refused_with_the_choices() -> None:
    done = _loaded(NAME, OSFT_EXECUTOR="kubernetes")

    assert done.returncode == 1
    assert (
        "The environment variable OSFT_EXECUTOR is 'kubernetes'. Set it to one of multiprocess, "
        "in_process, k8s" in done.stderr
    )
