"""One process evaluates for all of these tests; nothing of it reaches for the network."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from osft_assets.core.workspace import Workspace
from resources.task_names import TaskNames
from tests.evaluation.parts import DEMO, FACTS, write_rows


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """lm-eval's bootstrap would fork this process, which has threads; the CPU has few cores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISABLE_MULTIPROC", "1")
        patch.setenv("TOKENIZERS_PARALLELISM", "false")
        patch.setenv("TQDM_DISABLE", "1")
        yield


@pytest.fixture(scope="package")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace where lm-eval's tasks have been listed: some 8 seconds."""
    root = tmp_path_factory.mktemp("indexed")
    assert "arc_easy" in TaskNames(Workspace(root)).known
    return root


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The questions of the tasks in `parts`."""
    return write_rows(tmp_path / "facts.jsonl", FACTS)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the demo's model, which may be broken."""
    return Path(shutil.copytree(DEMO, tmp_path / "model"))
