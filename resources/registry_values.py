"""Custom properties, between our plain values and the client's typed ones.

A registry's integers end at nine digits, and it has no number that is none; such values are kept as
text. Whoever reads them back gets the text.
"""

import math
from collections.abc import Mapping
from typing import Any

from osft_assets.core.errors import RegistryError
from osft_assets.core.registry_records import Property

LARGEST_INTEGER = 999_999_999


def storable(value: Property) -> Property:
    """The value as a registry can hold it."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= LARGEST_INTEGER else str(value)
    if math.isfinite(value):
        return float(value)
    return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"


def to_metadata(properties: Mapping[str, Property]) -> dict[str, Any]:
    """The client's typed values; RegistryError for text that no registry can hold."""
    return {
        checked(name, "The name of a property"): _typed(name, storable(value))
        for name, value in properties.items()
    }


def from_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Property]:
    """Our values. What is neither text nor number, such as a protocol buffer, is left out."""
    values = {name: _plain(typed.actual_instance) for name, typed in (metadata or {}).items()}
    return {name: value for name, value in values.items() if value is not None}


def checked(text: str, place: str) -> str:
    """The text, if it is some: half a character cannot be sent, and NUL cannot be stored."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = "\0"
    if "\0" in text:
        raise RegistryError(
            f"{place} holds characters that no registry can keep, perhaps from a file name that "
            "is not UTF-8. Rename it; nothing was written"
        )
    return text


def _typed(name: str, value: Property) -> Any:
    from mr_openapi import MetadataValue  # type: ignore[import-untyped]

    sent: Property = value
    if isinstance(value, bool):
        kind = "bool"
    elif isinstance(value, int):
        kind, sent = "int", str(value)
    elif isinstance(value, float):
        kind = "double"
    else:
        kind, sent = "string", checked(value, f"The property {name}")
    return MetadataValue.from_dict(
        {f"{kind}_value": sent, "metadataType": f"Metadata{kind.capitalize()}Value"}
    )


def _plain(typed: Any) -> Property | None:
    kind = typed.metadata_type.removeprefix("Metadata").removesuffix("Value")
    if kind == "Int":
        return int(typed.int_value)
    if kind == "Double":  # a server written in Go sends 1.0 as 1
        return float(typed.double_value)
    value: Property | None = getattr(typed, f"{kind.lower()}_value", None)
    return value if kind in ("Bool", "String", "Struct") else None
