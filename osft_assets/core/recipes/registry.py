"""The knobs of the registry stage."""

from typing import Annotated

from osft_assets.core.recipes.base import Recipe, knob, matching

_Version = Annotated[
    str,
    matching(
        r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?",
        "a semantic version, such as 1.0.0",
    ),
]


class RegistryRecipe(Recipe):
    """Where the model is registered, and as what."""

    address: str = knob("", "Address of the Kubeflow Model Registry. Empty = the local registry.")
    port: int = knob(8080, "Port of the registry.", ge=1, le=65535)
    reg_name: str = knob("", "Name of the model. Empty = <pipeline>-model.")
    reg_version: _Version = knob("1.0.0", "Semantic version of the model.")
    reg_author: str = knob("pipeline", "Author of the version.", min_length=1)
    description: str = knob("", "Description of the version.")
    format_name: str = knob("pytorch", "Format of the model.", min_length=1)
    format_version: str = knob("1.0", "Version of the format.", min_length=1)
