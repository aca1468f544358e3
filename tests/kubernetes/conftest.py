"""A cluster in memory, and the time."""

from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with launching(tmp_path) as made:
        yield made
