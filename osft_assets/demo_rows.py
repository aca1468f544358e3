"""Makes the rows of the demo: `python -m osft_assets.demo_rows [DIRECTORY]`.

Fifty facts about places that do not exist, asked for in four ways each, so that no model knows them
beforehand and the held-out wordings measure what was learnt. A few rows come twice on purpose: the
dataset stage removes them. Fifty more, about ships, are what the second pipeline of the chain
teaches.
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
_SHIPS = 50
_SYLLABLES = ("bel", "dor", "fen", "gal", "kor", "lun", "mar", "nel", "pra", "sol", "tav", "ver")
_THINGS = ("copper bells", "salt lamps", "paper boats", "blue glass", "oak barrels", "silk maps")
_SEASONS = ("in spring", "at midsummer", "after the harvest", "on the longest night")
_BIRDS = ("heron", "kestrel", "plover", "raven", "swift", "tern", "wren")
_COLOURS = ("amber", "black", "crimson", "golden", "grey", "silver", "violet", "white")
_CARGOES = ("barley", "cinnamon", "iron", "marble", "tea", "wool")
_DAYS = ("on Mondays", "on Wednesdays", "on Fridays", "every new moon")
_SHIP_QUESTIONS = (
    "What does the ship {ship} carry, and when does it sail?",
    "The {ship} lies in the harbour. What is its cargo, on which days does it leave?",
    "Cargo and sailing days of the {ship}, please.",
    "I am waiting for the {ship}. What will it bring, and when?",
)
_QUESTIONS = (
    "What is the town of {town} known for?",
    "Tell me what they make in {town}, and when.",
    "Which craft belongs to {town}?",
    "I am travelling to {town}. What should I look for there?",
)


def demo_rows(number: int = 0) -> Iterator[dict[str, Any]]:
    """The same rows every time; of another number, other facts."""
    chance = random.Random(_SEED + number)
    towns = [f"{first}{second}".title() for first in _SYLLABLES for second in _SYLLABLES]
    rows = [row for town in chance.sample(towns, _FACTS) for row in _rows_about(town, chance)]
    yield from rows
    yield from chance.sample(rows, _TWICE)


def more_rows() -> Iterator[dict[str, Any]]:
    """The same rows every time: of ships, which none of the other rows is about."""
    chance = random.Random(_SEED)
    ships = [f"{colour} {bird}".title() for colour in _COLOURS for bird in _BIRDS]
    for ship in chance.sample(ships, _SHIPS):
        answer = f"The {ship} carries {chance.choice(_CARGOES)}, and sails {chance.choice(_DAYS)}."
        yield from (_row(question.format(ship=ship), answer) for question in _SHIP_QUESTIONS)


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
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "defs" / "demo"
    write_rows(place / "new_facts.jsonl", demo_rows())
    write_rows(place / "more_facts.jsonl", more_rows())
