"""Real skopeo, where it is installed, with a registry on loopback: what a fake cannot tell."""

import json
import os
import shutil
from base64 import b64encode
from pathlib import Path

import pytest

from osft_assets.core.errors import RegistryError
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.workspace import Workspace
from resources.model_sources import ModelSources
from resources.model_stores import ModelStores
from tests.models import model, safetensors, write_model
from tests.resources.oci_registry import RunningRegistry, oci_registry

NAME = "demo/7c8340d5976ea113a0e23f69169f08b1"
pytestmark = pytest.mark.skipif(
    not shutil.which("skopeo") or not Path("/etc/containers/policy.json").exists(),
    reason="skopeo is not installed",
)


def secret(host: str, login: str) -> dict[str, str]:
    auth = b64encode(login.encode()).decode()
    return {"OCI_PUSH_SECRET": json.dumps({"auths": {host: {"auth": auth}}})}


def published(
    workspace: Workspace, registry: RunningRegistry, said: list[str], **environment: str
) -> str:
    weights = safetensors({"a": ("F32", (26 * 2**20,))})
    source = write_model(workspace.root / "one", model(model_safetensors=weights))
    stores = ModelStores(workspace, {**os.environ, **environment})
    return stores.publish(source, f"oci://{registry.host}/org/tuned", NAME, said.append)


def test_a_model_is_pushed_found_again_and_pulled(workspace: Workspace) -> None:
    said = list[str]()
    with oci_registry() as registry:
        address = published(workspace, registry, said)
        uploads = len(registry.uploaded)
        again = published(workspace, registry, said)

        found = ModelSources(workspace).find(BaseModelRecipe(base_model=address))
        directory = found.fetch(print)

    digest = address.rpartition("@")[2]
    assert again == address
    assert digest in registry.manifests
    assert uploads == len(registry.uploaded) == 3  # two layers and a configuration
    assert "not copied again" in said[-1]
    assert (directory / "config.json").read_bytes() == model()["config.json"]
    assert (directory / "model.safetensors").stat().st_size > 100 * 2**20


def test_the_secret_opens_a_registry_that_wants_a_log_in(workspace: Workspace) -> None:
    with oci_registry(login="bob:hunter2") as registry:
        with pytest.raises(RegistryError, match="OCI_PUSH_SECRET holds credentials that") as told:
            published(workspace, registry, [], **secret(registry.host, "bob:wrong-one"))

        published(workspace, registry, [], **secret(registry.host, "bob:hunter2"))

    assert "wrong-one" not in str(told.value)
    assert f"demo-{NAME.partition('/')[2]}" in registry.manifests


def test_an_upload_that_breaks_off_is_tried_again(workspace: Workspace) -> None:
    with oci_registry(breaks=2) as registry:
        address = published(workspace, registry, [])

    assert registry.breaks == 0
    assert address.rpartition("@")[2] in registry.manifests


def test_a_registry_that_is_not_there_is_told(workspace: Workspace) -> None:
    with oci_registry() as registry:
        pass

    with pytest.raises(RegistryError, match="connection refused. Check the address and the net"):
        published(workspace, registry, [])
