"""Sets custom properties of a model that is there, and leaves its others as they are.

A registry replaces them all at once and knows no condition, so two writers can overwrite each
other: each looks whether its own came through, and tries again. What another one wrote and saw
before can still be lost; in the local registry they take turns, from reading to writing.
"""

from collections.abc import Mapping
from typing import Any

from osft_assets.core.errors import RegistryError
from osft_assets.core.ports import Change
from osft_assets.core.registry_records import Property, RegisteredModel
from resources.registry_connection import Connection
from resources.registry_reading import find_model, read_model
from resources.registry_values import to_metadata

_ROUNDS = 5


def amend_model(connection: Connection, name: str, change: Change) -> RegisteredModel:
    """The model with what `change` says of it, read back; RegistryError when that cannot be."""
    properties = change(_read(connection, name))
    if properties:
        _write(connection, name, properties)
    return _read(connection, name)


def _read(connection: Connection, name: str) -> RegisteredModel:
    model = read_model(connection, name)
    if model is None:
        raise _missing(connection, name)
    return model


def _write(connection: Connection, name: str, properties: Mapping[str, Property]) -> None:
    wanted = to_metadata(properties)
    for _ in range(_ROUNDS):
        model = _existing(connection, name)
        kept = model.custom_properties or {}
        if _has(kept, wanted):
            return
        connection.ask(_replacement(model.id, {**kept, **wanted}))
    if not _has(_existing(connection, name).custom_properties or {}, wanted):
        raise RegistryError(
            f"{connection.registry} does not keep {', '.join(properties)} of the model {name}: "
            f"after {_ROUNDS} writes they read otherwise. Another run may be changing it; run again"
        )


def _existing(connection: Connection, name: str) -> Any:
    model = find_model(connection, name)
    if model is None:
        raise _missing(connection, name)
    return model


def _missing(connection: Connection, name: str) -> RegistryError:
    return RegistryError(
        f"{connection.registry} has no model {name}. Register one first, or check registry.reg_name"
    )


def _has(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(
        name in kept and kept[name].to_dict() == value.to_dict() for name, value in wanted.items()
    )


def _replacement(model_id: str, metadata: Mapping[str, Any]) -> Any:
    from mr_openapi import RegisteredModelUpdate  # type: ignore[import-untyped]

    # state: by default it would make an archived model live again.
    update = RegisteredModelUpdate(customProperties=dict(metadata), state=None)
    return lambda client: client.update_registered_model(model_id, update)
