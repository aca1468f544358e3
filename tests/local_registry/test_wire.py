"""What is answered to plain requests. Which ones are refused as wrong is `test_refusals`."""

from typing import Any

import pytest

from tests.local_registry.conftest import Create, Wire, refusal

TEXT = {"string_value": "x", "metadataType": "MetadataStringValue"}


@pytest.fixture
def model(create: Create) -> dict[str, Any]:
    return create("registered_models", name="m", customProperties={"a": TEXT})


@pytest.fixture
def version(create: Create, model: dict[str, Any]) -> dict[str, Any]:
    return create("model_versions", name="1", registeredModelId=model["id"])


def test_a_created_model_has_id_times_and_state(model: dict[str, Any]) -> None:
    assert model["id"] == "1"
    assert model["state"] == "LIVE"
    assert model["createTimeSinceEpoch"] == model["lastUpdateTimeSinceEpoch"]
    assert model["customProperties"] == {"a": TEXT}


def test_every_record_can_be_got_found_and_listed(
    wire: Wire, create: Create, model: dict[str, Any], version: dict[str, Any]
) -> None:
    made = create(
        f"model_versions/{version['id']}/artifacts",
        **{"artifactType": "model-artifact", "name": "m", "uri": "u", "externalId": "e"},
    )
    below = {"name": "m", "parentResourceId": version["id"]}

    assert wire.get("registered_model", params={"name": "m"}).json() == model
    found = wire.get("model_version", params={"name": "1", "parentResourceId": model["id"]})
    assert found.json() == version
    for name in ("model_artifact", "artifact"):
        assert wire.get(name, params=below).json() == made
        assert wire.get(name, params={"externalId": "e"}).json() == made
        assert wire.get(f"{name}s/{made['id']}").json() == made
        assert wire.get(f"{name}s").json()["items"] == [made]
    for path in (
        *(f"registered_models/{model['id']}/versions", "model_versions"),
        f"registered_models/{model['id']}/versions?name=1",
    ):
        assert wire.get(path).json()["items"] == [version]


def test_a_version_may_name_its_model_in_the_path(
    wire: Wire, create: Create, model: dict[str, Any]
) -> None:
    path = f"registered_models/{model['id']}/versions"

    assert create(path, name="1")["registeredModelId"] == model["id"]
    assert "as in the path" in refusal(
        wire.post(path, json={"name": "2", "registeredModelId": "9"}), 400
    )


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("registered_models", {"name": "m"}),
        ("registered_models", {"name": "other", "externalId": "mine"}),
        ("model_versions", {"name": "1", "registeredModelId": "1"}),
        ("model_versions/2/artifacts", {"name": "m", "artifactType": "model-artifact"}),
    ],
)
def test_a_name_or_an_external_id_is_given_once(
    wire: Wire, create: Create, path: str, fields: dict[str, Any]
) -> None:
    create("registered_models", name="m", externalId="mine")
    create("model_versions", name="1", registeredModelId="1")
    create("model_versions/2/artifacts", name="m", artifactType="model-artifact")

    assert "already exists" in refusal(wire.post(path, json=fields), 409)


def test_metrics_and_parameters_are_replaced_when_they_are_logged_again(
    wire: Wire, create: Create, version: dict[str, Any]
) -> None:
    path = f"model_versions/{version['id']}/artifacts"
    first = create(path, artifactType="metric", name="acc", value=0.5)

    again = wire.post(path, json={"artifactType": "metric", "name": "acc", "value": 0.75})

    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert wire.get(path).json()["items"] == [again.json()]
    assert wire.get(path, params={"artifactType": "parameter"}).json()["size"] == 0


def test_an_artifact_on_its_own_is_put_below_a_version_by_its_id(
    wire: Wire, create: Create, model: dict[str, Any], version: dict[str, Any]
) -> None:
    alone = create("model_artifacts", name="m", uri="u")
    other = create("model_versions", name="2", registeredModelId=model["id"])
    path = f"model_versions/{version['id']}/artifacts"

    assert wire.post(path, json=alone).status_code == 200

    assert [one["id"] for one in wire.get(path).json()["items"]] == [alone["id"]]
    elsewhere = wire.post(f"model_versions/{other['id']}/artifacts", json=alone)
    assert "belongs to the version" in refusal(elsewhere, 400)


def test_a_change_replaces_all_custom_properties_or_none(wire: Wire, model: dict[str, Any]) -> None:
    path = f"registered_models/{model['id']}"

    kept = wire.patch(path, json={"description": "d"}).json()
    replaced = wire.patch(path, json={"customProperties": {"b": TEXT}}).json()
    cleared = wire.patch(path, json={"customProperties": {}}).json()

    assert kept["customProperties"] == {"a": TEXT}
    assert replaced["customProperties"] == {"b": TEXT}
    assert (cleared["customProperties"], cleared["description"]) == ({}, "d")


def test_an_archived_model_stays_so_when_something_else_changes(
    wire: Wire, model: dict[str, Any]
) -> None:
    path = f"registered_models/{model['id']}"
    wire.patch(path, json={"state": "ARCHIVED"})

    assert wire.patch(path, json={"owner": "bo", "state": None}).json()["state"] == "ARCHIVED"


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("registered_models/1", {"name": "n"}),
        ("model_versions/2", {"name": "2"}),
        ("model_versions/2", {"registeredModelId": "9"}),
        ("model_artifacts/3", {"name": "n"}),
        ("artifacts/3", {"artifactType": "doc-artifact"}),
    ],
)
def test_names_parents_and_kinds_cannot_be_changed(
    wire: Wire, create: Create, version: dict[str, Any], path: str, change: dict[str, str]
) -> None:
    put = f"model_versions/{version['id']}/artifacts"
    create(put, name="m", artifactType="model-artifact")

    message = refusal(wire.patch(path, json=change), 400)

    assert next(iter(change)) in message


def test_nothing_can_be_deleted(wire: Wire, model: dict[str, Any]) -> None:
    assert "not served" in refusal(wire.delete(f"registered_models/{model['id']}"), 405)


def test_a_client_of_the_old_api_is_told_which_one_to_use(wire: Wire, url: str) -> None:
    answer = wire.get(f"{url}/api/model_registry/v1alpha3/registered_models")

    assert "model-registry 0.3.12" in refusal(answer, 404)
