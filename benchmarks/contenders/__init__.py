"""The ways to do the dataset stage that are measured against each other, one module each.

A module imports what it needs and has `run(rows, directory) -> Counts`. `__main__` runs one of
them in a process of its own; comparing them is `benchmarks.dataset_stage`.
"""

from typing import NamedTuple


class Counts(NamedTuple):
    """What a contender found in the rows; all must find the same."""

    read: int
    invalid: int
    duplicate: int
    kept: int
