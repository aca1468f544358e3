"""What a registry has: a model, all its versions, and where each of them is.

Nothing is written here; that is `resources.registration` and `resources.registry_amendment`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from osft_assets.core.errors import RegistryError
from osft_assets.core.registry_records import RegisteredModel, VersionListing
from resources.registry_connection import Connection
from resources.registry_values import from_metadata

_PAGE = "100"
# There is no way to ask for the artifacts of several versions, so several questions at once.
_AT_ONCE = 16


def read_model(connection: Connection, name: str) -> RegisteredModel | None:
    """The model with all its versions, the oldest first."""
    model = find_model(connection, name)
    if model is None:
        return None
    versions = sorted(versions_of(connection, model.id), key=_age)
    addresses = [uri_of(artifacts, name) for artifacts in _artifacts_of_all(connection, versions)]
    return RegisteredModel(
        registry=connection.registry,
        name=model.name,
        model_id=model.id,
        state=model.state.value,
        properties=from_metadata(model.custom_properties),
        versions=tuple(map(_listing, versions, addresses)),
    )


def find_model(connection: Connection, name: str) -> Any:
    """The model, or None."""
    return connection.find(lambda client: client.find_registered_model(name=name))


def versions_of(connection: Connection, model_id: str) -> list[Any]:
    """All versions of a model, page by page."""
    found: list[Any] = []
    token = None
    while True:
        page = connection.ask(_versions_from(model_id, token))
        found += page.items or []
        if not page.next_page_token:
            return found
        if page.next_page_token == token:
            raise RegistryError(
                f"{connection.registry} gives the same page of versions again and again. Report "
                "it to whoever runs it"
            )
        token = page.next_page_token


def _versions_from(model_id: str, token: str | None) -> Any:
    return lambda client: client.get_registered_model_versions(
        model_id, page_size=_PAGE, next_page_token=token
    )


def artifacts_of(connection: Connection, version_id: str) -> list[Any]:
    """The model artifacts of a version; its metrics and documents are none."""
    answer = connection.ask(lambda client: _artifacts(client, version_id))
    return _unwrapped(answer)


def artifact_named(artifacts: Sequence[Any], name: str) -> Any:
    """The one the client would find, or the one another tool named otherwise; None without any."""
    ours = (one for one in artifacts if one.name == name)
    return next(ours, artifacts[0] if artifacts else None)


def uri_of(artifacts: Sequence[Any], name: str) -> str:
    """Where the version is; empty when its registration was cut off."""
    artifact = artifact_named(artifacts, name)
    return (artifact.uri or "") if artifact else ""


def _artifacts_of_all(connection: Connection, versions: Sequence[Any]) -> list[list[Any]]:
    answers: list[Any] = []
    for start in range(0, len(versions), _AT_ONCE):
        answers += connection.ask(_artifacts_of_some(versions[start : start + _AT_ONCE]))
    return [_unwrapped(answer) for answer in answers]


def _artifacts_of_some(versions: Sequence[Any]) -> Any:
    async def gather(client: Any) -> list[Any]:
        return await asyncio.gather(*(_artifacts(client, version.id) for version in versions))

    return gather


async def _artifacts(client: Any, version_id: str) -> Any:
    # By type: one metric without a step, and the client cannot read the list.
    return await client.get_model_version_artifacts(version_id, artifact_type="model-artifact")


def _unwrapped(answer: Any) -> list[Any]:
    return [artifact.actual_instance for artifact in answer.items or []]


def _age(version: Any) -> tuple[int, int]:
    return int(version.create_time_since_epoch or 0), int(version.id)


def _listing(version: Any, uri: str) -> VersionListing:
    return VersionListing(
        version=version.name,
        version_id=version.id,
        state=version.state.value,
        author=version.author or "",
        uri=uri,
        created_ms=int(version.create_time_since_epoch or 0),
        properties=from_metadata(version.custom_properties),
    )
