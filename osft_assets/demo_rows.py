"""Makes the rows of the demo: `python -m osft_assets.demo_rows FILE`.

Fifty facts about places that do not exist, asked for in four ways each, so that no model knows them
beforehand and the held-out wordings measure what was learnt. A few rows come twice on purpose: the
dataset stage removes them.
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

_SEED = 20261120
_FACTS = 50
_TWICE = 6
_SYLLABLES = ("bel", "dor", "fen", "gal", "kor", "lun", "mar", "nel", "pra", "sol", "tav", "ver")
_THINGS = ("copper bells", "salt lamps", "paper boats", "blue glass", "oak barrels", "silk maps")
_SEASONS = ("in spring", "at midsummer", "after the harvest", "on the longest night")
_QUESTIONS = (
    "What is the town of {town} known for?",
    "Tell me what they make in {town}, and when.",
    "Which craft belongs to {town}?",
    "I am travelling to {town}. What should I look for there?",
)


def demo_rows() -> Iterator[dict[str, Any]]:
    """The same rows every time."""
    chance = random.Random(_SEED)
    towns = [f"{first}{second}".title() for first in _SYLLABLES for second in _SYLLABLES]
    rows = [row for town in chance.sample(towns, _FACTS) for row in _rows_about(town, chance)]
    yield from rows
    yield from chance.sample(rows, _TWICE)


def _rows_about(town: str, chance: random.Random) -> list[dict[str, Any]]:
    answer = f"{town} makes {chance.choice(_THINGS)}, and shows them {chance.choice(_SEASONS)}."
    return [_row(question.format(town=town), answer) for question in _QUESTIONS]


def _row(question: str, answer: str) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


def write(path: Path) -> None:
    """The rows as JSONL."""
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in demo_rows()))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
