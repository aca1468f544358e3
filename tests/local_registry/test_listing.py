"""Lists come in pages."""

from typing import Any

import pytest

from tests.local_registry.conftest import Create, Wire


def _pages(wire: Wire, **query: Any) -> list[list[str]]:
    pages, token = [], None
    while token != "":
        params = {**query, **({"nextPageToken": token} if token else {})}
        answer = wire.get("registered_models", params=params).json()
        assert answer["size"] == len(answer["items"])
        pages.append([item["name"] for item in answer["items"]])
        token = answer["nextPageToken"]
    return pages


@pytest.fixture
def models(create: Create) -> list[str]:
    return [create("registered_models", name=name)["name"] for name in "abcde"]


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("order", ["ID", "CREATE_TIME", "LAST_UPDATE_TIME"])
def test_pages_give_every_record_once_in_either_direction(wire: Wire, order: str) -> None:
    up = _pages(wire, pageSize=2, orderBy=order, sortOrder="ASC")
    down = _pages(wire, pageSize=2, orderBy=order, sortOrder="DESC")

    assert up == [["a", "b"], ["c", "d"], ["e"]]
    assert down == [["e", "d"], ["c", "b"], ["a"]]


@pytest.mark.usefixtures("models")
def test_a_page_that_is_just_full_is_the_last_one(wire: Wire) -> None:
    assert _pages(wire, pageSize=5) == [["a", "b", "c", "d", "e"]]
    assert _pages(wire) == [["a", "b", "c", "d", "e"]]


@pytest.mark.usefixtures("models")
def test_a_record_added_meanwhile_shifts_no_page(wire: Wire, create: Create) -> None:
    first = wire.get("registered_models", params={"pageSize": 2, "sortOrder": "DESC"}).json()
    create("registered_models", name="f")

    rest = {"pageSize": 2, "sortOrder": "DESC", "nextPageToken": first["nextPageToken"]}
    names = [item["name"] for item in wire.get("registered_models", params=rest).json()["items"]]

    assert names == ["c", "b"]


def test_a_list_of_nothing_is_an_empty_page(wire: Wire) -> None:
    answer = wire.get("registered_models").json()

    assert answer == {"items": [], "nextPageToken": "", "pageSize": 100, "size": 0}
