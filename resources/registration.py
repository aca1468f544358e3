"""Keeps a model in a registry: create, or go on where another run was cut off.

There are three writes, for the model, its version and the artifact with its address, and a run may
die between them. So each looks first what is there, and everything is read back at the end. Which
version it gets is `core.registry_versions`; the objects are `resources.registry_objects`.
"""

from dataclasses import dataclass, field
from typing import Any

from osft_assets.core.errors import RegistryError
from osft_assets.core.registry_records import (
    FINGERPRINT_PROPERTY,
    RegisteredVersion,
    Registration,
)
from osft_assets.core.registry_versions import choose_version
from resources.registry_connection import Connection
from resources.registry_objects import (
    artifact_object,
    differences,
    model_object,
    version_object,
)
from resources.registry_reading import artifact_named, artifacts_of, find_model, versions_of
from resources.registry_values import from_metadata

# Of choosing a version that nobody else takes meanwhile.
_ROUNDS = 50
_ARCHIVED = "ARCHIVED"


@dataclass
class Registering:
    """One registration under way. `wrong`: what was read back otherwise than it was written."""

    connection: Connection
    asked: Registration
    wrong: list[str] = field(default_factory=list)

    def run(self) -> RegisteredVersion:
        """The version, found or made."""
        self._check_before_writing()
        model = self._model()
        version, made = self._version(model)
        artifact, completed = self._artifact(version)
        self._refuse_differences(version)
        self._tell(version, artifact, made=made, completed=completed)
        return RegisteredVersion(
            registry=self.connection.registry,
            name=model.name,
            version=version.name,
            model_id=model.id,
            version_id=version.id,
            artifact_id=artifact.id,
            uri=artifact.uri or "",
            fingerprint=_fingerprint(version),
            created=made or completed,
        )

    def _check_before_writing(self) -> None:
        model_object(self.asked)
        version_object(self.asked, self.asked.version)
        artifact_object(self.asked)

    def _model(self) -> Any:
        name = self.asked.name
        model = find_model(self.connection, name)
        if model is None:
            wanted = model_object(self.asked)
            written = self.connection.write(lambda client: client.create_registered_model(wanted))
            model = self._there(find_model(self.connection, name), f"The model {name}")
            self._made("model", wanted, model, written)
        self._refuse_archived(model, f"The model {name}", "set registry.reg_name to another one")
        return model

    def _version(self, model: Any) -> tuple[Any, bool]:
        """The version of these weights, and whether it was made here."""
        written: bool | None = False
        for _ in range(_ROUNDS):
            chosen, version = self._choice(model)
            if version is not None:
                name = f"{self.asked.name} {chosen}"
                self._refuse_archived(version, name, "train anew")
                wanted = version_object(self.asked, chosen, model.id)
                return version, self._made("version", wanted, version, written)
            written = self._write_version(chosen, model.id)
        raise RegistryError(
            f"{self.connection.registry} has no version of {self.asked.name} for us: {_ROUNDS} "
            "times the one we chose was taken, or was not there after it was made. Run again"
        )

    def _choice(self, model: Any) -> tuple[str, Any]:
        """The version to register as, and what is there under it already."""
        versions = versions_of(self.connection, model.id)
        versions.sort(key=lambda version: version.state == _ARCHIVED)
        taken = {version.name: _fingerprint(version) for version in versions}
        asked = self.asked
        chosen = choose_version(asked.name, asked.version, asked.fingerprint, taken)
        return chosen, next((one for one in versions if one.name == chosen), None)

    def _write_version(self, name: str, model_id: str) -> bool | None:
        wanted = version_object(self.asked, name, model_id)
        return self.connection.write(lambda client: client.create_model_version(wanted))

    def _artifact(self, version: Any) -> tuple[Any, bool]:
        """The artifact of the version, and whether it was made here."""
        found = self._find_artifact(version)
        if found is not None:
            self._refuse_no_address(found, version)
            return found, False
        wanted = artifact_object(self.asked)
        written = self._write_artifact(wanted, version.id)
        found = self._find_artifact(version)
        found = self._there(found, f"The artifact of {self.asked.name} {version.name}")
        return found, self._made("artifact", wanted, found, written)

    def _find_artifact(self, version: Any) -> Any:
        return artifact_named(artifacts_of(self.connection, version.id), self.asked.name)

    def _write_artifact(self, wanted: Any, version_id: str) -> bool | None:
        from mr_openapi import Artifact  # type: ignore[import-untyped]

        body = Artifact(wanted)
        return self.connection.write(
            lambda client: client.upsert_model_version_artifact(version_id, body)
        )

    def _made(self, kind: str, wanted: Any, found: Any, written: bool | None) -> bool:
        """Whether it was made here. What is another run's may differ: its author, its source."""
        if written is False:
            return False
        found_otherwise = differences(kind, wanted, found)
        if written:
            self.wrong += found_otherwise
        return bool(written) or not found_otherwise

    def _refuse_differences(self, version: Any) -> None:
        if self.wrong:
            raise RegistryError(
                f"{self.connection.registry} keeps {self.asked.name} {version.name} otherwise than "
                f"it was sent: {'; '.join(self.wrong)}. Correct it there, and report it to whoever "
                "runs the registry"
            )

    def _refuse_archived(self, found: Any, name: str, otherwise: str) -> None:
        if found.state == _ARCHIVED:
            raise RegistryError(
                f"{name} is archived in {self.connection.registry}, so nobody would see it. Make "
                f"it LIVE again, or {otherwise}"
            )

    def _refuse_no_address(self, artifact: Any, version: Any) -> None:
        if not artifact.uri:
            raise RegistryError(
                f"{self.asked.name} {version.name} is in {self.connection.registry} without an "
                f"address, so nobody can load it. Set the uri of its artifact {artifact.id} there "
                f"to {self.asked.uri}"
            )

    def _there(self, found: Any, name: str) -> Any:
        if found is None:
            raise RegistryError(
                f"{name} was written to {self.connection.registry}, and is not there now. Report "
                "it to whoever runs the registry"
            )
        return found

    def _tell(self, version: Any, artifact: Any, *, made: bool, completed: bool) -> None:
        name, registry = f"{self.asked.name} {version.name}", self.connection.registry
        if made:
            self.connection.say(f"{name} is registered in {registry}.")
        elif completed:
            self.connection.say(f"{name} in {registry} was cut off, and is complete now.")
        else:
            kept = artifact.uri or ""
            other = (
                "" if kept == self.asked.uri else f" It is kept at {kept}, not {self.asked.uri}."
            )
            self.connection.say(f"{name} is in {registry} already: nothing was written.{other}")


def _fingerprint(version: Any) -> str:
    """Which weights it is; empty where another tool made it."""
    return str(from_metadata(version.custom_properties).get(FINGERPRINT_PROPERTY, ""))
