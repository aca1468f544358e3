"""What every registry does, the local one and a real one: the port's contract."""

from typing import Any

import pytest
from mr_openapi import (
    Artifact,
    DocArtifact,
    MetadataStructValue,
    MetadataValue,
    ModelArtifactUpdate,
    ModelVersionCreate,
    ModelVersionState,
    ModelVersionUpdate,
    RegisteredModelState,
    RegisteredModelUpdate,
)

from osft_assets.core.errors import RegistryError
from osft_assets.core.registry_records import FINGERPRINT_PROPERTY
from resources.registry_connection import Connection
from resources.registry_values import to_metadata
from tests.registry.registrations import SOURCE, Place


def test_a_new_model_is_kept_with_all_that_is_known_of_it(place: Place) -> None:
    made = place.register()

    model = place.read()
    (artifact,) = place.artifacts(made.version_id)
    (version,) = model.versions
    assert made.created
    assert (made.name, made.version, made.uri) == (place.name, "1.0.0", "file:///models/1")
    assert (made.registry, made.model_id) == (model.registry, model.model_id)
    assert (version.version_id, version.author, version.uri) == (made.version_id, "ada", made.uri)
    assert version.properties == {"steps": 3, "model_fingerprint": "weights-1"}
    assert (artifact.id, artifact.name) == (made.artifact_id, place.name)
    assert (artifact.model_format_name, artifact.model_format_version) == ("pytorch", "1.0")
    assert (artifact.model_source_kind, artifact.model_source_class) == ("dagster", "osft")
    assert artifact.model_source_group == SOURCE.group
    assert (artifact.model_source_id, artifact.model_source_name) == (SOURCE.id, SOURCE.name)


def test_the_model_itself_gets_an_owner_and_a_description(place: Place) -> None:
    place.register()

    with place.connection() as connection:
        model = connection.ask(lambda client: client.find_registered_model(name=place.name))
    assert (model.owner, model.description) == ("grace", "Versions that registry_entry registered.")


def test_the_same_weights_again_are_the_version_that_is_there(place: Place) -> None:
    first = place.register()

    again = place.register()

    assert again == first.model_copy(update={"created": False})
    assert "is in" in place.said[-1]
    assert "nothing was written" in place.said[-1]
    assert len(place.read().versions) == 1


def test_weights_kept_at_another_address_are_said_to_be(place: Place) -> None:
    place.register(uri="file:///models/old")

    again = place.register(uri="file:///models/new")

    assert again.uri == "file:///models/old"
    assert "at file:///models/old, not file:///models/new" in place.said[-1]


def test_other_weights_get_the_next_free_patch(place: Place) -> None:
    made = [place.register(weights).version for weights in ("one", "two", "three", "two")]

    assert made == ["1.0.0", "1.0.1", "1.0.2", "1.0.1"]
    assert [one.version for one in place.read().versions] == ["1.0.0", "1.0.1", "1.0.2"]


def test_a_version_that_is_asked_for_by_name_never_gets_other_weights(place: Place) -> None:
    place.register("one", version="2.0.0")

    with pytest.raises(RegistryError, match=r"2\.0\.0 is already registered with other weights"):
        place.register("two", version="2.0.0")

    (version,) = place.read().versions
    assert version.properties["model_fingerprint"] == "one"


def test_values_come_back_with_their_types(place: Place) -> None:
    numbers = {"whole": 2.0, "small": 1e-300, "share": 0.1, "count": 999_999_999, "less": -1}
    others = {"yes": True, "no": False, "text": "é ✓ \n", "digits": "12", "empty": ""}

    place.register(properties={**numbers, **others})

    kept = place.read().versions[0].properties
    del kept["model_fingerprint"]
    assert kept == {**numbers, **others}
    types = {name: type(value) for name, value in {**numbers, **others}.items()}
    assert {name: type(value) for name, value in kept.items()} == types


def test_numbers_that_no_registry_holds_are_kept_as_text(place: Place) -> None:
    made = place.register(properties={"parameters": 1_543_714_304, "loss": float("nan")})

    assert made.created
    kept = place.read().versions[0].properties
    assert (kept["parameters"], kept["loss"]) == ("1543714304", "NaN")


def test_a_model_that_nobody_registered_is_none(place: Place) -> None:
    assert place.registries.read(place.recipe, place.name) is None


def test_all_versions_are_read_the_oldest_first_however_many_there_are(place: Place) -> None:
    made = place.register()
    others = [f"2.0.{number}" for number in range(120)]

    with place.connection() as connection:
        for name in others:
            _another_tools_version(connection, made.model_id, name)

    versions = place.read().versions
    assert [one.version for one in versions] == ["1.0.0", *others]
    assert [one.uri for one in versions if one.uri] == ["file:///models/1"]
    assert [one.created_ms for one in versions] == sorted(one.created_ms for one in versions)


def test_a_version_that_another_tool_left_half_done_counts_as_other_weights(place: Place) -> None:
    made = place.register("one", version="3.0.0")
    with place.connection() as connection:
        for name in ("1.0.0", "2.0.0"):
            _another_tools_version(connection, made.model_id, name)

    assert place.register("two").version == "1.0.1"
    with pytest.raises(RegistryError, match="other weights"):
        place.register("three", version="2.0.0")


def test_a_document_of_a_version_is_not_taken_for_its_model(place: Place) -> None:
    made = place.register("one")
    properties = to_metadata({FINGERPRINT_PROPERTY: "two"})
    cut_off = ModelVersionCreate(
        name="1.0.1", registeredModelId=made.model_id, customProperties=properties
    )
    document = Artifact(DocArtifact(name=place.name, uri="file:///notes"))
    with place.connection() as connection:
        version = connection.ask(lambda client: client.create_model_version(cut_off))
        connection.ask(lambda client: client.upsert_model_version_artifact(version.id, document))

    assert place.read().versions[1].uri == ""
    finished = place.register("two")
    assert (finished.version, finished.uri, finished.created) == (
        "1.0.1",
        "file:///models/1",
        True,
    )


def test_a_version_that_lost_its_address_is_refused(place: Place) -> None:
    made = place.register()
    emptied = ModelArtifactUpdate(artifactType="model-artifact", uri="", state=None)
    with place.connection() as connection:
        connection.ask(lambda client: client.update_model_artifact(made.artifact_id, emptied))

    with pytest.raises(RegistryError, match=f"1.0.0 is in .* without an .* {made.artifact_id} "):
        place.register()


def test_an_archived_version_of_the_same_weights_is_refused(place: Place) -> None:
    made = place.register()
    archived = ModelVersionUpdate(state=ModelVersionState.ARCHIVED)
    with place.connection() as connection:
        connection.ask(lambda client: client.update_model_version(made.version_id, archived))

    with pytest.raises(RegistryError, match=r"1\.0\.0 is archived .* Make it LIVE again, or train"):
        place.register()

    assert [one.state for one in place.read().versions] == ["ARCHIVED"]


def test_an_archived_model_is_refused(place: Place) -> None:
    made = place.register()
    _archive_model(place, made.model_id)

    with pytest.raises(RegistryError, match=r"is archived .* set registry\.reg_name"):
        place.register("others")


def test_properties_of_a_model_are_set_and_the_others_left(place: Place) -> None:
    place.register()
    place.amend(champion="1.0.0", share=0.5)

    model = place.amend(champion="1.0.1", promoted=True)

    assert model == place.read()
    assert model.properties == {"champion": "1.0.1", "share": 0.5, "promoted": True}


def test_amending_touches_nothing_else_of_the_model(place: Place) -> None:
    made = place.register()
    _archive_model(place, made.model_id)

    assert place.amend(champion="1.0.0").state == "ARCHIVED"
    with place.connection() as connection:
        model = connection.ask(lambda client: client.get_registered_model(made.model_id))
    assert (model.owner, model.description) == ("grace", "Versions that registry_entry registered.")


def test_amending_keeps_values_of_a_kind_that_we_do_not_have(place: Place) -> None:
    made = place.register()
    struct = MetadataStructValue(struct_value="e30=", metadataType="MetadataStructValue")
    theirs = RegisteredModelUpdate(customProperties={"theirs": MetadataValue(struct)}, state=None)
    with place.connection() as connection:
        connection.ask(lambda client: client.update_registered_model(made.model_id, theirs))

    place.amend(champion="1.0.0")

    with place.connection() as connection:
        model = connection.ask(lambda client: client.get_registered_model(made.model_id))
    assert model.custom_properties["theirs"].actual_instance == struct


def test_a_model_that_is_not_there_cannot_be_amended(place: Place) -> None:
    with pytest.raises(RegistryError, match=f"has no model {place.name}. Register one first"):
        place.amend(champion="1.0.0")


@pytest.mark.parametrize(
    "broken",
    [{"description": "\ud800"}, {"uri": "file:///\udcff"}, {"properties": {"a\0b": 1}}],
    ids=str,
)
def test_what_cannot_be_kept_is_refused_before_the_first_write(
    place: Place, broken: dict[str, Any]
) -> None:
    with pytest.raises(RegistryError, match=r"no registry can keep.*nothing was written"):
        place.register(**broken)

    assert place.registries.read(place.recipe, place.name) is None


def test_a_model_without_a_name_is_refused(place: Place) -> None:
    place.name = ""

    with pytest.raises(RegistryError, match=r"no name. Set registry\.reg_name"):
        place.register()


def _another_tools_version(connection: Connection, model_id: str, name: str) -> None:
    version = ModelVersionCreate(name=name, registeredModelId=model_id)
    connection.ask(lambda client: client.create_model_version(version))


def _archive_model(place: Place, model_id: str) -> None:
    archived = RegisteredModelUpdate(state=RegisteredModelState.ARCHIVED)
    with place.connection() as connection:
        connection.ask(lambda client: client.update_registered_model(model_id, archived))
