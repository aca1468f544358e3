"""What the page of a split shows: its origin, what became of every row, and what is in it."""

from itertools import islice
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec

from osft_assets.assets.columns import ROWS
from osft_assets.core.charts import histogram_of_lengths
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.records import DatasetSplit, DatasetVersion

_LISTED_FILES = 20
_PREVIEWED_ROWS = 5
_PREVIEWED_CHARACTERS = 160


def split_metadata(
    version: DatasetVersion, split: DatasetSplit, pipeline: PipelineRecipe
) -> dict[str, Any]:
    """Everything for one of the two assets."""
    return {
        **_origin(version, split, pipeline),
        **{f"rows_{name}": value for name, value in version.counts.model_dump().items()},
        "formats": version.formats,
        "ignored_columns": ", ".join(version.ignored_columns) or "none",
        "size_bytes": split.size_bytes,
        "content_hash": f"sha256:{split.sha256}",
        "row_lengths": dg.MetadataValue.md(histogram_of_lengths(version.file(split.side))),
        "preview": _preview(split),
        "dagster/row_count": split.rows,
        "dagster/column_schema": ROWS[split.kind],
        **_invalid(version),
    }


def _origin(
    version: DatasetVersion, split: DatasetSplit, pipeline: PipelineRecipe
) -> dict[str, Any]:
    source = split.source
    return {
        "source": source.uri,
        "revision": source.revision or "unknown: the source tells none",
        "files": ", ".join(source.files[:_LISTED_FILES]),
        "skipped_files": ", ".join(source.skipped[:_LISTED_FILES]) or "none",
        "path": dg.MetadataValue.path(split.path),
        "settings": version.recipe,
        "fingerprint": version.fingerprint,
        "defined_in": pipeline.defined_in,
    }


def _invalid(version: DatasetVersion) -> dict[str, Any]:
    if not version.first_invalid:
        return {}
    listed = "\n".join(f"- {problem}" for problem in version.first_invalid)
    return {"first_invalid_rows": dg.MetadataValue.md(listed)}


def _preview(split: DatasetSplit) -> Any:
    with Path(split.path).open("rb") as lines:
        rows = [msgspec.json.decode(line) for line in islice(lines, _PREVIEWED_ROWS)]
    return dg.MetadataValue.table(
        [dg.TableRecord(_previewed(row)) for row in rows],
        dg.TableSchema([dg.TableColumn(name) for name in _previewed(rows[0])] if rows else []),
    )


def _previewed(row: dict[str, Any]) -> dict[str, Any]:
    if "messages" not in row:
        return {key: _short(value) for key, value in row.items()}
    first = next((m["content"] for m in row["messages"] if m["role"] == "user"), "")
    last = row["messages"][-1]["content"]
    return {
        "first user message": _short(first),
        "last message": _short(last),
        "messages": len(row["messages"]),
    }


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _PREVIEWED_CHARACTERS else f"{text[:_PREVIEWED_CHARACTERS]} ..."
