"""What a model registry is asked to keep, and what it answers.

How a registration is put together is `core.registration`; which version it gets,
`core.registry_versions`; which version is the champion, `core.champion`.
"""

from typing import Literal

from osft_assets.core.records import Record

# One value of a registry's custom properties.
Property = bool | int | float | str
# The custom property of a version that says which weights it is: a hash of the model's files.
FINGERPRINT_PROPERTY = "model_fingerprint"
# What the registry is called that is a file in the workspace; another one has an address.
LOCAL_REGISTRY = "the local registry"
State = Literal["LIVE", "ARCHIVED"]


class RunSource(Record):
    """What made the model, as the registry's model_source_* fields have it."""

    kind: str
    group: str
    name: str
    id: str
    source_class: str


class Registration(Record):
    """One model, to be kept under one version.

    `version`: exactly this one, or FIRST_VERSION, which means the first free patch from it on.
    """

    name: str
    version: str
    author: str
    owner: str
    description: str
    format_name: str
    format_version: str
    uri: str
    fingerprint: str
    properties: dict[str, Property]
    source: RunSource


class RegisteredVersion(Record):
    """Where a model is in a registry, as it was read back. `created`: now, and not before."""

    registry: str
    name: str
    version: str
    model_id: str
    version_id: str
    artifact_id: str
    uri: str
    fingerprint: str
    created: bool


class VersionListing(Record):
    """One version of a model. `uri` is empty when its registration was cut off."""

    version: str
    version_id: str
    state: State
    author: str
    uri: str
    created_ms: int
    properties: dict[str, Property]


class RegisteredModel(Record):
    """A model in a registry, with all its versions, the oldest first."""

    registry: str
    name: str
    model_id: str
    state: State
    properties: dict[str, Property]
    versions: tuple[VersionListing, ...]
