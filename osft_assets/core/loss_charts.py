"""The loss of a training as pictures: a sparkline for the page, a full chart, a page of its own.

Markdown in Dagster is shown in place below 1,000 characters and behind a link above.
"""

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from osft_assets.core.records import Record
from osft_assets.core.training_steps import Step

_COLOUR, _HOLDOUT_COLOUR = "#4f43dd", "#e0559c"
_SPARK_WIDTH, _SPARK_HEIGHT, _SPARK_POINTS = 200, 40, 50
_WIDTH, _HEIGHT, _MARGIN, _POINTS = 720, 300, 56, 400
_NO_LOSS = "No step had a loss."
Point = tuple[int, float]


class _Box(NamedTuple):
    left: int
    top: int
    width: int
    height: int


class LossCurve(Record):
    """The loss by step, thinned out: enough to draw, and to draw again when it is reused."""

    train: tuple[Point, ...]
    holdout: tuple[Point, ...]


def loss_curve(steps: Sequence[Step]) -> LossCurve:
    """What is drawn of these steps."""
    losses = _finite((step.step, step.loss) for step in steps)
    holdout = _finite((step.step, step.validation_loss) for step in steps)
    return LossCurve(
        train=tuple(thinned(losses, _POINTS)), holdout=tuple(thinned(holdout, _POINTS))
    )


def _finite(points: Iterable[tuple[int, float | None]]) -> list[Point]:
    return [(x, y) for x, y in points if y is not None and math.isfinite(y)]


def sparkline(curve: LossCurve) -> str:
    """The course of the loss, small enough to be shown in place."""
    points = thinned(curve.train, _SPARK_POINTS)
    if not points:
        return _NO_LOSS
    path = _path(points, points, _Box(0, 0, _SPARK_WIDTH, _SPARK_HEIGHT))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_SPARK_WIDTH}" height="{_SPARK_HEIGHT}">'
        f'<path fill="none" stroke="{_COLOUR}" d="{path}"/></svg>'
    )
    return f"![loss]({data_url(svg)})\n\nloss {points[0][1]:.3g} to {points[-1][1]:.3g}"


def loss_chart(curve: LossCurve) -> str:
    """The full chart, as markdown."""
    return f"![loss by step]({data_url(_chart(curve))})" if curve.train else _NO_LOSS


def loss_page(curve: LossCurve, title: str) -> str:
    """The full chart as an HTML page."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Training loss {escape(title)}</title></head>"
        f'<body style="font-family:sans-serif"><h1>Training loss</h1><p>{escape(title)}</p>'
        f"{_chart(curve)}</body></html>\n"
    )


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many points, each the mean of its stretch; the first and the last stay exact."""
    if len(points) <= most:
        return list(points)
    size = (len(points) - 2) / (most - 2)
    inner = [points[1 + round(i * size) : 1 + round((i + 1) * size)] for i in range(most - 2)]
    means = [(part[len(part) // 2][0], sum(y for _, y in part) / len(part)) for part in inner]
    return [points[0], *means, points[-1]]


def _chart(curve: LossCurve) -> str:
    if not curve.train:
        return f"<p>{_NO_LOSS}</p>"
    every = curve.train + curve.holdout
    lowest, last = min(curve.train, key=lambda point: point[1]), curve.train[-1]
    lines = _line(curve.train, every, _COLOUR) + _line(curve.holdout, every, _HOLDOUT_COLOUR)
    holdout = f"; holdout {curve.holdout[-1][1]:.4g}" if curve.holdout else ""
    caption = f"final {last[1]:.4g}; lowest {lowest[1]:.4g} at step {lowest[0]:,}{holdout}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'font-family="sans-serif" font-size="12">{_axes(every)}{lines}'
        f'<text x="{_MARGIN}" y="16">{escape(caption)}</text></svg>'
    )


def _axes(points: Sequence[Point]) -> str:
    low, high = _range([y for _, y in points])
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    bottom = _HEIGHT - _MARGIN / 2
    frame = f'<path fill="none" stroke="#999" d="M{_MARGIN} {_MARGIN / 2}V{bottom}H{_WIDTH - 10}"/>'
    labels = [
        (4, _MARGIN / 2 + 10, f"{high:.3g}"),
        (4, bottom, f"{low:.3g}"),
        (_MARGIN, _HEIGHT - 8, f"step {first:,}"),
        (_WIDTH - 90, _HEIGHT - 8, f"step {last:,}"),
    ]
    return frame + "".join(f'<text x="{x}" y="{y}">{text}</text>' for x, y, text in labels)


def _line(points: Sequence[Point], every: Sequence[Point], colour: str) -> str:
    if not points:
        return ""
    box = _Box(_MARGIN, _MARGIN // 2, _WIDTH - _MARGIN - 10, _HEIGHT - _MARGIN)
    path = _path(points, every, box)
    return f'<path fill="none" stroke="{colour}" stroke-width="1.5" d="{path}"/>'


def _path(points: Sequence[Point], every: Sequence[Point], box: _Box) -> str:
    low, high = _range([y for _, y in every])
    first, last = min(x for x, _ in every), max(x for x, _ in every)
    across, height = box.width / max(last - first, 1), high - low
    places = [
        (box.left + (x - first) * across, box.top + (high - y) / height * box.height)
        for x, y in points
    ]
    return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in places)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    half = max(abs(low), 1.0) / 2
    return (low, high) if high > low else (low - half, high + half)


def data_url(svg: str) -> str:
    """The picture as an address that markdown shows without any server."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
