"""A registration as the three objects that a registry keeps: a model, a version of it, and the
artifact with its address.

They are made, and so checked, before the first is written; writing them is
`resources.registration`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from osft_assets.core.errors import RegistryError
from osft_assets.core.registry_records import FINGERPRINT_PROPERTY, Registration, RunSource
from resources.registry_values import checked, to_metadata

# The client wants one at once; the model's own takes its place.
_ANY_MODEL = "1"


def model_object(registration: Registration) -> Any:
    """The model, new. What is said of one version is not said of the model."""
    from mr_openapi import RegisteredModelCreate  # type: ignore[import-untyped]

    return RegisteredModelCreate(
        name=_text(registration, "name"),
        owner=_text(registration, "owner"),
        description=f"Versions that {registration.source.name} registered.",
    )


def version_object(registration: Registration, version: str, model_id: str = _ANY_MODEL) -> Any:
    """The version, new. Its fingerprint says which weights it is, from the first moment on."""
    from mr_openapi import ModelVersionCreate

    properties = registration.properties | {FINGERPRINT_PROPERTY: registration.fingerprint}
    return ModelVersionCreate(
        name=version,
        registeredModelId=model_id,
        author=_text(registration, "author"),
        description=_text(registration, "description"),
        customProperties=to_metadata(properties),
    )


def artifact_object(registration: Registration) -> Any:
    """The artifact, new, by the name under which the client looks for it: the model's."""
    from mr_openapi import ArtifactState, ModelArtifact

    return ModelArtifact(
        artifactType="model-artifact",
        name=_text(registration, "name"),
        uri=_text(registration, "uri"),
        state=ArtifactState.LIVE,
        modelFormatName=_text(registration, "format_name"),
        modelFormatVersion=_text(registration, "format_version"),
        **_source(registration.source),
    )


def differences(kind: str, sent: Any, kept: Any) -> list[str]:
    """What the registry keeps otherwise than it was sent, value by value and type by type."""
    return [
        f"{kind} {name} is {there!r}, not {wanted!r}"
        for name, wanted, there in _pairs(sent.to_dict(), kept.to_dict())
        if wanted != there and (wanted or there)
    ]


def _pairs(sent: Mapping[str, Any], kept: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name, wanted in sent.items():
        there = kept.get(name)
        if isinstance(wanted, dict):
            yield from ((one, wanted[one], (there or {}).get(one)) for one in wanted)
        else:
            yield name, wanted, there


def _source(source: RunSource) -> dict[str, str]:
    return {
        "modelSourceKind": checked(source.kind, "source.kind"),
        "modelSourceClass": checked(source.source_class, "source.source_class"),
        "modelSourceGroup": checked(source.group, "source.group"),
        "modelSourceId": checked(source.id, "source.id"),
        "modelSourceName": checked(source.name, "source.name"),
    }


def _text(registration: Registration, name: str) -> str:
    text = checked(getattr(registration, name), f"{name} of the registration")
    if name == "name" and not text:
        raise RegistryError("The model has no name. Set registry.reg_name; nothing was written")
    return text
