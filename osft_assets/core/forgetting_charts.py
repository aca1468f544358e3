"""The differences of a forgetting report as bars, and all its pictures as markdown.

Tasks whose numbers can be compared share a panel and its scale: points of percentages with each
other, bits per byte with each other, and what was to be learned apart from what was to be kept.
The other picture: `core.skill_matrix_chart`; all on a page: `core.forgetting_page`.
"""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from osft_assets.core.figures import compares_shares, difference_with_interval, metric_name
from osft_assets.core.forgetting import ForgettingReport, TaskComparison, VerdictWord
from osft_assets.core.forgetting_summary import holdouts, old_skills
from osft_assets.core.loss_charts import data_url
from osft_assets.core.markup import shortened
from osft_assets.core.skill_matrix_chart import matrix_heat_map
from osft_assets.core.svg import INK, MUTED, RULE, line, picture, text

_TITLE = "What changed, task by task"
_CAPTION = (
    "Right of the middle is better. Line: where the difference may be, dotted where that is "
    "unknown; at the edge it goes on. Dashes: the tolerance."
)
# Of Okabe and Ito, told apart by who sees no red or green.
_COLOURS: dict[VerdictWord, str] = {
    "improved": "#0072b2",
    "kept": "#009e73",
    "lost": "#d55e00",
    "cannot tell": "#8c8c8c",
}
_WIDTH, _LEFT, _RIGHT, _ROW, _HEAD, _FOOT = 900, 216, 556, 24, 50, 14
_MIDDLE, _HALF = (_LEFT + _RIGHT) / 2, (_RIGHT - _LEFT) / 2
_LONGEST_NAME = 30
_TOO_LARGE = 1e300
# An interval of three documents would make all other bars invisible; its line leaves the panel.
_MOST_OF_OTHERS = 2
_ROUND = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 20.0)


class _Panel(NamedTuple):
    heading: str
    share: bool
    comparisons: list[TaskComparison]
    limit: float

    @property
    def height(self) -> int:
        return _HEAD + _ROW * len(self.comparisons) + _FOOT

    def x(self, value: float) -> float:
        """Where a difference is; at the edge, where it is beyond."""
        return _MIDDLE + _HALF * min(1.0, max(-1.0, value / self.limit))


def difference_bars(report: ForgettingReport) -> str:
    """One bar a task, with its interval, its tolerance and its verdict."""
    body, top = text(16, 26, _TITLE, 'font-size="16" font-weight="bold"'), 40
    panels = _panels("Learned", holdouts(report.comparisons))
    panels += _panels("Old skills", old_skills(report.comparisons))
    for panel in panels:
        body += _drawn(panel, top)
        top += panel.height
    body += text(16, top + 14, _CAPTION if panels else "No task was compared.", f'fill="{MUTED}"')
    told = [
        f"{comparison.task}: {difference_with_interval(comparison)}, {comparison.verdict}."
        for panel in panels
        for comparison in panel.comparisons
    ]
    words = (_TITLE, " ".join(told) or "No task was compared.")
    return picture("differences", words, (_WIDTH, top + 30), body)


def report_charts(report: ForgettingReport) -> str:
    """All pictures of the report, as markdown."""
    bars, matrix = data_url(difference_bars(report)), data_url(matrix_heat_map(report.matrix))
    return f"![differences by task]({bars})\n\n![skills after every step]({matrix})"


def _panels(heading: str, comparisons: Sequence[TaskComparison]) -> list[_Panel]:
    of_unit: dict[str, list[TaskComparison]] = {}
    for comparison in comparisons:
        unit = metric_name(comparison.metric)
        shown = "percentage points" if compares_shares(comparison) else shortened(unit, 40)
        of_unit.setdefault(shown, []).append(comparison)
    return [
        _Panel(f"{heading}, in {unit}", compares_shares(found[0]), found, _limit(found))
        for unit, found in of_unit.items()
    ]


def _limit(comparisons: Sequence[TaskComparison]) -> float:
    """A round number that no difference and no tolerance of a panel exceeds."""
    found = [(c.difference, c.tolerance) for c in comparisons]
    inner = _largest([d.value for d, _ in found] + [tolerance for _, tolerance in found])
    outer = [_largest([difference.low, difference.high]) for difference, _ in found]
    usual = _MOST_OF_OTHERS * max(inner, statistics.median(outer))
    largest = max(inner, min(max(outer), usual))
    if not largest:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next(step * power for step in _ROUND if step * power >= largest)


def _largest(values: Sequence[float]) -> float:
    # Below 1e-300 a tenth of it is no number any more.
    sizes = [abs(value) for value in values if 1 / _TOO_LARGE < abs(value) < _TOO_LARGE]
    return max(sizes, default=0.0)


def _drawn(panel: _Panel, top: float) -> str:
    first, bottom = top + _HEAD, top + panel.height - _FOOT
    marks = [(share, panel.limit * share) for share in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    axis = "".join(
        line((panel.x(value), first - 4), (panel.x(value), bottom), f'stroke="{RULE}"')
        + text(
            panel.x(value),
            first - 9,
            _tick(value, share=panel.share),
            f'text-anchor="middle" font-size="11" fill="{MUTED}"',
        )
        for _, value in marks
    )
    rows = [_bar(panel, one, first + _ROW * i) for i, one in enumerate(panel.comparisons)]
    heading = text(16, top + 20, panel.heading, 'font-size="13" font-weight="bold"')
    zero = line((_MIDDLE, first - 4), (_MIDDLE, bottom), f'stroke="{MUTED}"')
    return heading + axis + zero + "".join(rows)


def _tick(value: float, *, share: bool) -> str:
    return f"{100 * value if share else value:+.3g}" if value else "0"


def _bar(panel: _Panel, comparison: TaskComparison, top: float) -> str:
    middle, colour = top + _ROW / 2, _COLOURS[comparison.verdict]
    difference, name = comparison.difference, shortened(comparison.task, _LONGEST_NAME)
    value = difference.value if math.isfinite(difference.value) else 0.0
    left, right = sorted((_MIDDLE, panel.x(value)))
    bar = (
        f'<rect x="{left:.1f}" y="{middle - 7:.1f}" width="{right - left:.1f}" height="14" '
        f'fill="{colour}"/>'
    )
    # Names end at the bars: the edge of the picture cuts what is too wide.
    return (
        bar
        + _interval(panel, comparison, middle)
        + _tolerance(panel, comparison, middle)
        + text(_LEFT - 10, middle + 4, name, 'text-anchor="end"')
        + f'<circle cx="{_RIGHT + 18}" cy="{middle:.1f}" r="5" fill="{colour}"/>'
        + text(_RIGHT + 28, middle + 4, comparison.verdict, 'font-weight="bold"')
        + text(_RIGHT + 104, middle + 4, difference_with_interval(comparison))
    )


def _interval(panel: _Panel, comparison: TaskComparison, y: float) -> str:
    ends = [comparison.difference.low, comparison.difference.high]
    if not all(math.isfinite(end) for end in ends):
        more = f'stroke="{MUTED}" stroke-dasharray="1 5"'
        return line((_LEFT, y), (_RIGHT, y), more)
    low, high = (panel.x(end) for end in ends)
    within = [panel.x(end) for end in ends if abs(end) <= panel.limit]
    caps = "".join(line((x, y - 4), (x, y + 4), f'stroke="{INK}"') for x in within)
    return line((low, y), (high, y), f'stroke="{INK}" stroke-width="1.5"') + caps


def _tolerance(panel: _Panel, comparison: TaskComparison, y: float) -> str:
    if not math.isfinite(comparison.tolerance):
        return ""
    x = panel.x(-comparison.tolerance)
    more = f'stroke="{INK}" stroke-width="2" stroke-dasharray="4 2"'
    return line((x, y - 10), (x, y + 10), more)
