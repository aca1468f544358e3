"""What the tests run in processes of their own. Imported once, in the process they are forked from,
so that eight of them start at the same moment.
"""

import multiprocessing
import threading
from contextlib import suppress
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import aiohttp  # noqa: F401 - imported once for all
import mr_openapi  # noqa: F401 - the same
import uvicorn  # noqa: F401 - the same

from osft_assets.core.errors import RegistryError
from osft_assets.core.promotion import PromotionStage
from osft_assets.core.recipes.promotion import PromotionRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registry_records import RegisteredVersion
from osft_assets.core.workspace import Workspace
from resources.local_registry import app  # noqa: F401 - the same
from resources.local_registry.serving import serving
from resources.model_registry import Registries
from tests.registry.registrations import registration

_barrier: Any = None


def forking() -> ForkServerContext:
    """Where children come from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def use_barrier(barrier: Any) -> None:
    """Let all children start their work together."""
    globals()["_barrier"] = barrier


def register_together(root: Path, fingerprint: str) -> RegisteredVersion:
    """Register in the local registry, when all the others do."""
    _barrier.wait(60)
    return _register(Workspace(root), RegistryRecipe(), fingerprint)


def amend_together(root: Path, name: str) -> None:
    """Set a property of this name, when all the others set theirs."""
    _barrier.wait(60)
    Registries(Workspace(root), {}).amend(RegistryRecipe(), "tuned", lambda _: {name: True})


def promote_together(root: Path, version: str) -> None:
    """Make this version the champion, when all the others do it with theirs."""
    _barrier.wait(60)
    stage = PromotionStage(Registries(Workspace(root), {}), RegistryRecipe(), "tuned")
    with suppress(RegistryError):  # of whoever was overtaken before they could look
        stage.run(PromotionRecipe(version=version), print)


def register_at(root: Path, url: str, token: str) -> None:
    """Register with a server."""
    recipe = RegistryRecipe(address=url, timeout=30.0, retries=0)
    environment = {"MODEL_REGISTRY_TOKEN": token}
    Registries(Workspace(root), environment).register(recipe, registration(), print)


def serve(path: Path, port: int, token: str, ready: Any) -> None:
    """A registry, until it is killed."""
    with serving(path, port, token):
        ready.set()
        threading.Event().wait()


def _register(workspace: Workspace, recipe: RegistryRecipe, weights: str) -> RegisteredVersion:
    return Registries(workspace, {}).register(recipe, registration(fingerprint=weights), print)
