"""The knobs of the registry stage."""

import re
from typing import Annotated

from pydantic import AfterValidator

from osft_assets.core.recipes.base import Recipe, knob

_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
)


def _version(value: str) -> str:
    if not _VERSION.fullmatch(value):
        raise ValueError("expected a semantic version, such as 1.0.0")
    return value


class RegistryRecipe(Recipe):
    """Where the model is registered, and as what."""

    address: str = knob("", "Address of the Kubeflow Model Registry. Empty = the local registry.")
    port: int = knob(8080, "Port of the registry.", ge=1, le=65535)
    reg_name: str = knob("", "Name of the model. Empty = <pipeline>-model.")
    reg_version: Annotated[str, AfterValidator(_version)] = knob(
        "1.0.0", "Semantic version of the model."
    )
    reg_author: str = knob("pipeline", "Author of the version.", min_length=1)
    description: str = knob("", "Description of the version.")
    format_name: str = knob("pytorch", "Format of the model.", min_length=1)
    format_version: str = knob("1.0", "Version of the format.", min_length=1)
