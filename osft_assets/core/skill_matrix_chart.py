"""What every step of a chain of pipelines did to every skill, as a heat map.

The bars of one step are `core.forgetting_charts`.
"""

import math
import textwrap
from typing import NamedTuple

from osft_assets.core.figures import figure, is_share, metric_name
from osft_assets.core.forgetting import SkillMatrix
from osft_assets.core.markup import shortened
from osft_assets.core.svg import INK, MUTED, RULE, picture, text

_TITLE = "Every skill after every step"
_CAPTION = "Darker is better; every column has its own scale. Hatched: not measured."
_NOTHING = "No skill was measured."
_LEFT, _CELL_WIDTH, _CELL_HEIGHT, _NARROWEST = 190, 100, 34, 500
_TOP, _LINE, _LINES_OF_NAME, _LETTERS = 44, 14, 3, 14
_LIGHTEST, _DARKEST = (0xE3, 0xEE, 0xF9), (0x08, 0x45, 0x94)
# White letters where black ones would be hard to read.
_DARK = 0.64
_HATCH = (
    '<defs><pattern id="not-measured" width="8" height="8" patternUnits="userSpaceOnUse" '
    f'patternTransform="rotate(45)"><path d="M0 0V8" stroke="{RULE}" stroke-width="3"/></pattern>'
    "</defs>"
)


class _Column(NamedTuple):
    skill: str
    metric: str
    higher_is_better: bool
    values: tuple[float | None, ...]

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
        return [value for value in self.values if value is not None and math.isfinite(value)]

    def goodness(self, value: float) -> float:
        """From 0, the worst of the column, to 1, its best."""
        low, high = min(self.measured), max(self.measured)
        reach = high / 2 - low / 2  # of halves, because the whole may be infinite
        if not reach:
            return 0.5
        share = (value / 2 - low / 2) / reach
        return share if self.higher_is_better else 1 - share


def matrix_heat_map(matrix: SkillMatrix) -> str:
    """The steps as rows, the skills as columns, and every value in its cell."""
    heading = text(16, 26, _TITLE, 'font-size="16" font-weight="bold"')
    if not matrix.steps or not matrix.skills:
        nothing = heading + text(16, 50, _NOTHING)
        return picture("matrix", (_TITLE, _NOTHING), (_NARROWEST, 66), nothing)
    columns = _columns(matrix)
    top = _TOP + _LINE * (2 + max(len(column.lines) for column in columns)) + 8
    body = "".join(_column(one, _LEFT + _CELL_WIDTH * i, top) for i, one in enumerate(columns))
    bottom = top + _CELL_HEIGHT * len(matrix.steps)
    caption = text(16, bottom + 22, _CAPTION, f'fill="{MUTED}"')
    width = max(_NARROWEST, _LEFT + _CELL_WIDTH * len(columns) + 16)
    words = (_TITLE, _described(matrix, columns))
    everything = _HATCH + heading + _steps(matrix, top) + body + caption
    return picture("matrix", words, (width, bottom + 38), everything)


def _columns(matrix: SkillMatrix) -> list[_Column]:
    values = zip(*matrix.values, strict=True)
    about = zip(matrix.skills, matrix.metrics, matrix.higher_is_better, values, strict=True)
    return [_Column(*each) for each in about]


def _described(matrix: SkillMatrix, columns: list[_Column]) -> str:
    rows = [
        f"{step}: "
        + ", ".join(f"{one.skill} {one.text_of(row) or 'not measured'}" for one in columns)
        for row, step in enumerate(matrix.steps)
    ]
    return "; ".join(rows) + "."


def _steps(matrix: SkillMatrix, top: float) -> str:
    names = [shortened(step, 26) for step in matrix.steps]
    return "".join(
        text(_LEFT - 10, top + _CELL_HEIGHT * row + 22, name, 'text-anchor="end"')
        for row, name in enumerate(names)
    )


def _column(column: _Column, left: float, top: float) -> str:
    places = [(left, top + _CELL_HEIGHT * row) for row in range(len(column.values))]
    cells = [_cell(column, row, place) for row, place in enumerate(places)]
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


def _cell(column: _Column, row: int, place: tuple[float, float]) -> str:
    value, (left, top) = column.values[row], place
    colour, letters = "url(#not-measured)", INK
    if value is not None and math.isfinite(value):
        goodness = column.goodness(value)
        colour, letters = _shade(goodness), "#ffffff" if goodness > _DARK else "#1f2328"
    box = (
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{_CELL_WIDTH - 2}" '
        f'height="{_CELL_HEIGHT - 2}" fill="{colour}"/>'
    )
    middle = f'text-anchor="middle" fill="{letters}"'
    words = column.text_of(row)
    return box + (text(left + _CELL_WIDTH / 2 - 1, top + 21, words, middle) if words else "")


def _shade(goodness: float) -> str:
    mixed = [
        round(light + goodness * (dark - light))
        for light, dark in zip(_LIGHTEST, _DARKEST, strict=True)
    ]
    return "#" + "".join(f"{part:02x}" for part in mixed)
