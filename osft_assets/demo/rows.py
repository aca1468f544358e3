"""Makes the rows of the demo: `python -m osft_assets.demo.rows [DIRECTORY]`.

Fifty facts about places that do not exist, asked for in four ways each, so that no model knows them
beforehand and the held-out wordings measure what was learnt. A few rows come twice on purpose: the
dataset stage removes them. Fifty more, about the markets of other places, are what the second
pipeline of the chain teaches.
"""

import random
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

_SEED = 20261120
_FACTS = 50
_TWICE = 6
_SYLLABLES = ("bel", "dor", "fen", "gal", "kor", "lun", "mar", "nel", "pra", "sol", "tav", "ver")
_THINGS = ("copper bells", "salt lamps", "paper boats", "blue glass", "oak barrels", "silk maps")
_SEASONS = ("in spring", "at midsummer", "after the harvest", "on the longest night")
_MARKET_QUESTIONS = (
    "What do they sell on the market of {town}, and when?",
    "When is market day in {town}, and what is for sale?",
    "Goods and days of the market in {town}, please.",
    "I want to buy something in {town}. What will I find there?",
)
_QUESTIONS = (
    "What is the town of {town} known for?",
    "Tell me what they make in {town}, and when.",
    "Which craft belongs to {town}?",
    "I am travelling to {town}. What should I look for there?",
)


def demo_rows() -> Iterator[dict[str, Any]]:
    """The same rows every time."""
    chance = random.Random(_SEED)
    rows = [row for town in chance.sample(_towns(), _FACTS) for row in _rows_about(town, chance)]
    yield from rows
    yield from chance.sample(rows, _TWICE)


def more_rows() -> Iterator[dict[str, Any]]:
    """The same rows every time: of the markets in places that no other row is about."""
    chance = random.Random(_SEED)
    known = set(chance.sample(_towns(), _FACTS))
    for town in chance.sample([town for town in _towns() if town not in known], _FACTS):
        answer = f"{town} sells {chance.choice(_THINGS)}, and opens {chance.choice(_SEASONS)}."
        yield from (_row(question.format(town=town), answer) for question in _MARKET_QUESTIONS)


def _towns() -> list[str]:
    return [f"{first}{second}".title() for first in _SYLLABLES for second in _SYLLABLES]


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
    """The first rows as JSONL."""
    write_rows(path, demo_rows())


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Rows as JSONL."""
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


if __name__ == "__main__":
    place = (
        Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "defs" / "demo"
    )
    write_rows(place / "new_facts.jsonl", demo_rows())
    write_rows(place / "more_facts.jsonl", more_rows())
