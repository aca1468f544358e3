"""How results show themselves: as HTML where a notebook asks for it, as text everywhere else.

Our charts come as Markdown with the picture inside; notebooks get them as images, which need no
server and no other file.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape

from osft_assets.core.markup import Rows, clean, html_table

_PICTURE = re.compile(r"!\[(?P<words>[^\]]*)\]\((?P<url>data:[^)]+)\)")
_PAPER = "background:#fff;max-width:100%;display:block;margin:0.5em 0"


class Shown:
    """A result. `_parts` is what its HTML is made of, `_lines` its text."""

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        return "".join(self._parts())

    def _lines(self) -> list[str]:
        raise NotImplementedError

    def _parts(self) -> list[str]:
        raise NotImplementedError


def title(words: str) -> str:
    """What the result is."""
    return f"<p><b>{escape(clean(words))}</b></p>"


def paragraph(words: str) -> str:
    """A sentence."""
    return f"<p>{escape(clean(words))}</p>"


def pictures(markdown: str) -> str:
    """The pictures of our Markdown, and the words between them."""
    parts, end = [], 0
    for found in _PICTURE.finditer(markdown):
        parts += [_words(markdown[end : found.start()]), _picture(found)]
        end = found.end()
    return "".join([*parts, _words(markdown[end:])])


def table(columns: Sequence[str], rows: Rows) -> str:
    """Words begin at the left, where notebooks would have them end at the right."""
    left = "text-align:left;vertical-align:top"
    found = html_table(columns, rows)
    for cell, style in (("th", f"{left};font-weight:normal"), ("td", left)):
        found = re.sub(rf"<{cell}( scope=\"row\")?>", rf'<{cell}\1 style="{style}">', found)
    return found.replace('scope="col"', f'scope="col" style="{left}"')


def facts(found: Mapping[str, str]) -> str:
    """A table of names and values."""
    return table(("", ""), list(found.items()))


def listed(words: Sequence[str]) -> str:
    """Warnings and notes; nothing for none."""
    items = "".join(f"<li>{escape(clean(each))}</li>" for each in words)
    return f"<ul>{items}</ul>" if items else ""


def text_of(found: Mapping[str, str]) -> list[str]:
    """The same facts, as lines."""
    widest = max(map(len, found), default=0)
    return [f"  {name:<{widest}}  {value}" for name, value in found.items()]


def _picture(found: re.Match[str]) -> str:
    url, words = found["url"], escape(found["words"], quote=True)
    return f'<img src="{url}" alt="{words}" style="{_PAPER}"/>'


def _words(markdown: str) -> str:
    return paragraph(markdown) if markdown.strip() else ""
