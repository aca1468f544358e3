"""What would keep any model from being registered is told before one is trained."""

import pytest

from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registry_preflight import CLAIMS, judge
from osft_assets.core.workspace import Workspace
from tests.core.registry_parts import listing, registered_model

_REMOTE = "https://registry.example"


def test_the_local_registry_takes_every_model(workspace: Workspace) -> None:
    assert judge(RegistryRecipe(), workspace, None) == dict.fromkeys(CLAIMS, "")


def test_a_registry_elsewhere_needs_an_address_that_means_something_there(
    workspace: Workspace,
) -> None:
    found = judge(RegistryRecipe(address=_REMOTE), workspace, None)

    assert "Set the environment variable OSFT_WORKSPACE_URI" in found["can_be_registered"]
    assert "registry.publish_to" in found["can_be_registered"]


@pytest.mark.parametrize(
    ("address", "publish_to"), [("pvc://claim", ""), ("", "s3://bucket/models")]
)
def test_either_way_out_will_do(workspace: Workspace, address: str, publish_to: str) -> None:
    place = Workspace(workspace.root, address)

    found = judge(RegistryRecipe(address=_REMOTE, publish_to=publish_to), place, None)

    assert found["can_be_registered"] == ""


@pytest.mark.parametrize(("asked", "is_free"), [("1.0.0", True), ("2.0.0", False), ("2.0.1", True)])
def test_a_version_that_is_taken_is_told(workspace: Workspace, asked: str, is_free: bool) -> None:
    model = registered_model(listing("1.0.0"), listing("2.0.0"))

    found = judge(RegistryRecipe(reg_version=asked), workspace, model)

    assert (found["version_is_free"] == "") == is_free


def test_what_is_skipped_needs_nothing(workspace: Workspace) -> None:
    recipe = RegistryRecipe(address=_REMOTE, skip=True, reg_version="2.0.0")

    assert judge(recipe, workspace, registered_model(listing("2.0.0"))) == dict.fromkeys(CLAIMS, "")


def test_an_archived_model_takes_no_version(workspace: Workspace) -> None:
    model = registered_model(listing("1.0.0")).model_copy(update={"state": "ARCHIVED"})

    found = judge(RegistryRecipe(), workspace, model)

    assert "lessons-model is archived in the local registry" in found["can_be_registered"]
