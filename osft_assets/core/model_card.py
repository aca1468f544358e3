"""What the model's card, README.md, says about its licence."""

import re
from pathlib import Path

from osft_assets.core.model_files import README

_FRONT = re.compile(r"\A---\s*\n(.*?)\n---", re.DOTALL)
_LICENSE = re.compile(r"^license(?:_name)?:[ \t]*['\"]?([\w.+-]+)", re.MULTILINE)
_LONGEST_FRONT = 100_000


def license_of(directory: Path) -> str:
    """The licence's identifier, such as apache-2.0; empty when none is told."""
    path = directory / README
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as card:
        front = _FRONT.match(card.read(_LONGEST_FRONT))
    found = _LICENSE.findall(front[1]) if front else []
    return next((name for name in found if name != "other"), "")
