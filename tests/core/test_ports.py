"""What the ports hand over."""

import pytest

from osft_assets.core.ports import RowBatch


@pytest.mark.parametrize(
    ("unit", "first", "index", "place"),
    [
        ("line", 1, 0, "rows.jsonl line 1"),
        ("line", 1, 16, "rows.jsonl line 17"),
        ("row", 2_001, 999, "rows.jsonl row 3,000"),
    ],
)
def test_a_row_is_named_as_a_person_finds_it(unit: str, first: int, index: int, place: str) -> None:
    batch = RowBatch("rows.jsonl", unit, first, [], 0)

    assert batch.place(index) == place
