"""Small pictures as SVG data URLs, which Dagster's markdown shows without any server.

An inline chart has to stay under 1,000 characters, or the page hides it behind a link.
"""

import base64
from collections import Counter

from osft_assets.core.records import BUCKETS_PER_DOUBLING, SplitFile

_WIDTH, _HEIGHT = 240, 60
_MOST_BARS = 20


def histogram_of_lengths(file: SplitFile) -> str:
    """A markdown picture of how long the rows of a file are."""
    if not file.length_buckets:
        return "No rows."
    spread = file.length_buckets[-1][0] - file.length_buckets[0][0] + 1
    merged = next(number for number in (1, 2, 4, 8) if spread <= number * _MOST_BARS)
    rows_of: Counter[int] = Counter()
    for bucket, rows in file.length_buckets:
        rows_of[bucket // merged] += rows
    low, high = min(rows_of), max(rows_of)
    most, step = max(rows_of.values()), _WIDTH / (high - low + 1)
    bars = "".join(_bar((i - low) * step, step, rows / most) for i, rows in sorted(rows_of.items()))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}"><path '
        f'fill="#4f43dd" d="{bars}"/></svg>'
    )
    encoded = base64.b64encode(svg.encode()).decode()
    span = f"{_size(low * merged)} to {_size((high + 1) * merged)}"
    return f"![row lengths](data:image/svg+xml;base64,{encoded})\n\nrows by size, {span}"


def _bar(left: float, step: float, share: float) -> str:
    height = max(1, round(share * _HEIGHT)) if share else 0
    return f"M{left:.0f} {_HEIGHT}v-{height}h{max(1, step - 2):.0f}v{height}z"


def _size(bucket: int) -> str:
    size_bytes = 2 ** (bucket / BUCKETS_PER_DOUBLING)
    for unit in ("B", "KiB", "MiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.0f} GiB"
