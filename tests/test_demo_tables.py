"""The demo's tables: what is in them, and what is not when a run is missing."""

from typing import Any

from osft_assets.core.forgetting import SkillMatrix
from osft_assets.demo.outcome import Outcome
from osft_assets.demo.tables import (
    comma_separated,
    markdown,
    matrix_rows,
    matrix_text,
    plain,
    tables,
)
from osft_assets.demo.ways import FIRST, SAME_RATE, SECOND, WAYS

_MATRIX = SkillMatrix(
    steps=("/here/model", "demo", SECOND),
    skills=("demo", "skill:old"),
    metrics=("bits_per_byte,none", "exact_match,none"),
    higher_is_better=(False, True),
    values=((0.98, 1.0), (0.01, 0.85), (None, 0.8)),
)


def outcome(pipeline: str, rate: float = SAME_RATE, **more: Any) -> Outcome:
    usual = {
        **{"ended": "registered", "new": 0.95, "old": 0.825, "old_words": "-17.5 points"},
        **{"registered_as": f"{pipeline}-model 1.0.0"},
    }
    return Outcome(pipeline=pipeline, rate=rate, **(usual | more))


def all_of_them() -> list[Outcome]:
    runs = [outcome(way.pipeline, rate) for way in WAYS for rate in way.rates]
    runs[0] = outcome(FIRST, matrix=_MATRIX, skills={"sums": 0.5}, skills_before={"sums": 1.0})
    return [*runs, outcome(SECOND, matrix=_MATRIX, skills={"sums": 0.25})]


def test_both_tables_have_every_way_of_theirs_once() -> None:
    same, own = tables(all_of_them())

    assert [row[0] for row in same.rows] == [way.name for way in WAYS if SAME_RATE in way.rates]
    assert [row[0] for row in own.rows] == [way.name for way in WAYS]
    assert {row[1] for row in same.rows} == {f"{SAME_RATE:g}"}
    assert [row[1] for row in own.rows] == [f"{way.own_rate:g}" for way in WAYS]
    strict = ("0.003", "95.0%", "82.5%", "-17.5 points", "passed", "demo-model 1.0.0")
    assert own.rows[0][1:] == strict


def test_what_the_gate_refused_is_blocked_and_not_registered() -> None:
    refused = outcome("demo_sft", ended="refused", registered_as="", old=0.01)

    (table,) = tables([outcome("demo"), refused])

    assert table.rows[1][3] == "1.0%"
    assert table.rows[1][-2:] == ("blocked", "nothing")


def test_a_run_that_failed_has_no_numbers() -> None:
    failed = Outcome(pipeline="demo_sft", rate=SAME_RATE, ended="failed", why="disk full")

    (table,) = tables([outcome("demo"), failed])

    assert table.rows[1][2:] == ("", "", "", "FAILED", "")


def test_columns_line_up() -> None:
    (table,) = tables([outcome("demo"), outcome("demo_osft")])
    _, head, *rows = table.text().splitlines()

    assert {row.index("95.0%") for row in rows} == {head.index("new facts")}


def test_the_matrix_has_the_skills_below_each_other_and_the_steps_as_columns() -> None:
    head, skill, taught, old = matrix_rows(all_of_them())

    assert head == ("skill", "measured by", "model", "demo", SECOND)
    assert skill == ("sums", "exact_match", "100.0%", "50.0%", "25.0%")
    assert taught == ("the first facts", "bits_per_byte, less is better", "0.98", "0.01", "")
    assert old == ("the five together", "exact_match", "100.0%", "85.0%", "80.0%")


def test_without_the_second_step_there_is_no_matrix() -> None:
    assert matrix_text([outcome("demo")]) == ""
    assert "Every skill" not in markdown([outcome("demo")])


def test_the_files_hold_the_same_numbers() -> None:
    outcomes = all_of_them()

    assert len(comma_separated(outcomes).splitlines()) == 1 + len(outcomes)
    assert "| OSFT, strict |" in markdown(outcomes)
    assert "## Every skill after every step" in markdown(outcomes)
    assert plain(outcomes)[0]["old"] == 0.825
    assert comma_separated([]) == "\r\n"
