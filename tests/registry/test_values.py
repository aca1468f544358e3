"""What a registry keeps of a value."""

import math

import pytest

from osft_assets.core.errors import RegistryError
from osft_assets.core.registry_records import Property
from resources.registry_values import LARGEST_INTEGER, from_metadata, storable, to_metadata


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (True, True),
        (False, False),
        (0, 0),
        (LARGEST_INTEGER, LARGEST_INTEGER),
        (-LARGEST_INTEGER, -LARGEST_INTEGER),
        (LARGEST_INTEGER + 1, "1000000000"),
        (-LARGEST_INTEGER - 1, "-1000000000"),
        (1_543_714_304, "1543714304"),
        (0.5, 0.5),
        (2.0, 2.0),
        (1e300, 1e300),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        ("", ""),
        ("text", "text"),
    ],
)
def test_a_value_stays_what_it_is_or_becomes_text(value: Property, kept: Property) -> None:
    assert storable(value) == kept
    assert type(storable(value)) is type(kept)


def test_values_survive_the_client() -> None:
    values: dict[str, Property] = {"a": True, "b": 1, "c": 1.0, "d": "1", "e": ""}

    back = from_metadata(to_metadata(values))

    assert back == values
    assert [type(value) for value in back.values()] == [bool, int, float, str, str]


def test_a_float_that_a_server_sends_without_its_point_is_a_float() -> None:
    (sent,) = to_metadata({"share": 2.0}).values()
    sent.actual_instance.double_value = 2

    assert type(from_metadata({"share": sent})["share"]) is float


def test_no_properties_are_none() -> None:
    assert from_metadata(None) == from_metadata({}) == {}


@pytest.mark.parametrize("name", ["\udc80", "a\0"])
def test_a_name_or_text_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(RegistryError, match="The name of a property holds"):
        to_metadata({name: 1})
    with pytest.raises(RegistryError, match="The property note holds"):
        to_metadata({"note": name})
