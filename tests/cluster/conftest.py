"""One cluster for all tests of this folder, and a namespace of their own on it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cluster.dagster_api import Dagster
from tests.cluster.deployed import deployed, wait_until
from tests.cluster.found import Cluster, kubeconfig


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first of them may have to build a cluster."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(autouse=True)
def only_loopback() -> None:
    """Not here: a cluster of yours may be anywhere."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """What is left in the namespace at the end is deleted with it."""
    found = Cluster(kubeconfig(), f"osft-test-{uuid4().hex[:6]}")
    core = found.api()
    core.create_namespace({"metadata": {"name": found.namespace}})
    try:
        yield found
    finally:
        core.delete_namespace(found.namespace)


@pytest.fixture(scope="session")
def dagster(cluster: Cluster) -> Iterator[Dagster]:
    """Our deployment, with its pipelines loaded."""
    with deployed(cluster):
        found = Dagster(cluster)
        wait_until("the web server knows the pipelines", found.is_loaded)
        yield found
