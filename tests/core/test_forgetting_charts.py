"""A forgetting report in words, tables, pictures and on a page: right, safe, for any report."""

import base64
import math
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.forgetting import ForgettingReport, GateClaim, SkillMatrix, VerdictWord
from osft_assets.core.forgetting_charts import difference_bars, report_charts
from osft_assets.core.forgetting_page import report_page
from osft_assets.core.forgetting_summary import summary
from osft_assets.core.score_tables import comparison_table, score_table
from osft_assets.core.scores import Score, TaskScores
from osft_assets.core.skill_matrix_chart import matrix_heat_map
from tests.core.forgetting_parts import EMPTY_MATRIX, against, comparison, holdout, matrix, report
from tests.core.properties import repeatable

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "<script>alert(1)</script> | `x` ![y](z)"
VERDICTS: list[VerdictWord] = ["improved", "kept", "lost", "cannot tell"]
FORGOT = GateClaim(
    name="old_skills_are_kept",
    passed=False,
    blocks=True,
    reason="arc_easy lost 4.5 points, more than the 2.0 that are tolerated.",
)
names = st.text(min_size=1, max_size=200) | st.sampled_from([EVIL, "x" * 5_000, "*" * 200, "\0|"])
values = st.floats() | st.floats(0, 1)


@st.composite
def reports(draw: st.DrawFn) -> ForgettingReport:
    """Any report: of no task or of many, of any numbers and names."""
    tasks = draw(st.lists(st.tuples(names, values, values, values), max_size=8))
    tasks *= draw(st.sampled_from([1, 1, 8]))
    comparisons = [
        comparison(
            name,
            (base, tuned),
            draw(st.sampled_from(VERDICTS)),
            draw(st.sampled_from(["benchmark", "earlier", "skill"])),
            draw(st.sampled_from(["acc,none", "bits_per_byte,none"])),
            half_width,
        )
        for name, base, tuned, half_width in tasks
    ]
    taught = [holdout(draw(st.sampled_from(VERDICTS)))] if draw(st.booleans()) else []
    reasons = draw(st.lists(st.tuples(names, st.booleans()), max_size=3))
    claims = [
        GateClaim(name="old_skills_are_kept", passed=False, blocks=blocks, reason=reason)
        for reason, blocks in reasons
    ]
    skills = draw(matrices())
    champion = draw(st.none() | st.builds(against, version=names))
    if champion:
        champion = champion.model_copy(update={"comparisons": (*taught, *comparisons)})
    told = {"skills": skills, "champion": champion}
    return report(*taught, *comparisons, claims=tuple(claims), **told)


@st.composite
def matrices(draw: st.DrawFn) -> SkillMatrix:
    """Any matrix, also with no row or no column."""
    rows, columns = draw(st.integers(0, 8)), draw(st.integers(0, 8))
    row = st.tuples(*[st.none() | values] * columns)
    return SkillMatrix(
        steps=draw(st.tuples(*[names] * rows)),
        skills=draw(st.tuples(*[names] * columns)),
        metrics=draw(st.tuples(*[st.sampled_from(["acc,none", "bits_per_byte"])] * columns)),
        higher_is_better=draw(st.tuples(*[st.booleans()] * columns)),
        values=draw(st.tuples(*[row] * rows)),
    )


def texts(picture: str) -> list[str]:
    """Every text that is shown in the picture."""
    return [text.text or "" for text in ET.fromstring(picture).iter(f"{SVG}text")]


def bars(picture: str) -> list[tuple[str, float, float]]:
    """The colour, the left end and the width of every bar."""
    return [
        (bar.get("fill") or "", float(bar.get("x") or 0), float(bar.get("width") or 0))
        for bar in ET.fromstring(picture).iter(f"{SVG}rect")
        if bar.get("height") == "14"
    ]


def cells(picture: str) -> list[str]:
    """How the cells of a heat map are filled, column by column."""
    return [
        cell.get("fill") or ""
        for cell in ET.fromstring(picture).iter(f"{SVG}rect")
        if cell.get("height") == "32"
    ]


def table_rows(table: str) -> list[list[str]]:
    """The rows below the head, cut where markdown cuts them."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in table.splitlines()[2:]
    ]


def tags(page: str) -> set[str]:
    """Every tag that a browser would see."""
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
            found.add(tag)

    Reader().feed(page)
    return found


def page_text(page: str) -> str:
    """What the page says; it has to be well formed."""
    return " ".join(ET.fromstring(page.removeprefix("<!doctype html>")).itertext())


def scores(name: str, *found: Score) -> TaskScores:
    return TaskScores(
        name=name,
        kind="benchmark",
        fingerprint="f1",
        model_fingerprint="m1",
        scores=found,
        prompt_hashes={},
        seconds=1.0,
    )


def score(
    task: str, value: float = 0.5, metric: str = "acc", stderr: float | None = 0.012
) -> Score:
    return Score(
        task=task,
        metric=metric,
        filter="none",
        value=value,
        stderr=stderr,
        n=2_376,
        higher_is_better=metric == "acc",
        version="1.0",
        shots=0,
    )


# Summary


def test_a_summary_begins_with_the_verdict() -> None:
    assert summary(report(holdout())).startswith("**Passed the gate.**")
    assert summary(report(holdout(), claims=(FORGOT,))).startswith(
        "**Blocked:** old_skills_are_kept does not hold: arc_easy lost 4.5 points, more than the "
    )


def test_a_summary_says_when_nothing_was_checked() -> None:
    assert summary(report(claims=())).startswith("**Passed the gate** which had nothing to check")


def test_a_broken_claim_that_does_not_block_is_a_warning() -> None:
    words = summary(report(claims=(FORGOT.model_copy(update={"blocks": False}),)))

    assert words.startswith("**Passed the gate.**")
    assert "**Warning:** old_skills_are_kept does not hold" in words


def test_a_summary_tells_what_was_learned_lost_kept_and_unclear() -> None:
    words = summary(
        report(
            holdout(),
            comparison("arc_easy", (0.62, 0.575), "lost"),
            comparison("hellaswag"),
            comparison("piqa", (0.7, 0.72), "improved"),
            comparison("skill:old", verdict="cannot tell", half_width=math.inf),
        )
    )

    assert words.splitlines()[2:] == [
        "- **Learned:** holdout from 1.21 to 0.93 (bits_per_byte, lower is better).",
        "- **Lost:** arc_easy from 62.0% to 57.5%.",
        "- **Cannot tell:** skill:old (1,000 documents).",
        "- **Kept:** hellaswag.",
        "- **Got better as well:** piqa.",
        "- **Retention of old skills:** 97.3%.",
    ]


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("kept", "Learned nothing that shows:"),
        ("lost", "Worse at what it was taught:"),
        ("cannot tell", "Cannot tell whether it learned:"),
    ],
)
def test_a_holdout_that_did_not_improve_is_not_called_learned(
    verdict: VerdictWord, words: str
) -> None:
    assert f"**{words}** holdout from" in summary(report(holdout(verdict)))


def test_what_was_not_measured_is_not_called_kept() -> None:
    words = summary(report(retention=None))

    assert "**Learned:** not measured, because there is no holdout." in words
    assert "**Forgotten:** unknown, because no old skill was measured." in words
    assert "Retention" not in words


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (("improved", "lost", "kept"), "better at task-0; worse at task-1."),
        (("kept", "cannot tell"), "no difference that can be told."),
        ((), "no difference that can be told."),
    ],
)
def test_a_summary_tells_where_the_champion_is_better_or_worse(
    verdicts: tuple[VerdictWord, ...], expected: str
) -> None:
    found = [comparison(f"task-{n}", verdict=verdict) for n, verdict in enumerate(verdicts)]

    words = summary(report(comparison(), champion=against(*found)))

    assert f"**Against the champion 1.0.2:** {expected}" in words


def test_a_reason_that_does_not_fit_is_cut_after_a_word() -> None:
    reason = "Turned so that more is better, it lost " + "very " * 60 + "much."
    claim = FORGOT.model_copy(update={"reason": reason})

    words = summary(report(comparison("arc_easy", verdict="lost"), claims=(claim,)))

    assert words.splitlines()[0].endswith(" very very…")


def test_a_summary_of_many_tasks_counts_those_it_does_not_name() -> None:
    words = summary(report(holdout(), *[comparison(f"task_{n}") for n in range(60)]))

    assert "task_5, and 54 more." in words


@repeatable
@given(reports())
def test_any_summary_is_short_enough_to_be_shown_in_place(any_report: ForgettingReport) -> None:
    assert len(summary(any_report)) < 900


# Tables


def test_a_comparison_shows_percentages_points_and_the_interval() -> None:
    table = comparison_table(report(comparison("arc_easy", (0.62, 0.575), "lost"), holdout()))

    assert table_rows(table) == [
        ["holdout", "bits_per_byte", "1.21", "0.93"]
        + ["+0.28 (+0.265 to +0.295)", "1,000", "improved"],
        ["arc_easy", "acc", "62.0%", "57.5%", "-4.5 points (-6.0 to -3.0)", "1,000", "lost"],
    ]


@pytest.mark.parametrize(
    ("metric", "base", "shown"),
    [
        ("acc_norm,none", 0.5, "50.0%"),
        ("exact_match,flexible-extract", 0.125, "12.5%"),
        ("pass@1,create_test", 0.25, "25.0%"),
        ("bleu,none", 0.5, "0.5"),  # of 100
        ("bits_per_byte,none", 0.93117, "0.9312"),
        ("word_perplexity,none", 12_345.6, "12,346"),
        ("word_perplexity,none", 1e30, "1e+30"),
        ("acc,none", math.nan, "unknown"),
    ],
)
def test_a_number_is_shown_as_its_metric_is_read(metric: str, base: float, shown: str) -> None:
    table = comparison_table(report(comparison(values=(base, base), metric=metric)))

    assert table_rows(table)[0][2] == shown


def test_an_infinite_interval_is_unknown() -> None:
    [row] = table_rows(comparison_table(report(comparison(half_width=math.inf))))

    assert row[4] == "-1.0 points (unknown)"


@repeatable
@given(reports())
def test_no_name_breaks_a_table(any_report: ForgettingReport) -> None:
    rows = table_rows(comparison_table(any_report))

    assert len(rows) == len(any_report.comparisons)
    assert {len(row) for row in rows} <= {7}


def test_a_name_stays_a_name_in_markdown() -> None:
    [row] = table_rows(comparison_table(report(comparison(EVIL))))

    assert row[0] == r"\<script\>alert(1)\</script\> \| \`x\` !\[y\](z)"


def test_the_scores_of_a_model_have_their_errors_and_directions() -> None:
    table = score_table(
        [scores("arc", score("arc", 0.625), score("arc", 0.931, "bits_per_byte", None))]
    )

    assert table_rows(table) == [
        ["arc", "acc", "62.5% ± 1.2%", "2,376", "higher", "1.0"],
        ["arc", "bits_per_byte", "0.931", "2,376", "lower", "1.0"],
    ]


def test_the_parts_of_a_group_come_after_all_tasks_and_are_counted() -> None:
    group = scores("mmlu", *[score(f"mmlu_{n}") for n in range(57)], score("mmlu"))

    table, _, rest = score_table([group, scores("piqa", score("piqa"))]).partition("\n\n")

    rows = table_rows(table)
    assert [row[0] for row in rows[:3]] == ["mmlu", "piqa", "mmlu_0"]
    assert (len(rows), rest) == (40, "and 19 more")


# Bars


def test_a_gain_goes_right_and_a_loss_goes_left() -> None:
    picture = difference_bars(
        report(comparison("a", (0.5, 0.4), "lost"), comparison("b", (0.5, 0.6), "improved"))
    )

    (lost, left, width), (gained, middle, other_width) = bars(picture)
    assert left + width == pytest.approx(middle)
    assert width == pytest.approx(other_width)
    assert lost != gained


def test_fewer_bits_per_byte_go_right() -> None:
    (_, holdout_left, _), (_, left, width) = bars(
        difference_bars(report(holdout(), comparison("a", (0.5, 0.4), "lost")))
    )

    assert holdout_left == pytest.approx(left + width)


def test_a_verdict_and_its_numbers_are_also_words() -> None:
    shown = texts(difference_bars(report(comparison("arc_easy", (0.62, 0.575), "lost"))))

    assert {"arc_easy", "lost", "-4.5 points (-6.0 to -3.0)"} <= set(shown)
    assert "Old skills, in percentage points" in shown


def test_metrics_that_cannot_be_compared_have_scales_of_their_own() -> None:
    shown = texts(
        difference_bars(report(holdout(), comparison(), comparison("f", metric="f1_macro,none")))
    )

    assert [text for text in shown if ", in " in text] == [
        "Learned, in bits_per_byte",
        "Old skills, in percentage points",
        "Old skills, in f1_macro",
    ]


def test_one_wide_interval_does_not_flatten_the_other_bars() -> None:
    others = [comparison(f"task_{n}", (0.5, 0.45), "lost") for n in range(5)]

    drawn = bars(difference_bars(report(*others, comparison("few", half_width=0.9))))

    assert min(width for _, _, width in drawn[:5]) > 50


def test_a_picture_of_no_task_says_so() -> None:
    assert "No task was compared." in texts(difference_bars(report()))


@repeatable
@given(reports())
def test_any_bars_are_well_formed_and_between_names_and_words(
    any_report: ForgettingReport,
) -> None:
    drawn = bars(difference_bars(any_report))

    assert len(drawn) == len(any_report.comparisons)
    assert all(left >= 216 and left + width <= 556.1 for _, left, width in drawn)


# Heat map


def test_every_value_is_in_its_cell() -> None:
    shown = texts(matrix_heat_map(matrix(3)))

    assert [text for text in shown if text.startswith("0.")] == [
        *("0.9", "0.87", "0.84"),
        *("0.87", "0.9", "0.87"),
        *("0.87", "0.9"),
    ]
    assert {"step 0", "skill-2", "lower is better"} <= set(shown)


def test_the_best_of_each_column_is_the_darkest() -> None:
    skills = SkillMatrix(
        steps=("base", "first"),
        skills=("bytes", "questions"),
        metrics=("bits_per_byte,none", "acc,none"),
        higher_is_better=(False, True),
        values=((1.3, 0.1), (0.8, 0.9)),
    )

    before, after, wrong, right = cells(matrix_heat_map(skills))

    assert before == wrong == "#e3eef9"
    assert after == right == "#084594"


def drawn_as(
    *rows: tuple[float, ...], metric: str = "bits_per_byte,none", asked: Any = ()
) -> list[str]:
    """The colours of a matrix with these values, of which less is better."""
    count = len(rows[0])
    skills = SkillMatrix(
        steps=tuple(f"step {n}" for n in range(len(rows))),
        skills=tuple(f"skill-{n}" for n in range(count)),
        metrics=(metric,) * count,
        higher_is_better=(False,) * count,
        values=rows,
        rows=asked,
    )
    return cells(matrix_heat_map(skills))


def lightness(colour: str) -> int:
    return int(colour[1:3], 16)


def test_the_same_change_is_the_same_step_of_colour_in_every_column() -> None:
    first, second, worst, best = map(lightness, drawn_as((2.0, 1.4), (1.9, 0.9)))

    assert first - second == pytest.approx((worst - best) / 5, abs=1)


@pytest.mark.parametrize(
    ("metric", "values"), [("bits_per_byte,none", (1.0, 0.999)), ("acc,none", (0.8, 0.799))]
)
def test_a_change_of_almost_nothing_is_almost_no_change_of_colour(
    metric: str, values: tuple[float, float]
) -> None:
    before, after = map(lightness, drawn_as(*((value,) for value in values), metric=metric))

    assert 0 < before - after < 5


def test_a_value_of_other_rows_is_shown_without_a_colour() -> None:
    asked = (("old",), ("new",), ("new",))

    colours = drawn_as((9.0,), (1.0,), (0.9,), asked=asked)

    assert colours[0] == "url(#not-measured)"
    assert colours[1:] == drawn_as((1.0,), (0.9,))


def test_what_was_not_measured_is_hatched_and_empty() -> None:
    skills = matrix(2).model_copy(update={"values": ((0.9, None), (math.nan, 0.8))})

    picture = matrix_heat_map(skills)

    assert [fill == "url(#not-measured)" for fill in cells(picture)] == [False, True, True, False]
    assert "unknown" in texts(picture)


@pytest.mark.parametrize("size", [1, 8])
def test_a_matrix_of_any_size_is_drawn(size: int) -> None:
    assert len(cells(matrix_heat_map(matrix(size)))) == size * size


def test_a_matrix_of_nothing_says_so() -> None:
    assert "No skill was measured." in texts(matrix_heat_map(EMPTY_MATRIX))


@repeatable
@given(matrices())
def test_any_matrix_is_well_formed(any_matrix: SkillMatrix) -> None:
    assert len(cells(matrix_heat_map(any_matrix))) == len(any_matrix.steps) * len(any_matrix.skills)


# Both, and the page


def test_the_charts_are_two_pictures_of_markdown() -> None:
    markdown = report_charts(report(holdout(), comparison(), skills=matrix(2)))

    urls = re.findall(r"!\[[^]]+\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", markdown)
    bars_shown, matrix_shown = (texts(base64.b64decode(url).decode()) for url in urls)
    assert "arc_easy" in bars_shown
    assert "skill-1" in matrix_shown


@pytest.mark.parametrize(
    "picture", [difference_bars(report(holdout())), matrix_heat_map(matrix(2))]
)
def test_a_picture_is_described_to_who_cannot_see_it(picture: str) -> None:
    drawn = ET.fromstring(picture)
    ids = {part.get("id"): part.text for part in drawn if part.get("id")}

    assert drawn.get("role") == "img"
    assert all(ids[name] for name in (drawn.get("aria-labelledby") or "").split())
    assert re.search(r"0\.28|0\.87", drawn.findtext(f"{SVG}desc") or "")


def test_a_page_has_the_words_the_numbers_and_the_policy() -> None:
    claims = (FORGOT,)

    said = page_text(
        report_page(report(holdout(), comparison(), claims=claims, skills=matrix(2)), "second")
    )

    for words in ("Blocked:", "62.0%", "-1.0 points (-2.5 to +0.5)", "does not hold: blocks"):
        assert words in said
    for words in ('["arc_easy"]', "Backward transfer: -0.012", "skill-1", "hf://org/base"):
        assert words in said


def test_a_page_tells_how_each_task_was_compared_and_why_it_was_judged_so() -> None:
    found = comparison().difference.model_copy(
        update={"effect_size": -0.031, "p_value": 0.42, "method": "paired right/wrong"}
    )
    told = {"difference": found, "reason": "It was so.", "caveat": "No test set."}

    said = page_text(report_page(report(comparison().model_copy(update=told)), "second"))

    for words in ("paired right/wrong", "-0.031", "0.42", "It was so.", "No test set."):
        assert words in said


def test_a_page_compares_with_the_champion() -> None:
    champion = against(comparison("boolq", (0.5, 0.9), "improved"))

    said = page_text(report_page(report(comparison(), champion=champion), "second"))

    for words in ("Against the champion", "The champion is second-model 1.0.2.", "boolq", "50.0%"):
        assert words in said


def test_a_page_names_the_tasks_that_the_base_may_have_guessed() -> None:
    guessed = comparison("piqa", (0.51, 0.5)).model_copy(update={"chance": 0.5})
    remark = "The base may have guessed"

    assert remark in page_text(report_page(report(guessed), "second"))
    assert remark not in page_text(report_page(report(comparison(), holdout()), "second"))


def test_a_page_names_the_skills_whose_rows_changed() -> None:
    skills = matrix(3).model_copy(
        update={"steps": ("base", "skill-0", "x"), "rows": (("a",) * 3, ("a",) * 3, ("b",) * 3)}
    )

    said = page_text(report_page(report(skills=skills), "second"))

    assert "Left out, since other rows are asked than before: skill-0." in said
    assert "skill-0 0.87 on other rows" in said


def test_a_page_shows_names_as_text() -> None:
    claims = (FORGOT.model_copy(update={"reason": EVIL}),)
    skills = matrix(1).model_copy(update={"skills": (EVIL,), "steps": (EVIL,)})

    page = report_page(report(comparison(EVIL, metric=EVIL), claims=claims, skills=skills), EVIL)

    assert not tags(page) & {"script", "img"}
    assert page_text(page).count("<script>alert(1)</script>") >= 5


def test_the_version_of_a_champion_is_text_wherever_it_is_shown() -> None:
    told = report(comparison(), champion=against(version="<b>*2*"))

    assert r"champion \<b\>\*2\*:" in summary(told)
    assert "champion <b>*2*:" in page_text(report_page(told, "second"))


@repeatable
@given(reports(), names)
def test_any_page_is_well_formed(any_report: ForgettingReport, title: str) -> None:
    assert "Forgetting report" in page_text(report_page(any_report, title))


def test_a_page_needs_nothing_from_elsewhere_and_knows_dark_mode() -> None:
    page = report_page(report(holdout()), "second")

    assert not re.search(r'(src|href)="', page)
    assert "prefers-color-scheme: dark" in page


# Numbers at their ends


def test_nothing_lost_is_not_minus_zero() -> None:
    table = comparison_table(report(comparison(values=(0.5, 0.4999), half_width=0.0)))

    assert table_rows(table)[0][4] == "+0.0 points (+0.0 to +0.0)"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_difference_that_is_no_number_has_no_bar(value: float) -> None:
    picture = difference_bars(report(comparison(values=(0.5, value), verdict="cannot tell")))

    assert [width for _, _, width in bars(picture)] == [0]
    assert "unknown" in texts(picture)


@pytest.mark.parametrize("value", [5e-324, 1e-301, 1e300, 1.7e308, math.nan, math.inf, -math.inf])
def test_a_number_of_any_size_is_drawn(value: float) -> None:
    measured = comparison("t", (0.0, value), metric="ppl", half_width=0.0, tolerance=0.0)
    skills = matrix(2).model_copy(update={"values": ((value, 0.5), (-value, 0.5))})

    [(_, left, width)] = bars(difference_bars(report(measured)))

    assert 216 <= left <= left + width <= 556.1
    assert len(cells(matrix_heat_map(skills))) == 4
