"""Text and tables that stay what they are in markdown and HTML, whatever a user called a task.

The same for pictures: `core.svg`.
"""

import re
from collections.abc import Sequence
from html import escape

Rows = Sequence[Sequence[str]]
# An underscore within a word, as in arc_easy, means nothing in markdown and stays readable.
_SPECIAL = re.compile(r"[\\`*\[\]<>|~&$]|\b_|_\b")


def clean(text: str) -> str:
    """One line of characters that can be printed. XML refuses the others, even escaped."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def shortened(text: str, most: int) -> str:
    """At most so many characters, without the middle: names often differ at their ends."""
    text = clean(text)
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def cut_short(sentence: str, most: int) -> str:
    """At most so many characters, up to the end of a word: of a sentence, the beginning tells."""
    text = clean(sentence)
    if len(text) <= most:
        return text
    beginning, space, _ = text[:most].rpartition(" ")
    return f"{(beginning if space else text[: most - 1]).rstrip(' ,;:.')}…"


def as_markdown(text: str) -> str:
    """Text that markdown shows as it is."""
    return _SPECIAL.sub(r"\\\g<0>", clean(text))


def markdown_table(columns: Sequence[str], rows: Rows) -> str:
    """A table as GitHub and Dagster read it."""
    lines = [columns, ["---"] * len(columns), *[[as_markdown(cell) for cell in r] for r in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def html_table(columns: Sequence[str], rows: Rows) -> str:
    """A table of a page."""
    head = "".join(f'<th scope="col">{escape(clean(column))}</th>' for column in columns)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, rows))}</tbody></table>"


def _row(cells: Sequence[str]) -> str:
    first, *others = (escape(clean(cell)) for cell in cells)
    data = "".join(f"<td>{cell}</td>" for cell in others)
    return f'<tr><th scope="row">{first}</th>{data}</tr>'
