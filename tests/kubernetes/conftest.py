"""A cluster in memory, and the time."""

from collections.abc import Iterator

import dagster as dg
import pytest

from tests.kubernetes.fake_cluster import FakeCluster
from tests.kubernetes.steps import Clock, launching


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """One for all tests of a file, which have a run each: it takes a second to make."""
    with launching(tmp_path_factory.mktemp("instance")) as made:
        yield made
