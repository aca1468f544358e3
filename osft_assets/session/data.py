"""The rows and the base model, as a session shows them."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from osft_assets.core import dataset
from osft_assets.core.charts import histogram_of_lengths
from osft_assets.core.markup import cut_short
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.records import DatasetSplit, DatasetVersion, RowCounts
from osft_assets.session.shown import Shown, facts, listed, pictures, table, text_of, title

_ROWS_SHOWN, _CHARACTERS_SHOWN = 5, 160


@dataclass(frozen=True, repr=False)
class Data(Shown):
    """The rows, checked and split, and the model that is to learn them."""

    record: DatasetSplit
    holdout: DatasetSplit
    base_model: ModelRecord
    warnings: tuple[str, ...] = ()

    @property
    def version(self) -> DatasetVersion:
        """What made it."""
        return dataset.read_version(Path(self.record.version_path))

    @property
    def counts(self) -> RowCounts:
        """What became of every row."""
        return self.version.counts

    @property
    def train_path(self) -> Path:
        """The rows to train on."""
        return Path(self.record.path)

    @property
    def holdout_path(self) -> Path:
        """The rows kept out of training."""
        return Path(self.holdout.path)

    def rows(self, most: int = _ROWS_SHOWN) -> list[dict[str, Any]]:
        """The first rows to train on."""
        with self.train_path.open("rb") as lines:
            return [msgspec.json.decode(line) for line in islice(lines, most)]

    def _facts(self) -> dict[str, str]:
        counts = {name: f"{count:,}" for name, count in self.counts.model_dump().items()}
        base = self.base_model
        model = f"{base.uri}, {base.parameters / 1e6:,.1f} million parameters"
        return {"source": self.record.source.uri, **counts, "base model": model}

    def _lines(self) -> list[str]:
        return ["Rows and base model", *text_of(self._facts()), *self.warnings]

    def _parts(self) -> list[str]:
        shown = [(cut_short(_said(row), _CHARACTERS_SHOWN),) for row in self.rows()]
        return [
            title("Rows and base model"),
            facts(self._facts()),
            listed(self.warnings),
            table(("first rows to train on",), shown),
            pictures(histogram_of_lengths(self.version.train)),
        ]


def _said(row: dict[str, Any]) -> str:
    if "messages" not in row:
        return " ".join(str(value) for value in row.values())
    return " / ".join(f"{each['role']}: {each['content']}" for each in row["messages"])
