"""Tables as pandas has them, for whoever goes on working with numbers in a notebook."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def frame_of(rows: Sequence[Mapping[str, Any]]) -> Any:
    """One row each."""
    import pandas

    return pandas.DataFrame(list(rows))


def frame_in(parquet: Path) -> Any:
    """What the file holds."""
    import pandas

    return pandas.read_parquet(parquet)
