"""Which rows are trained on and which are held out, decided by each row's own content.

A row's digest decides its side, so appending rows never moves old ones, and a duplicate lands where
the first one did. The digest also finds duplicates. Writing the two files is `core.preparation`.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial
from typing import Literal

import xxhash

Side = Literal["train", "holdout"]
_DIGEST_RANGE = 2**128


def digester(seed: int) -> Callable[[bytes], int]:
    """The identity of a line: 128 bits, so that no two different rows are ever taken for one."""
    # A partial, not a function of our own: it runs once a row.
    return partial(xxhash.xxh3_128_intdigest, seed=seed)


class ContentSplit:
    """Assigns each line by its hash: below the threshold trains, the rest is held out."""

    def __init__(self, train_share: float, seed: int) -> None:
        # A Fraction keeps the share exact: 0.9 * 2**128 in floats would already be rounded.
        self.threshold = int(Fraction(train_share) * _DIGEST_RANGE)
        self.has_holdout = train_share < 1
        self.digest = digester(seed)


def rescued(digests: Iterable[int], lacking: Side) -> int:
    """The row that changes sides when one would be empty: the nearest to it, so a stable choice."""
    return max(digests) if lacking == "holdout" else min(digests)
