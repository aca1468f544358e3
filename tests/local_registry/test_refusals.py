"""Which requests are refused: wrong ones, and those of strangers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from osft_assets.core.errors import RegistryError
from resources.local_registry.serving import serving
from tests.local_registry.conftest import API, Wire, created, refusal, wired


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """One registry for all: what is refused leaves nothing behind. It has the model 1."""
    file = tmp_path_factory.mktemp("refusing") / "registry.sqlite"
    with serving(file) as url, wired(url) as wire:
        created(wire, "registered_models", name="m")
        yield wire


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("registered_models", {}, "name: Field required"),
        ("registered_models", {"name": ""}, "name"),
        ("registered_models", {"name": 1}, "name"),
        ("registered_models", {"name": "x", "colour": "red"}, "colour: not known here"),
        ("registered_models", {"name": "x", "id": "7"}, "id: not known here"),
        ("registered_models", {"name": "x", "state": "DEAD"}, "state"),
        ("registered_models", {"name": "x", "tasks": [1]}, "tasks.0"),
        ("registered_models", {"name": "x", "customProperties": []}, "no JSON object"),
        ("registered_models", {"name": "x", "customProperties": {"k": 1}}, "customProperties.k"),
        ("registered_models", {"name": "x", "customProperties": {"k": {}}}, "customProperties.k"),
        (
            "registered_models",
            {
                "name": "x",
                "customProperties": {
                    "k": {"int_value": "1543714304", "metadataType": "MetadataIntValue"}
                },
            },
            "customProperties.k: int_value",
        ),
        ("model_versions", {"name": "1"}, "registeredModelId"),
        ("model_versions", {"name": "1", "registeredModelId": "x"}, "registeredModelId"),
        ("artifacts", {"name": "1"}, "artifactType is None: expected one of model-artifact"),
        ("artifacts", {"artifactType": ["metric"]}, "artifactType"),
        ("artifacts", {"artifactType": "recipe"}, "artifactType is 'recipe'"),
        ("model_artifacts", {"artifactType": "metric"}, "artifactType"),
        ("artifacts", {"artifactType": "metric", "value": "high"}, "value"),
        ("artifacts", {"artifactType": "metric", "value": True}, "value"),
    ],
)
def test_a_body_that_the_client_would_not_make_is_refused(
    wire: Wire, path: str, body: dict[str, Any], told: str
) -> None:
    assert told in refusal(wire.post(path, json=body), 400)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"name": "\\ud800"}'),
        *(b'{"value": NaN}', b'{"value": 1e999}'),
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_body_that_is_no_json_object_is_refused(wire: Wire, content: bytes) -> None:
    headers = {"content-type": "application/json"}

    assert "JSON" in refusal(wire.post("registered_models", content=content, headers=headers), 400)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("registered_models/7", 404),
        ("registered_models/7/versions", 404),
        ("model_versions/1", 404),  # 1 is a model
        ("model_versions/7/artifacts", 404),
        ("registered_models/x", 400),
        ("registered_models/0", 400),
        ("registered_models/99999999999999999999", 400),
        ("registered_model?name=n", 404),
        ("registered_model?externalId=n", 404),
        ("model_version?name=1&parentResourceId=7", 404),
        ("model_version?name=1&parentResourceId=null", 400),
        ("model_version?name=1", 400),
        ("registered_model", 400),
        ("model_artifact?name=m", 400),
        ("artifacts?artifactType=recipe", 400),
        ("serving_environments", 404),
    ],
)
def test_what_is_not_there_or_cannot_be_is_told(wire: Wire, path: str, status: int) -> None:
    assert refusal(wire.get(path), status)


def test_a_version_needs_a_model_that_exists(wire: Wire) -> None:
    answer = wire.post("model_versions", json={"name": "1", "registeredModelId": "7"})

    assert "no registered model with the id 7" in refusal(answer, 404)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"filterQuery": "name='m'"}, "filterQuery is not supported"),
        ({"pageSize": "0"}, "pageSize is '0'"),
        ({"pageSize": "many"}, "pageSize is 'many'"),
        ({"orderBy": "NAME"}, "orderBy is 'NAME': expected one of ID, CREATE_TIME"),
        ({"sortOrder": "UP"}, "sortOrder is 'UP'"),
        ({"nextPageToken": "1; DROP"}, "nextPageToken"),
    ],
)
def test_a_list_that_cannot_be_given_is_refused(
    wire: Wire, query: dict[str, str], told: str
) -> None:
    assert told in refusal(wire.get("registered_models", params=query), 400)


def test_without_the_token_nothing_is_answered(file: Path) -> None:
    with serving(file, token="sésame") as url, httpx.Client(trust_env=False, verify=False) as wire:
        for page in (f"{url}/", f"{url}{API}/registered_models"):
            for headers in ({}, {"authorization": "Bearer other"}, {"authorization": "sésame"}):
                encoded = {name: value.encode() for name, value in headers.items()}
                assert "token" in refusal(wire.get(page, headers=encoded), 401)
            right = wire.get(page, headers={"authorization": "Bearer sésame".encode()})
            assert right.status_code == 200


def test_a_web_page_elsewhere_cannot_use_a_browser_here(wire: Wire) -> None:
    rebound = wire.get("registered_models", headers={"host": "evil.example"})
    form = wire.post("registered_models", content=b'{"name": "m"}')

    assert "evil.example" in refusal(rebound, 403)
    assert "expected application/json" in refusal(form, 415)


def test_for_other_machines_it_goes_by_any_name_and_wants_its_token(file: Path) -> None:
    with serving(file, token="let me in", host="0.0.0.0") as url:
        port = url.rpartition(":")[2]
        with wired(f"http://127.0.0.1:{port}") as wire:
            named = {"host": "osft-registry:8080"}
            stranger = wire.get("registered_models", headers=named)
            known = wire.get(
                "registered_models", headers=named | {"authorization": "Bearer let me in"}
            )

    assert "token is missing" in refusal(stranger, 401)
    assert known.status_code == 200


def test_it_serves_no_other_machine_without_a_token(file: Path) -> None:
    told = "answer whoever reaches it. Set MODEL_REGISTRY_TOKEN"
    with pytest.raises(RegistryError, match=told), serving(file, host="0.0.0.0"):
        pass
