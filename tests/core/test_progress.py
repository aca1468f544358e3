"""How far work has come, in words."""

import pytest

from osft_assets.core.progress import Progress


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def spoken(size_bytes: int | None, calls: list[tuple[float, int, int]]) -> list[str]:
    """What is said when each call comes at its second."""
    said: list[str] = []
    clock = Clock()
    progress = Progress(said.append, size_bytes, clock)
    for second, rows, bytes_read in calls:
        clock.now = 100.0 + second
        progress(rows, bytes_read)
    return said


def test_short_work_is_done_in_silence() -> None:
    assert spoken(1_000, [(1, 10, 100), (5, 20, 500), (9.9, 30, 1_000)]) == []


def test_long_work_speaks_every_ten_seconds() -> None:
    said = spoken(None, [(second, second * 50, 0) for second in range(1, 36)])

    assert said == [
        "500 rows, 50 a second",
        "1,000 rows, 50 a second",
        "1,500 rows, 50 a second",
    ]


@pytest.mark.parametrize(
    ("size_bytes", "bytes_read", "line"),
    [
        (8_000_000, 2_000_000, "2,000 rows, 100 a second; 25% of 8.0 MB, about 60 s left"),
        (8_000_000, 8_000_000, "2,000 rows, 100 a second; 100% of 8.0 MB, about 0 s left"),
        (8_000_000, 9_000_000, "2,000 rows, 100 a second; 100% of 8.0 MB, about 0 s left"),
        (None, 2_000_000, "2,000 rows, 100 a second"),
        (0, 0, "2,000 rows, 100 a second"),
    ],
)
def test_the_time_left_is_told_when_the_size_is_known(
    size_bytes: int | None, bytes_read: int, line: str
) -> None:
    assert spoken(size_bytes, [(20, 2_000, bytes_read)]) == [line]
