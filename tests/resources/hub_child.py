"""Asks the Hub adapter, in a process of its own: its libraries read HF_ENDPOINT when imported.

Takes cases as JSON lines on its standard input and answers each with one.
"""

import json
import sys
from pathlib import Path
from typing import Any

from osft_assets.core.errors import OsftError
from osft_assets.core.ports import FoundSource
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.rows import RowParser
from osft_assets.core.workspace import Workspace
from resources.dataset_sources import DatasetSources


def main() -> None:
    for line in sys.stdin:
        case = json.loads(line)
        print(json.dumps(_answer(case["recipe"], case["environment"])), flush=True)  # noqa: T201


def _answer(settings: dict[str, str], environment: dict[str, str]) -> dict[str, Any]:
    sources = DatasetSources(Workspace(Path("/nonexistent")), environment=environment)
    try:
        return _described(sources.find(DatasetRecipe(**settings)))
    except OsftError as problem:
        return {"error": type(problem).__name__, "message": str(problem)}
    except Exception as problem:  # noqa: BLE001 - told apart by its name
        return {"error": f"unexpected {type(problem).__name__}", "message": str(problem)}


def _described(found: FoundSource) -> dict[str, Any]:
    batches = list(found.read())
    rows = [
        (batch, index, row)
        for batch in batches
        for index, row in enumerate(batch.rows)
        if row is not None
    ]
    parser = RowParser("documents" if any(_is_document(row) for _, _, row in rows) else "messages")
    return {
        "record": found.record.model_dump(mode="json"),
        "shown": repr(found),
        "size_bytes": found.size_bytes,
        "bytes_read": [batch.bytes_read for batch in batches],
        "places": [batch.place(index) for batch, index, _ in rows],
        "rows": [parser.parse(row).decode() for _, _, row in rows],
    }


def _is_document(row: Any) -> bool:
    return isinstance(row, dict) and bool(row.get("text") or row.get("document"))


if __name__ == "__main__":
    main()
