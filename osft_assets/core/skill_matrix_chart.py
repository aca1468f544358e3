"""What every step of a chain of pipelines did to every skill, as a heat map.

The bars of one step are `core.forgetting_charts`.
"""

import math
import textwrap

from osft_assets.core.figures import figure, is_share, metric_name
from osft_assets.core.forgetting import SkillColumn, SkillMatrix
from osft_assets.core.markup import shortened
from osft_assets.core.svg import INK, MUTED, RULE, picture, text

_TITLE = "Every skill after every step"
_CAPTION = (
    "Darker is better; each column has its own middle.",
    "The same change is the same step of colour in all columns of one metric;",
    "the whole scale is at least 10 points, or a tenth of the largest value.",
    "Hatched: not measured, or asked other rows than the newest value.",
)
_LEAST_POINTS, _LEAST_SHARE = 0.1, 0.1
_NOTHING = "No skill was measured."
_LEFT, _CELL_WIDTH, _CELL_HEIGHT, _NARROWEST = 190, 100, 34, 500
_CAPTION_LINE = 18
_TOP, _LINE, _LINES_OF_NAME, _LETTERS = 44, 14, 3, 14
_LIGHTEST, _DARKEST = (0xE3, 0xEE, 0xF9), (0x08, 0x45, 0x94)
# White letters where black ones would be hard to read.
_DARK = 0.64
_HATCH = (
    '<defs><pattern id="not-measured" width="8" height="8" patternUnits="userSpaceOnUse" '
    f'patternTransform="rotate(45)"><path d="M0 0V8" stroke="{RULE}" stroke-width="3"/></pattern>'
    "</defs>"
)


class _Column(SkillColumn):
    """What is drawn of a skill."""

    def text_of(self, row: int) -> str:
        value = self.values[row]
        return "" if value is None else figure(value, share=is_share(self.metric, *self.measured))

    @property
    def lines(self) -> list[str]:
        """The name of the skill, as narrow as its column."""
        name = shortened(self.skill, _LETTERS * _LINES_OF_NAME - 4)
        return textwrap.wrap(name, _LETTERS, max_lines=_LINES_OF_NAME, placeholder="…")

    @property
    def measured(self) -> list[float]:
        return [value for value in map(self.drawn, range(len(self.values))) if value is not None]

    def drawn(self, step: int) -> float | None:
        """What has a colour: a number that can be compared."""
        value = self.values[step]
        is_number = value is not None and math.isfinite(value)
        return value if is_number and not self.is_of_other_rows(step) else None

    @property
    def half_reach(self) -> float:
        """Of its colours, at least; a half, because the whole may be infinite."""
        found = self.measured or [0.0]
        largest = max(abs(value) for value in found)
        least = _LEAST_POINTS if is_share(self.metric, *found) else _LEAST_SHARE * largest
        return max(max(found) / 2 - min(found) / 2, least / 2)

    def goodness(self, value: float, half_reach: float) -> float:
        """From 0 to 1, the better the more; 0.5 is the middle of the column."""
        if not half_reach:
            return 0.5
        quarter = max(self.measured) / 4 + min(self.measured) / 4
        change = (value / 2 - quarter) / half_reach
        return min(1.0, max(0.0, 0.5 + (change if self.higher_is_better else -change)))


def matrix_heat_map(matrix: SkillMatrix) -> str:
    """The steps as rows, the skills as columns, and every value in its cell."""
    heading = text(16, 26, _TITLE, 'font-size="16" font-weight="bold"')
    if not matrix.steps or not matrix.skills:
        nothing = heading + text(16, 50, _NOTHING)
        return picture("matrix", (_TITLE, _NOTHING), (_NARROWEST, 66), nothing)
    columns = [_Column(*column) for column in matrix.columns()]
    reaches = _reaches(columns)
    top = _TOP + _LINE * (2 + max(len(column.lines) for column in columns)) + 8
    body = "".join(
        _column(one, reaches[one.metric], (_LEFT + _CELL_WIDTH * i, top))
        for i, one in enumerate(columns)
    )
    bottom = top + _CELL_HEIGHT * len(matrix.steps)
    caption = "".join(
        text(16, bottom + 22 + _CAPTION_LINE * i, words, f'fill="{MUTED}"')
        for i, words in enumerate(_CAPTION)
    )
    width = max(_NARROWEST, _LEFT + _CELL_WIDTH * len(columns) + 16)
    words = (_TITLE, _described(matrix, columns))
    everything = _HATCH + heading + _steps(matrix, top) + body + caption
    return picture(
        "matrix", words, (width, bottom + 22 + _CAPTION_LINE * len(_CAPTION)), everything
    )


def _reaches(columns: list[_Column]) -> dict[str, float]:
    """One scale a metric: a column that hardly changed must not look like one that did."""
    found: dict[str, float] = {}
    for column in columns:
        found[column.metric] = max(found.get(column.metric, 0.0), column.half_reach)
    return found


def _described(matrix: SkillMatrix, columns: list[_Column]) -> str:
    rows = [
        f"{step}: " + ", ".join(f"{one.skill} {_told(one, row)}" for one in columns)
        for row, step in enumerate(matrix.steps)
    ]
    return "; ".join(rows) + "."


def _told(column: _Column, row: int) -> str:
    other = " on other rows" if column.is_of_other_rows(row) else ""
    return f"{column.text_of(row)}{other}" or "not measured"


def _steps(matrix: SkillMatrix, top: float) -> str:
    names = [shortened(step, 26) for step in matrix.steps]
    return "".join(
        text(_LEFT - 10, top + _CELL_HEIGHT * row + 22, name, 'text-anchor="end"')
        for row, name in enumerate(names)
    )


def _column(column: _Column, half_reach: float, place: tuple[float, float]) -> str:
    left, top = place
    shades = [_shade_of(column, row, half_reach) for row in range(len(column.values))]
    cells = [
        _box((left, top + _CELL_HEIGHT * row), shade, column.text_of(row))
        for row, shade in enumerate(shades)
    ]
    # A picture in the picture, because it cuts what is too wide for the column.
    size = f'x="{left:.0f}" y="{_TOP}" width="{_CELL_WIDTH - 2}" height="{top - _TOP:.0f}"'
    return f"<svg {size}>{_header(column, top - _TOP - 8)}</svg>{''.join(cells)}"


def _header(column: _Column, lowest: float) -> str:
    metric = shortened(metric_name(column.metric), _LETTERS + 2)
    better = "higher is better" if column.higher_is_better else "lower is better"
    small = f'text-anchor="middle" font-size="11" fill="{MUTED}"'
    bold = 'text-anchor="middle" font-weight="bold"'
    middle, above = _CELL_WIDTH / 2 - 1, lowest - _LINE * (len(column.lines) + 1)
    names = [text(middle, above + _LINE * i, words, bold) for i, words in enumerate(column.lines)]
    about = text(middle, lowest - _LINE, metric, small) + text(middle, lowest, better, small)
    return "".join(names) + about


def _shade_of(column: _Column, row: int, half_reach: float) -> tuple[str, str]:
    """The colours of the cell and of its letters."""
    value = column.drawn(row)
    if value is None:
        return "url(#not-measured)", INK
    goodness = column.goodness(value, half_reach)
    return _shade(goodness), "#ffffff" if goodness > _DARK else "#1f2328"


def _box(place: tuple[float, float], shade: tuple[str, str], words: str) -> str:
    (left, top), (colour, letters) = place, shade
    box = (
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{_CELL_WIDTH - 2}" '
        f'height="{_CELL_HEIGHT - 2}" fill="{colour}"/>'
    )
    middle = f'text-anchor="middle" fill="{letters}"'
    return box + (text(left + _CELL_WIDTH / 2 - 1, top + 21, words, middle) if words else "")


def _shade(goodness: float) -> str:
    mixed = [
        round(light + goodness * (dark - light))
        for light, dark in zip(_LIGHTEST, _DARKEST, strict=True)
    ]
    return "#" + "".join(f"{part:02x}" for part in mixed)
