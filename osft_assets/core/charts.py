"""Small pictures as SVG data URLs, which Dagster's markdown shows without any server.

An inline chart has to stay under 1,000 characters, or the page hides it behind a link.
"""

import base64
from collections.abc import Sequence

_WIDTH, _HEIGHT = 240, 60


def histogram_of_lengths(buckets: Sequence[int]) -> str:
    """A markdown picture of how long rows are; bucket i holds rows whose size has i binary digits.
    A markdown picture of how long rows are; bucket i holds rows whose size has i binary digits."""
    filled = [index for index, rows in enumerate(buckets) if rows]
    if not filled:
        return "No rows."
    low, high = filled[0], filled[-1]
    shown = buckets[low : high + 1]
    step = _WIDTH / len(shown)
    bars = "".join(_bar(index * step, step, rows / max(shown)) for index, rows in enumerate(shown))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}">'
        f'<path fill="#4f43dd" d="{bars}"/></svg>'
    )
    encoded = base64.b64encode(svg.encode()).decode()
    span = (
        f"{_size(2 ** (low - 1) if low else 0)} to {_size(2**high)}, each bar twice the size before"
    )
    return f"![row lengths](data:image/svg+xml;base64,{encoded})\n\n{span}"


def _bar(left: float, step: float, share: float) -> str:
    height = max(1, round(share * _HEIGHT)) if share else 0
    return f"M{left:.0f} {_HEIGHT}v-{height}h{step - 2:.0f}v{height}z"


def _size(size_bytes: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.0f} GiB"
