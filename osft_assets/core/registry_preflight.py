"""What would keep any model of a pipeline from being registered, found out before it is trained.

The registry is asked for the first time here, so one that is down, or wants a token, stops a run
before a GPU is used. What a model itself must be: `core.registration`.
"""

from collections.abc import Mapping

from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registry_records import RegisteredModel
from osft_assets.core.registry_versions import FIRST_VERSION
from osft_assets.core.workspace import Workspace

CLAIMS = {
    "can_be_registered": "The registry answers and takes it, and servers could load the model.",
    "version_is_free": "The version that is asked for is not taken.",
}
WARNINGS = frozenset({"version_is_free"})


def judge(
    recipe: RegistryRecipe, workspace: Workspace, model: RegisteredModel | None
) -> Mapping[str, str]:
    """What is wrong with each claim, or nothing. `model`: what the registry has by this name."""
    if recipe.skip:
        return dict.fromkeys(CLAIMS, "")
    return {
        "can_be_registered": unreachable(recipe, workspace) or (_archived(model) if model else ""),
        "version_is_free": _taken(recipe, model) if model else "",
    }


def unreachable(recipe: RegistryRecipe, workspace: Workspace) -> str:
    """Why servers could not load a model: a path of this machine means nothing to them."""
    if not recipe.server or recipe.publish_to or workspace.address:
        return ""
    return (
        f"{recipe.server} is read from other machines, which cannot load "
        f"{workspace.address_of(workspace.root)}. Set the environment variable OSFT_WORKSPACE_URI "
        "to what they call the workspace (pvc://claim/path, s3://bucket/prefix, file:///path where "
        "all see the same one), or registry.publish_to to where the model shall be copied"
    )


def _archived(model: RegisteredModel) -> str:
    if model.state == "LIVE":
        return ""
    return (
        f"The model {model.name} is archived in {model.registry}. Make it LIVE again, or set "
        "registry.reg_name to another one"
    )


def _taken(recipe: RegistryRecipe, model: RegisteredModel) -> str:
    asked = recipe.reg_version
    if asked == FIRST_VERSION or asked not in {one.version for one in model.versions}:
        return ""
    return (
        f"{model.name} {asked} is registered already: only the same weights can be it. Set "
        f"registry.reg_version to another one, or to {FIRST_VERSION} for the next free one."
    )
