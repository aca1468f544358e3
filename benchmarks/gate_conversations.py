"""Made-up conversations under two models: what the loss of each turn is, and truly changed.

Lengths and losses are skewed, and the turns of a conversation change together, as real ones do.
"""

from collections.abc import Iterator
from math import exp
from typing import NamedTuple

import numpy as np

from osft_assets.core.scores import Measured

_TURNS = 3
_BITS_PER_BYTE = 0.9
# Of the logarithms of lengths and losses; of the changes of a conversation and of a turn.
_LENGTH, _LOSS, _CHANGE = 1.0, 0.3, 0.07


class Pair(NamedTuple):
    """The turns under the base and under the tuned model, and the true difference."""

    documents: tuple[list[Measured], list[Measured]]
    truth: float


def conversations(count: int, worse: float, runs: int, seed: int) -> Iterator[Pair]:
    """So many pairs, of a tuned model whose true loss is worse by this share."""
    random = np.random.default_rng([seed, count, round(1000 * worse)])
    turns = count * _TURNS
    truth = -worse * _BITS_PER_BYTE * exp(_LOSS**2 / 2)
    for _ in range(runs):
        lengths = np.exp(random.normal(5, _LENGTH, turns))
        bits = lengths * _BITS_PER_BYTE * np.exp(random.normal(0, _LOSS, turns))
        together = np.repeat(random.normal(0, _CHANGE, count), _TURNS)
        after = bits * (1 + worse + together + random.normal(0, _CHANGE, turns))
        yield Pair((_measured(bits, lengths), _measured(after, lengths)), truth)


def _measured(bits: np.ndarray, lengths: np.ndarray) -> list[Measured]:
    pairs = zip(bits.tolist(), lengths.tolist(), strict=True)
    return [Measured(f"{n}", f"{n // _TURNS}", *pair) for n, pair in enumerate(pairs)]
