"""Datasets of the Hugging Face Hub, at a commit that is resolved first and recorded.

The `datasets` library says which files make up a configuration and a split; JSON and Parquet files
are then read by our own readers, since its Arrow tables refuse rows whose keys differ and tell no
line numbers. Whatever else it knows (CSV, text, zip ...) comes as the rows it makes of it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from osft_assets.core.errors import ConfigError, SourceError
from osft_assets.core.ports import Batches, FoundSource, RowBatch
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.records import SourceRecord
from osft_assets.core.sources import HubDataset
from resources.client_errors import http_status, may_pass
from resources.remote_file import BLOCK_BYTES, explained, remote_file
from resources.row_files import RowFile, is_data_file, read_files
from resources.row_formats import ROWS_PER_BATCH

# The order in which the pipelines that this replaces looked for a training split.
_TRAINING_SPLITS = ("train", "train_sft", "train_gen", "training")
_OWN_READERS = ("JsonConfig", "ParquetConfig")
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class HuggingFaceSource:
    """Reads one split of one configuration."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def find(self, location: HubDataset, recipe: DatasetRecipe) -> FoundSource:
        """The commit, the split and its files."""
        token = self.environment.get(recipe.hf_token, "").strip() or None
        with _explained(location, recipe):
            pinned = _pinned(location, token)
            builder = _builder(pinned, token)
        split = _split(location, list(builder.config.data_files or {}), recipe.split)
        paths = [str(path) for path in builder.config.data_files[split]]
        names = tuple(path.partition(f"@{pinned.revision}/")[2] or path for path in paths)
        revision = f"commit:{pinned.revision}/{builder.config.name}/{split}"
        record = SourceRecord(uri=str(pinned), revision=revision, files=names)
        if not _has_own_reader(builder, paths):
            return FoundSource(record, None, lambda: _rows_of_datasets(location, builder, split))
        files, size_bytes = _files(location, paths, names, token)
        return FoundSource(record, size_bytes, lambda: read_files(files))


def _has_own_reader(builder: Any, paths: Sequence[str]) -> bool:
    """False where the dataset's card asks for more than reading plain files."""
    plain = all(path.startswith("hf://") and is_data_file(path) for path in paths)
    return (
        plain
        and type(builder.config).__name__ in _OWN_READERS
        and not getattr(builder.config, "field", None)
    )


def _pinned(location: HubDataset, token: str | None) -> HubDataset:
    """The same dataset at its present commit, under its present name (`gsm8k` is `openai/gsm8k`).
    The same dataset at its present commit, under its present name (`gsm8k` is `openai/gsm8k`)."""
    from huggingface_hub import HfApi

    # An empty token would still be sent; False keeps the client from looking for one of its own.
    found = HfApi(token=token or False).dataset_info(
        location.repository, revision=location.revision or None, timeout=_TIMEOUT_SECONDS
    )
    return HubDataset(str(found.id), location.config, str(found.sha))


def _builder(pinned: HubDataset, token: str | None) -> Any:
    import datasets

    datasets.disable_progress_bars()
    return datasets.load_dataset_builder(
        pinned.repository, pinned.config or None, revision=pinned.revision, token=token or False
    )


def _split(location: HubDataset, splits: Sequence[str], wanted: str) -> str:
    splits = [str(split) for split in splits]
    if not splits:
        raise SourceError(
            f"{location} has no data files that can be read. Convert them to JSONL or Parquet."
        )
    if wanted and wanted not in splits:
        raise ConfigError(
            f"{location} has no split {wanted!r}. It has: {', '.join(splits)}. Set split to one of "
            "them"
        )
    return wanted or next((split for split in _TRAINING_SPLITS if split in splits), splits[0])


def _files(
    location: HubDataset, paths: Sequence[str], names: Sequence[str], token: str | None
) -> tuple[list[RowFile], int]:
    from huggingface_hub import HfFileSystem

    system = HfFileSystem(token=token or False)
    with explained(str(location)):
        size_bytes = sum(int(system.info(path)["size"]) for path in paths)
    opening = [partial(system.open, path, "rb", block_size=BLOCK_BYTES) for path in paths]
    files = [
        RowFile(name, partial(remote_file, f"{location} {name}", opens))
        for name, opens in zip(names, opening, strict=True)
    ]
    return files, size_bytes


def _rows_of_datasets(location: HubDataset, builder: Any, split: str) -> Batches:
    with explained(str(location)):
        rows = iter(builder.as_streaming_dataset(split=split))
    first = 1
    while batch := _next_rows(location, rows):
        yield RowBatch(str(location), "row", first, batch, 0)
        first += len(batch)


def _next_rows(location: HubDataset, rows: Iterator[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    with explained(str(location)):
        return list(islice(rows, ROWS_PER_BATCH))


@contextmanager
def _explained(location: HubDataset, recipe: DatasetRecipe) -> Iterator[None]:
    """The Hub's own errors, with what to do about each."""
    try:
        yield
    except ValueError as problem:  # names the configurations that there are, then how to call it
        reason = " ".join(str(problem).partition("Example of usage")[0].split())
        hint = f" Choose one as hf://{location.repository}:NAME" if "onfig" in reason else ""
        raise ConfigError(f"{location}: {reason}{hint}") from None
    except Exception as problem:  # noqa: BLE001 - the boundary: OSError, httpx's, YAML's, and more
        raise SourceError(
            f"{location} cannot be read: {_reason(problem)}. {_remedy(problem, recipe)}",
            transient=may_pass(problem),
        ) from None


def _reason(problem: Exception) -> str:
    if type(problem).__name__ == "EmptyDatasetError":
        return "it has no data files"
    status = http_status(problem)
    return f"HTTP status {status}" if status else type(problem).__name__


def _remedy(problem: Exception, recipe: DatasetRecipe) -> str:
    if http_status(problem) in (401, 403, 404):
        return f"Check the name and revision; if it is private or gated, set {recipe.hf_token}."
    return "Check the network, and HF_ENDPOINT where a mirror is used."
