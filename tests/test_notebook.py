"""The shipped notebook, executed as it is: on a CPU, without network, in a kernel of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.commands import ROOT

NOTEBOOK = ROOT / "docs/notebooks/osft-interactive.ipynb"
# In a process of its own: what Jupyter warns of is its own business.
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
notebook.cells.append(nbformat.v4.new_code_cell(sys.argv[3]))
try:
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": "."}}).execute()
finally:
    nbformat.write(notebook, sys.argv[2])
"""
TELL = """
import json
first = report.scores.set_index("task")
print(json.dumps({
    "trained": data.counts.train,
    "losses": [checkpoint.first_loss, checkpoint.final_loss],
    "leak": checkpoint.certificate.worst_leak,
    "before": before.base, "after": after.tuned,
    "passed": report.passed, "verdicts": dict(first["verdict"]),
    "version": entry.version, "uri": entry.uri,
}))
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The cells with what came of them, and what the last one tells."""
    directory = tmp_path_factory.mktemp("notebook")
    unset = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(NOTEBOOK), "executed.ipynb", TELL],
        cwd=directory,
        env={**unset, "OSFT_WORKSPACE": str(directory / "workspace"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return nbformat.read(directory / "executed.ipynb", as_version=4).cells


@pytest.mark.timeout(960)
def test_the_notebook_teaches_new_facts_and_registers_the_model(executed: Any) -> None:
    told = json.loads(executed[-1].outputs[0].text)

    first, final = told["losses"]
    assert final < first / 5
    assert told["leak"] < 1e-4
    assert ["oak barrels" in each[0] for each in (told["before"], told["after"])] == [False, True]
    assert told["after"][2] == "12", "an old skill"
    assert told["verdicts"]["holdout"] == "improved"
    assert told["passed"]
    assert told["version"] == "1.0.0"
    assert Path(told["uri"].removeprefix("file://")).is_dir()


@pytest.mark.timeout(960)
def test_its_pictures_and_tables_are_inline(executed: Any) -> None:
    pages = [
        output.data["text/html"]
        for cell in executed
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    ]
    pictures = [page.count("data:image/svg+xml") for page in pages]

    assert sorted(pictures, reverse=True)[:3] == [2, 1, 1], "the report's, the loss, the lengths"
    assert not [cell for cell in executed if "stderr" in json.dumps(cell.get("outputs", ""))]


def test_it_is_shipped_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells

    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
