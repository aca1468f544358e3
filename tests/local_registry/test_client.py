"""What the real client does with the local registry."""

from pathlib import Path
from typing import Any

import pytest

from resources.local_registry.serving import serving
from tests.local_registry.conftest import Create, connected

ABOUT = {"model_format_name": "safetensors", "model_format_version": "1.0"}


def _register(client: Any, version: str = "1.0.0", **more: Any) -> Any:
    return client.register_model("m", "s3://b/m", version=version, **ABOUT, **more)


def test_a_registration_comes_back_as_it_was(client: Any) -> None:
    source = {
        "model_source_kind": "dagster",
        "model_source_class": "osft",
        "model_source_group": "demo",
        "model_source_id": "run-1",
        "model_source_name": "final_model",
    }
    metadata = {"accuracy": 0.5, "rows": 180, "passed": True, "task": "facts ✓"}

    _register(client, owner="bo", metadata=metadata, version_description="first", **source)

    model, version = client.get_registered_model("m"), client.get_model_version("m", "1.0.0")
    artifact = client.get_model_artifact("m", "1.0.0")
    assert (model.owner, model.state.value) == ("bo", "LIVE")
    assert (version.author, version.description) == ("ann", "first")
    assert version.custom_properties == metadata
    assert (artifact.uri, artifact.model_format_name) == ("s3://b/m", "safetensors")
    assert {name: getattr(artifact, name) for name in source} == source
    assert int(version.create_time_since_epoch) > 1_600_000_000_000


def test_what_is_not_there_is_none_or_an_error_of_the_client(client: Any) -> None:
    from model_registry.exceptions import StoreError

    assert client.get_registered_model("m") is None
    with pytest.raises(StoreError, match="Model m does not exist"):
        client.get_model_version("m", "1")
    _register(client)
    assert client.get_model_version("m", "2") is None


def test_a_version_is_registered_once(client: Any) -> None:
    from model_registry.exceptions import StoreError

    _register(client)

    with pytest.raises(StoreError, match="already exists"):
        _register(client)
    assert len(list(client.get_model_versions("m"))) == 1


def test_models_with_the_same_versions_are_told_apart(client: Any) -> None:
    for name in ("a", "b"):
        client.register_model(name, f"u:{name}", version="1", **ABOUT)

    assert client.get_model_artifact("a", "1").uri == "u:a"
    assert client.get_model_artifact("b", "1").uri == "u:b"


def test_an_update_changes_what_it_says_and_nothing_else(client: Any) -> None:
    from model_registry.types import RegisteredModel

    model: RegisteredModel = _register(client)
    model.custom_properties = {"champion": "1.0.0"}
    model.description = "two skills"

    client.update(model)

    after = client.get_registered_model("m")
    assert (after.description, after.owner) == ("two skills", "ann")
    assert after.custom_properties == {"champion": "1.0.0"}
    assert int(after.last_update_time_since_epoch) > int(model.last_update_time_since_epoch)


def test_a_version_can_be_archived_and_an_artifact_moved(client: Any) -> None:
    from model_registry.types import ModelVersion

    _register(client, metadata={"kept": 1})
    version: ModelVersion = client.get_model_version("m", "1.0.0")
    artifact = client.get_model_artifact("m", "1.0.0")
    version.state = type(version.state).ARCHIVED
    artifact.uri = "s3://elsewhere/m"

    client.update(version)
    client.update(artifact)

    assert client.get_model_version("m", "1.0.0").state.value == "ARCHIVED"
    assert client.get_model_version("m", "1.0.0").custom_properties == {"kept": 1}
    assert client.get_model_artifact("m", "1.0.0").uri == "s3://elsewhere/m"


@pytest.mark.parametrize("size", [2, 5])
def test_the_pager_gives_every_version_once(client: Any, create: Create, size: int) -> None:
    names = [str(number) for number in range(5)]
    model = create("registered_models", name="m")
    for name in names:
        create("model_versions", name=name, registeredModelId=model["id"])

    pager = client.get_model_versions("m").page_size(size)

    assert [version.name for version in pager] == names
    assert [version.name for version in pager.descending()] == names[::-1]


def test_an_empty_registry_lists_nothing(client: Any) -> None:
    assert list(client.get_registered_models()) == []


def test_data_and_figures_can_be_attached_to_a_version(client: Any) -> None:
    import mr_openapi
    from model_registry.types import DataSet, Parameter

    _register(client)
    version = client.get_model_version("m", "1.0.0").id

    async def metric(value: float) -> None:
        sent = mr_openapi.Metric(name="acc", value=value, artifactType="metric")
        async with client._api.get_client() as api:
            await api.upsert_model_version_artifact(version, mr_openapi.Artifact(sent))

    for value in (0.5, 0.75):
        client.async_runner(metric(value))
    parameter = Parameter(name="lr", value="1e-5", parameter_type="number")
    for artifact in (DataSet(name="rows", uri="u", digest="d"), parameter):
        client.async_runner(client._api.upsert_model_version_artifact(artifact, version))

    found = client.async_runner(client._api.get_model_version_artifacts(version))
    assert [type(one).__name__ for one in found] == [
        *("ModelArtifact", "Metric", "DataSet", "Parameter")
    ]
    assert found[1].value == 0.75


def test_the_token_lets_the_client_in_and_another_one_does_not(file: Path) -> None:
    from mr_openapi.exceptions import UnauthorizedException

    with serving(file, token="sesame") as url:
        with connected(url, "sesame") as client:
            assert list(client.get_registered_models()) == []
        with pytest.raises(UnauthorizedException), connected(url, "wrong"):
            pass


def test_what_was_registered_is_there_the_next_time(file: Path) -> None:
    with serving(file) as url, connected(url) as client:
        _register(client)

    with serving(file) as url, connected(url) as client:
        assert client.get_model_artifact("m", "1.0.0").uri == "s3://b/m"
