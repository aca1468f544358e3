"""A registry for each test: the local one, and a real Kubeflow one where there is one."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.workspace import Workspace
from resources.local_registry.serving import serving
from resources.model_registry import Registries
from tests.registry.registrations import Place

TOKEN = "s3cret-token-of-the-tests"
REAL = "OSFT_TEST_REGISTRY_URL"


@pytest.fixture
def registries(workspace: Workspace) -> Callable[..., Registries]:
    """Makes adapters that never wait between two tries, and see this environment only."""

    def make(
        pause: Callable[[float], None] = lambda _seconds: None, **environment: str
    ) -> Registries:
        nowhere = Path("/nonexistent/token")
        return Registries(workspace, environment, pause, service_account=nowhere)

    return make


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a registry that wants TOKEN."""
    with serving(tmp_path / "served" / "registry.sqlite", token=TOKEN) as url:
        yield url


@pytest.fixture
def at(registries: Callable[..., Registries]) -> Callable[..., Place]:
    """Makes a place of an address."""

    def make(
        url: str, pause: Callable[[float], None] = lambda _seconds: None, **settings: object
    ) -> Place:
        recipe = RegistryRecipe(address=url, **({"retries": 2, "timeout": 10.0} | settings))
        return Place(registries(pause, MODEL_REGISTRY_TOKEN=TOKEN), recipe)

    return make


@pytest.fixture
def local(registries: Callable[..., Registries]) -> Place:
    """The registry in the workspace."""
    return Place(registries(), RegistryRecipe(timeout=10.0))


@pytest.fixture(params=["local", "kubeflow"])
def place(request: pytest.FixtureRequest) -> Place:
    """Both registries, which must behave the same. The local one runs all through the test."""
    if request.param == "local":
        return request.getfixturevalue("at")(request.getfixturevalue("server"))
    if REAL not in os.environ:
        pytest.skip(f"{REAL} names no Kubeflow Model Registry")
    request.getfixturevalue("monkeypatch").undo()  # it may be beyond loopback
    token = os.environ.get("OSFT_TEST_REGISTRY_TOKEN", "")
    registries = request.getfixturevalue("registries")(MODEL_REGISTRY_TOKEN=token)
    return Place(registries, RegistryRecipe(address=os.environ[REAL]))
