"""The knobs of the registry stage."""

from typing import Annotated

from pydantic import field_validator

from osft_assets.core.recipes.addresses import PublishTarget
from osft_assets.core.recipes.base import EnvironmentName, Recipe, knob, matching
from osft_assets.core.recipes.shorthand import Shorthand
from osft_assets.core.registry_address import RegistryAddress, parse_registry_address

_Version = Annotated[
    str,
    matching(
        r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?",
        "a semantic version, such as 1.0.0",
    ),
]


class RegistryRecipe(Recipe):
    """Where the model is registered, and as what."""

    shorthand = Shorthand("skip", word="skip")

    address: str = knob(
        "",
        "Address of the Kubeflow Model Registry: http://host, https://host or a bare host, with or "
        "without :port. Empty = the local registry, a file in the workspace.",
        secret=True,
    )
    port: int = knob(8080, "Port of the registry, where address has none.", ge=1, le=65535)
    reg_name: str = knob("", "Name of the model. Empty = <pipeline>-model.")
    reg_version: _Version = knob(
        "1.0.0", "Semantic version of the model. 1.0.0 = the first free patch from 1.0.0 on."
    )
    reg_author: str = knob("pipeline", "Author of the version.", min_length=1)
    owner: str = knob("", "Owner of the model. Empty = reg_author.")
    description: str = knob("", "Description of the version. Empty = what was trained on what.")
    format_name: str = knob("pytorch", "Format of the model.", min_length=1)
    format_version: str = knob("1.0", "Version of the format.", min_length=1)
    token: EnvironmentName = knob(
        "MODEL_REGISTRY_TOKEN",
        "Name of the environment variable with the registry's token; read when it is set.",
        secret=True,
    )
    ca_file: EnvironmentName = knob(
        "MODEL_REGISTRY_CA_FILE",
        "Name of the environment variable with the path of the certificates that an https registry "
        "is checked against; without it, the machine's own.",
        secret=True,
    )
    timeout: float = knob(30.0, "For one answer of the registry.", unit="seconds", gt=0, le=3600)
    retries: int = knob(3, "More tries when the registry does not answer.", ge=0, le=20)
    publish_to: PublishTarget = knob(
        "",
        "Where the model is copied to before it is registered: s3://bucket/prefix or "
        "oci://registry/repository. Empty = it stays in the workspace, and is registered there.",
        secret=True,
    )
    skip: bool = knob(False, "Register nothing. The asset says so. `registry: skip` sets it.")
    force: str = knob(
        "",
        "The reason to register what the gate blocked. For the launchpad of one run, after the one "
        "that was blocked; recorded with the version. Refused in a YAML file.",
    )

    @field_validator("address")
    @classmethod
    def _address_is_well_formed(cls, value: str) -> str:
        if value.strip():
            parse_registry_address(value, cls.model_fields["port"].default, port_was_set=False)
        return value

    @field_validator("force")
    @classmethod
    def _blank_is_no_reason(cls, value: str) -> str:
        return value.strip()

    @property
    def server(self) -> RegistryAddress | None:
        """The remote registry; None is the local one."""
        if not self.address.strip():
            return None
        # The launchpad gives every field: only another value tells that somebody set the port.
        was_set = self.port != type(self).model_fields["port"].default
        return parse_registry_address(self.address, self.port, port_was_set=was_set)
