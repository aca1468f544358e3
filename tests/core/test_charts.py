"""Small pictures for Dagster's pages."""

import base64
import re
from collections.abc import Mapping
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.charts import histogram_of_lengths
from osft_assets.core.records import SplitFile
from tests.core.properties import repeatable


def file_with(buckets: Mapping[int, int]) -> SplitFile:
    rows = sum(buckets.values())
    return SplitFile(
        name="train.jsonl",
        rows=rows,
        size_bytes=rows,
        sha256="ab",
        length_buckets=tuple(sorted(buckets.items())),
    )


def bars_of(markdown: str) -> list[tuple[int, int]]:
    """Where each bar begins, from the left, and how high it is."""
    encoded = re.search(r"base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert encoded
    path = ElementTree.fromstring(base64.b64decode(encoded[1]))[0].get("d")
    assert path
    return [(int(left), int(high)) for left, high in re.findall(r"M(\d+) \d+v-(\d+)", path)]


@repeatable
@given(st.integers(0, 24), st.integers(1, 24), st.integers(1, 10**9))
def test_the_picture_is_short_enough_to_be_shown_inline(
    shortest: int, doublings: int, rows: int
) -> None:
    # Rows of every length up to 24 doublings beyond the shortest: 16 MiB, the largest row read.
    buckets = dict.fromkeys(range(4 * shortest, 4 * min(shortest + doublings, 24) + 1), rows)

    picture, _, _span = histogram_of_lengths(file_with(buckets)).partition("\n")

    assert len(picture) < 1_000


def test_more_rows_make_a_higher_bar() -> None:
    bars = bars_of(histogram_of_lengths(file_with({20: 5, 21: 20, 22: 10})))

    assert [high for _left, high in bars] == [15, 60, 30]


def test_a_single_row_among_millions_still_has_a_bar() -> None:
    bars = bars_of(histogram_of_lengths(file_with({20: 1, 21: 5_000_000})))

    assert len(bars) == 2


def test_lengths_without_rows_leave_a_gap() -> None:
    bars = bars_of(histogram_of_lengths(file_with({20: 1, 23: 1})))

    assert [left for left, _high in bars] == [0, 180]


@pytest.mark.parametrize(
    ("buckets", "span"),
    [
        ({8: 5, 11: 5}, "4 B to 8 B"),
        ({40: 5, 83: 1}, "1 KiB to 2 MiB"),
        ({120: 1, 123: 1}, "1 GiB to 2 GiB"),
    ],
)
def test_the_ends_of_the_picture_are_told_in_words(buckets: dict[int, int], span: str) -> None:
    assert span in histogram_of_lengths(file_with(buckets))


def test_no_rows_make_no_picture() -> None:
    assert histogram_of_lengths(file_with({})) == "No rows."
