"""One UI and one browser for all scenarios, and the runs that they look at, started by whoever asks
first.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.browser import Screen, chromium, screen
from tests.ui.runs import Run, launched
from tests.ui.served import Served, served


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A run on a busy machine takes minutes; whoever waits for it first has the whole of it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.ui)
            item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture(scope="package")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    chromium()  # before anything is started
    with served(tmp_path_factory.mktemp("ui")) as found:
        yield found


@pytest.fixture(scope="package")
def tab(ui: Served) -> Iterator[Screen]:
    with screen(ui.url) as found:
        yield found


@pytest.fixture(scope="package")
def facts(tab: Screen) -> Run:
    """The pipeline that learns and keeps; still running."""
    return launched(tab, "facts")


@pytest.fixture(scope="package")
def facts_sft(tab: Screen) -> Run:
    """The pipeline that forgets; still running."""
    return launched(tab, "facts_sft")


# The second one is started before the first one has ended: most of a run is waiting.
@pytest.fixture(scope="package")
def ended(facts: Run, facts_sft: Run) -> None:
    """The good one has ended well; of the other one nothing is known."""
    assert facts.wait() == "SUCCESS", f"and {facts_sft.pipeline} goes on"


@pytest.fixture(scope="package")
def blocked(facts_sft: Run) -> None:
    """The bad one has ended, by its gate."""
    assert facts_sft.wait() == "FAILURE"
