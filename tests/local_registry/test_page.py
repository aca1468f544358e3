"""The page that people see."""

import json
import re
from typing import Any

import httpx

from tests.local_registry.conftest import Create, Wire


def _text(value: str) -> dict[str, str]:
    return {"string_value": value, "metadataType": "MetadataStringValue"}


def _model(create: Create, name: str, *versions: str, **properties: Any) -> None:
    custom = {key: _text(value) for key, value in properties.items()}
    model = create("registered_models", name=name, owner="ann", customProperties=custom)
    for version in versions:
        verdict = {"verdict": _text("passed"), "run_id": _text(f"run {version}")}
        made = create(
            "model_versions",
            **{"name": version, "registeredModelId": model["id"], "author": "bo"},
            customProperties=verdict,
        )
        create(
            f"model_versions/{made['id']}/artifacts",
            **{"artifactType": "model-artifact", "name": name, "uri": f"s3://b/{version}"},
            **{"modelFormatName": "safetensors", "modelFormatVersion": "1.0"},
        )


def _page(url: str) -> str:
    answer = httpx.get(url, trust_env=False, verify=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text


def _rows(page: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", page)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def test_an_empty_registry_says_so(url: str) -> None:
    assert "No model is registered yet" in _page(url)


def test_versions_are_listed_the_newest_first_and_the_champion_is_marked(
    url: str, create: Create
) -> None:
    _model(create, "m", "1.0.0", "1.0.1", champion="1.0.0")

    page = _page(url)

    newest, champion = _rows(page)[1:3]
    assert newest[:3] == ["1.0.1", "", "LIVE"]
    assert champion[:3] == ["1.0.0", "★ champion", "LIVE"]
    assert champion[4:] == ["bo", "passed", "safetensors 1.0", "s3://b/1.0.0"]
    assert "Champion: 1.0.0." in page
    assert "run 1.0.1" in page


def test_the_history_of_champions_is_shown_the_newest_first(url: str, create: Create) -> None:
    changes = [
        {"version": "1", "at": "2026-01-01T00:00:00Z", "by": "ann", "kind": "promote"},
        {"version": "2", "at": "2026-01-02T00:00:00Z", "by": "bo", "reason": "better"},
    ]
    _model(create, "m", "1", "2", champion="2", champion_history=json.dumps(changes))

    rows = _rows(_page(url))

    assert ["2", "2026-01-02T00:00:00Z", "bo", "", "better"] in rows
    assert rows.index(["1", "2026-01-01T00:00:00Z", "ann", "promote", ""]) == 5


def test_what_somebody_else_wrote_as_history_is_shown_as_it_is(url: str, create: Create) -> None:
    _model(create, "m", "1", champion="9", champion_history="since <May>")

    page = _page(url)

    assert "since &lt;May&gt;" in page
    assert "Champion: 9. There is no such version." in page


def test_nothing_that_was_registered_becomes_markup(url: str, create: Create) -> None:
    attack = "<script>alert(1)</script>"
    _model(create, attack, attack, champion=attack, note=attack)

    page = _page(url)

    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_an_archived_version_and_one_that_was_cut_off_say_so(
    url: str, wire: Wire, create: Create
) -> None:
    model = create("registered_models", name="m")
    made = create("model_versions", name="1", registeredModelId=model["id"])
    wire.patch(f"model_versions/{made['id']}", json={"state": "ARCHIVED"})

    row = _rows(_page(url))[1]

    assert row[2] == "ARCHIVED"
    assert row[-1] == "not registered"


def test_a_location_is_shown_without_its_credentials(url: str, create: Create) -> None:
    create("registered_models", name="m")
    create("model_versions", name="1", registeredModelId="1")
    create(
        "model_versions/2/artifacts",
        **{"artifactType": "model-artifact", "uri": "https://ann:secret@host/m?sig=secret"},
    )

    assert "secret" not in _page(url)
