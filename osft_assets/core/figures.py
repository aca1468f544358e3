"""Numbers of scores in the digits that people read. What is not finite is `unknown`."""

import math
import re

from osft_assets.core.forgetting import TaskComparison

UNKNOWN = "unknown"
_SHARES = {"acc", "accuracy", "em", "match", "pass"}
_LARGEST_WRITTEN_OUT = 1e6


def is_share(metric: str, *values: float) -> bool:
    """Whether the values are shares of right answers, which people read as percentages.

    The name has to say so: between 0 and 1 can also be a bad BLEU, of 100, or bits per byte.
    """
    named = _SHARES & set(re.split(r"[_@,]", metric.partition(",")[0].lower()))
    return bool(named) and all(0 <= value <= 1 for value in values if math.isfinite(value))


def compares_shares(comparison: TaskComparison) -> bool:
    """The same, of a comparison."""
    difference = comparison.difference
    return is_share(comparison.metric, difference.base, difference.tuned)


def metric_name(metric: str) -> str:
    """Without the filter that filters nothing."""
    return metric.removesuffix(",none")


def figure(value: float, *, share: bool) -> str:
    """A score: 62.5%, 0.9312 or 12,345."""
    if not math.isfinite(value):
        return UNKNOWN
    if share:
        return f"{100 * value:z.1f}%"
    return f"{value:,.0f}" if 1e3 <= abs(value) < _LARGEST_WRITTEN_OUT else f"{value:.4g}"


def change(value: float, *, share: bool) -> str:
    """A difference with its sign, in percentage points for shares."""
    if not math.isfinite(value):
        return UNKNOWN
    return f"{100 * value:+z.1f}" if share else f"{value:+.3g}"


def course(comparison: TaskComparison) -> str:
    """From what to what, as the metric itself counts."""
    share, difference = compares_shares(comparison), comparison.difference
    return f"{figure(difference.base, share=share)} to {figure(difference.tuned, share=share)}"


def difference_with_interval(comparison: TaskComparison) -> str:
    """The difference, more being better, and where it may be: +1.2 points (-0.3 to +2.7)."""
    share, difference = compares_shares(comparison), comparison.difference
    low, high = change(difference.low, share=share), change(difference.high, share=share)
    interval = UNKNOWN if UNKNOWN in (low, high) else f"{low} to {high}"
    value, points = change(difference.value, share=share), " points" if share else ""
    return value if value == UNKNOWN else f"{value}{points} ({interval})"
