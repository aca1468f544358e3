"""What `osft-assets demo` shows when all runs have ended: two tables, the matrix, and what they do
not show; also as files. The runs' outcomes are `osft_assets.demo_outcome`.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

from osft_assets.core.figures import figure
from osft_assets.core.forgetting import SkillMatrix
from osft_assets.core.markup import markdown_table
from osft_assets.demo_outcome import Outcome
from osft_assets.demo_ways import SAME_RATE, SECOND, WAYS

_COLUMNS = ("way", "rate", "new facts", "old skills", "difference to before", "gate", "registered")
NOT_SHOWN = """\
What this does not show: the model has a million parameters, the skills are made up, and this is one
seed, so that a few points are chance. SFT of the matrices alone at a low rate is OSFT's strongest
rival. What holds over seeds, with intervals, and what does not: docs/forgetting.md."""


class Table(NamedTuple):
    """One comparison."""

    title: str
    rows: list[tuple[str, ...]]

    def text(self) -> str:
        """In columns, for a terminal."""
        lines = [_COLUMNS, *self.rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(_COLUMNS))]
        padded = (
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            for line in lines
        )
        return "\n".join([self.title, *(line.rstrip() for line in padded)])

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
        ("Each at the rate that gets it to the same score on the new facts", own),
    )
    return [
        Table(title, [_row(way.name, each) for way, each in by_way.items() if each])
        for title, by_way in titles
        if sum(each is not None for each in by_way.values()) > 1
    ]


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


def matrix_text(outcomes: Sequence[Outcome]) -> str:
    """Every skill after every step of the chain; nothing without the chain."""
    last = next((each for each in outcomes if each.pipeline == SECOND), None)
    if last is None or last.matrix is None:
        return ""
    head, *rows = matrix_rows(last.matrix)
    widths = [max(len(line[place]) for line in (head, *rows)) for place in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (head, *rows)
    ]
    return "\n".join(["Every skill after every step of the chain", *lines])


def matrix_rows(matrix: SkillMatrix) -> list[tuple[str, ...]]:
    """The skills below each other; the first row names the steps."""
    steps = [step.rpartition("/")[2] for step in matrix.steps]
    rows: list[tuple[str, ...]] = [("skill", "measured by", *steps)]
    for column in matrix.columns():
        share = column.metric.startswith("exact_match")
        cells = ("" if v is None else figure(v, share=share) for v in column.values)
        metric = column.metric.partition(",")[0]
        less = "" if column.higher_is_better else ", less is better"
        rows.append((column.skill, f"{metric}{less}", *cells))
    return rows


def markdown(outcomes: Sequence[Outcome]) -> str:
    """All of it, as a page."""
    parts = [table.markdown() for table in tables(outcomes)]
    last = next((each for each in outcomes if each.pipeline == SECOND and each.matrix), None)
    if last and last.matrix:
        head, *rows = matrix_rows(last.matrix)
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
