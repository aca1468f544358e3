"""The loss as pictures: small enough, well formed, for any course of a loss."""

import base64
import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.loss_charts import (
    LossCurve,
    loss_chart,
    loss_curve,
    loss_page,
    sparkline,
    thinned,
)
from tests.core.properties import repeatable
from tests.fakes import step

_LARGEST_LOSS = 3e38  # of a float32
losses = st.floats(-_LARGEST_LOSS, _LARGEST_LOSS) | st.floats(0, 10) | st.just(5e-324)


@st.composite
def curves(draw: st.DrawFn) -> LossCurve:
    """Any course of a loss, over any steps."""
    values = draw(st.lists(losses, min_size=1, max_size=120))
    stride = draw(st.sampled_from([1, 7, 100_000]))
    train = tuple((1 + number * stride, value) for number, value in enumerate(values))
    holdout = draw(st.lists(st.tuples(st.integers(1, 10**7), losses), max_size=3))
    return LossCurve(train=train, holdout=tuple(holdout))


def curve(*values: float) -> LossCurve:
    return LossCurve(train=tuple(enumerate(values, start=1)), holdout=())


def drawn(markdown: str) -> ET.Element:
    """The picture in the markdown."""
    found = re.match(r"!\[[^]]*\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert found
    return ET.fromstring(base64.b64decode(found[1]))


def places(picture: ET.Element) -> list[list[tuple[float, float]]]:
    """The points of every line in it, but not of the frame."""
    lines = [path.get("d") or "" for path in picture.iter("{http://www.w3.org/2000/svg}path")]
    return [
        [(float(x), float(y)) for x, y in (place.split() for place in line[1:].split("L"))]
        for line in lines
        if "V" not in line
    ]


# Sparkline


@repeatable
@given(curves())
def test_a_sparkline_is_short_enough_to_be_shown_in_place(course: LossCurve) -> None:
    markdown = sparkline(course)

    assert len(markdown) < 1_000
    [line] = places(drawn(markdown))
    assert all(0 <= x <= 200 and 0 <= y <= 40 for x, y in line)


def test_the_longest_sparkline_is_short_enough() -> None:
    values = [1e38 * (-1) ** (number // 5_000) for number in range(100_000)]

    assert len(sparkline(curve(*values))) < 1_000


def test_a_sparkline_says_where_the_loss_began_and_ended() -> None:
    assert sparkline(curve(4.0, 3.0, 1.23456)).endswith("loss 4 to 1.23")


def test_a_falling_loss_goes_down_the_picture() -> None:
    [line] = places(drawn(sparkline(curve(4.0, 3.0, 2.0))))

    assert line == [(0, 0), (100, 20), (200, 40)]


@pytest.mark.parametrize("loss", [0.0, 2.5, -1.0, 1e20, 1e300, -1e300])
def test_a_flat_loss_is_in_the_middle(loss: float) -> None:
    [line] = places(drawn(sparkline(curve(loss, loss, loss))))

    assert {y for _, y in line} == {20}


def test_one_point_is_a_picture() -> None:
    assert places(drawn(sparkline(curve(2.0)))) == [[(0, 20)]]


def test_no_point_is_said() -> None:
    assert sparkline(curve()) == "No step had a loss."
    assert loss_chart(curve()) == "No step had a loss."


# Chart and page


@repeatable
@given(curves())
def test_a_chart_is_well_formed_and_stays_in_its_frame(course: LossCurve) -> None:
    lines = places(drawn(loss_chart(course)))

    assert len(lines) == (2 if course.holdout else 1)
    assert all(56 <= x <= 710 and 28 <= y <= 272 for line in lines for x, y in line)


def test_a_chart_tells_the_last_the_lowest_and_the_holdouts_loss() -> None:
    course = LossCurve(train=((1, 4.0), (2, 1.0), (3, 2.0)), holdout=((2, 3.0), (3, 2.5)))

    texts = [text.text for text in drawn(loss_chart(course)).iter() if text.text]

    assert "final 2; lowest 1 at step 2; holdout 2.5" in texts
    assert {"4", "1", "step 1", "step 3"} <= set(texts)


@repeatable
@given(curves(), st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_a_page_is_well_formed_whatever_its_title(course: LossCurve, title: str) -> None:
    page = loss_page(course, title).removeprefix("<!doctype html>").replace('"utf-8">', '"utf-8"/>')

    body = ET.fromstring(page).find("body")

    assert body is not None
    assert body.findtext("p") == title


def test_a_page_shows_its_title_as_text() -> None:
    page = loss_page(curve(1.0), "<script>alert(1)</script>")

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_page_without_a_loss_says_so() -> None:
    assert "<p>No step had a loss.</p>" in loss_page(curve(), "title")


# What is drawn


def test_steps_without_a_finite_loss_are_left_out() -> None:
    values = [4.0, None, math.nan, math.inf, 2.0]

    course = loss_curve([step(n, 5, loss) for n, loss in enumerate(values, start=1)])

    assert course.train == ((1, 4.0), (5, 2.0))


def test_a_loss_on_the_holdout_is_drawn_where_it_was_measured() -> None:
    values = [None, 3.0, None, math.nan, 3.0, 2.0]

    course = loss_curve(
        [step(n, 6, 1.0, validation_loss=loss) for n, loss in enumerate(values, start=1)]
    )

    assert course.holdout == ((2, 3.0), (5, 3.0), (6, 2.0))


def test_a_curve_of_any_steps_comes_back_from_its_file() -> None:
    values = [None, math.nan, math.inf, 2.0]
    course = loss_curve([step(n, 4, loss, validation_loss=loss) for n, loss in enumerate(values)])

    assert LossCurve.model_validate_json(course.model_dump_json()) == course


@repeatable
@given(st.integers(3, 60), st.lists(st.floats(-10, 10), min_size=1, max_size=400))
def test_thinning_keeps_the_ends_the_order_and_the_range(most: int, values: list[float]) -> None:
    points = list(enumerate(values))

    few = thinned(points, most)

    assert len(few) == min(len(points), most)
    assert (few[0], few[-1]) == (points[0], points[-1])
    assert [x for x, _ in few] == sorted({x for x, _ in few})
    assert min(values) - 1e-9 <= min(y for _, y in few)
    assert max(y for _, y in few) <= max(values) + 1e-9


def test_a_long_training_is_drawn_from_few_points() -> None:
    course = loss_curve([step(n, 100_000, 1.0) for n in range(1, 100_001)])

    assert len(course.train) == 400
    assert course.train[-1] == (100_000, 1.0)
