"""Made-up chats to measure with: about 1 KB a row, 1 % exact duplicates, 0.5 % invalid rows.

The same count gives the same file. `python -m benchmarks.chat_rows COUNT FILE` writes one.
"""

import json
import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from string import ascii_lowercase
from typing import Any

_SEED = 42
_DUPLICATE_SHARE = 0.01
_ROWS_PER_PROGRESS = 50_000


class _Texts:
    """Texts of 40 made-up words. Drawn from a pool, because making each anew takes minutes."""

    def __init__(self, random: Random) -> None:
        self._random = random
        words = [
            "".join(random.choices(ascii_lowercase, k=random.randint(2, 10))) for _ in range(5000)
        ]
        self._pool = [" ".join(random.choices(words, k=40)) for _ in range(4000)]

    def any(self) -> str:
        return self._random.choice(self._pool)


def chat_lines() -> Iterator[str]:
    """Rows without end, each with its newline."""
    random = Random(_SEED)
    texts = _Texts(random)
    line = _line(random, texts, 0)
    number = 0
    while True:
        yield line
        number += 1
        if random.random() >= _DUPLICATE_SHARE:
            line = _line(random, texts, number)


def _line(random: Random, texts: _Texts, number: int) -> str:
    messages = _messages(random, texts, number)
    fault = random.random()
    if fault < 0.002:
        messages[1]["role"] = "usr"
    elif fault < 0.004:
        messages[2]["content"] = ""
    elif fault < 0.0045:
        messages = []
    row: dict[str, Any] = {"messages": messages, "id": number}
    line = json.dumps(row)
    is_cut_off = 0.0045 <= fault < 0.005
    return f"{line[:-30] if is_cut_off else line}\n"


def _messages(random: Random, texts: _Texts, number: int) -> list[dict[str, str]]:
    question = f'{texts.any()} {number}?\n"quoted" é'
    answer = f"{texts.any()} {texts.any()} answer {random.random()}"
    return [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]


def write_chats(count: int, path: Path) -> None:
    """Write `count` rows, saying on stderr how far it is."""
    with path.open("w") as stream:
        for number, line in enumerate(islice(chat_lines(), count), start=1):
            stream.write(line)
            if number % _ROWS_PER_PROGRESS == 0 or number == count:
                print(f"writing {number:,} of {count:,} rows", file=sys.stderr)
        stream.flush()
        os.fsync(stream.fileno())  # or the first contender pays for it


if __name__ == "__main__":
    write_chats(int(sys.argv[1]), Path(sys.argv[2]))
