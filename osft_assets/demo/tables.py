"""What `osft-assets demo` shows when all runs have ended: two tables, the matrix, and what they do
not show; also as files. The runs' outcomes are `osft_assets.demo.outcome`.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from osft_assets.core.figures import figure
from osft_assets.core.forgetting import SkillMatrix
from osft_assets.core.markup import markdown_table
from osft_assets.demo.outcome import OLD_SKILLS, Outcome
from osft_assets.demo.ways import FIRST, SAME_RATE, SECOND, WAYS

_COLUMNS = ("way", "rate", "new facts", "old skills", "difference to before", "gate", "registered")
_NAMES = {FIRST: "the first facts", SECOND: "the second facts", OLD_SKILLS: "the five together"}
NOT_SHOWN = """\
What this does not show: the model has a million parameters, the skills are made up, and this is one
seed, so that a few points are chance. SFT at a low rate is OSFT's strongest rival: compare the two
tables. The guarantee, and five seeds with their intervals: docs/forgetting.md."""


class Table(NamedTuple):
    """One comparison."""

    title: str
    rows: list[tuple[str, ...]]

    def text(self) -> str:
        """In columns, for a terminal."""
        return f"{self.title}\n{_in_columns([_COLUMNS, *self.rows])}"

    def markdown(self) -> str:
        """The same, for a page."""
        return f"## {self.title}\n\n{markdown_table(_COLUMNS, self.rows)}\n"


def tables(outcomes: Sequence[Outcome]) -> list[Table]:
    """Of those runs that there were."""
    found = {(each.pipeline, each.rate): each for each in outcomes}
    same = {way: found.get((way.pipeline, SAME_RATE)) for way in WAYS}
    own = {way: found.get((way.pipeline, way.own_rate)) for way in WAYS}
    titles = (
        (f"The same learning rate for all: {SAME_RATE:g}", same),
        ("Each at a rate of its own, for the same score on the new facts", own),
    )
    return [
        Table(title, [_row(way.name, each) for way, each in by_way.items() if each])
        for title, by_way in titles
        if sum(each is not None for each in by_way.values()) > 1
    ]


def matrix_text(outcomes: Sequence[Outcome]) -> str:
    """Every skill after every step of the chain; nothing without the chain."""
    lines = matrix_rows(outcomes)
    return f"Every skill after every step of the chain\n{_in_columns(lines)}" if lines else ""


def matrix_rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """The skills below each other; the first row names the steps. None without both steps."""
    found = {each.pipeline: each for each in outcomes if each.matrix}
    if FIRST not in found or SECOND not in found:
        return []
    first, second = found[FIRST], found[SECOND]
    assert second.matrix is not None
    steps = [step.rpartition("/")[2] for step in second.matrix.steps]
    return [("skill", "measured by", *steps), *_old(first, second), *_taught(second.matrix)]


def markdown(outcomes: Sequence[Outcome]) -> str:
    """All of it, as a page."""
    parts = [table.markdown() for table in tables(outcomes)]
    if lines := matrix_rows(outcomes):
        head, *rows = lines
        parts.append(f"## Every skill after every step\n\n{markdown_table(head, rows)}\n")
    return "\n".join(["# Comparison\n", *parts, NOT_SHOWN, ""])


def comma_separated(outcomes: Sequence[Outcome]) -> str:
    """A line a run."""
    lines = plain(outcomes)
    written = io.StringIO()
    writer = csv.DictWriter(written, list(lines[0]) if lines else [])
    writer.writeheader()
    writer.writerows(lines)
    return written.getvalue()


def plain(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The numbers, without the matrix."""
    return [each.model_dump(exclude={"matrix"}) for each in outcomes]


def _row(name: str, outcome: Outcome) -> tuple[str, ...]:
    if outcome.ended == "failed":
        return (name, f"{outcome.rate:g}", "", "", "", "FAILED", "")
    return (
        name,
        f"{outcome.rate:g}",
        figure(outcome.new, share=True),
        figure(outcome.old, share=True),
        outcome.old_words,
        "passed" if outcome.ended == "registered" else "blocked",
        outcome.registered_as or "nothing",
    )


def _old(first: Outcome, second: Outcome) -> Iterator[tuple[str, ...]]:
    for skill in first.skills:
        values = (first.skills_before, first.skills, second.skills)
        yield (skill, "exact_match", *(figure(each[skill], share=True) for each in values))


def _taught(matrix: SkillMatrix) -> Iterator[tuple[str, ...]]:
    for column in matrix.columns():
        share = column.metric.startswith("exact_match")
        cells = ("" if v is None else figure(v, share=share) for v in column.values)
        less = "" if column.higher_is_better else ", less is better"
        metric = column.metric.partition(",")[0]
        yield (_NAMES.get(column.skill, column.skill), f"{metric}{less}", *cells)


def _in_columns(lines: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)
