"""The same work with Hugging Face `datasets`, in one process: more processes cost more CPU."""

import hashlib
import json
from pathlib import Path
from typing import Any

import datasets  # noqa: TID253 - only the process that measures it imports this module

from benchmarks.contenders import Counts

_ROLES = frozenset({"system", "user", "assistant", "tool"})
_SEED = 42


def run(rows: Path, directory: Path) -> Counts:
    """Load, filter, hash, remove duplicates, split, write and hash the files."""
    datasets.disable_progress_bars()
    datasets.disable_caching()
    broken = _write_whole_lines(rows, directory / "whole.jsonl")
    loaded = datasets.load_dataset(
        "json",
        data_files=str(directory / "whole.jsonl"),
        split="train",
        cache_dir=str(directory / "cache"),
    )
    valid = loaded.filter(_is_valid)
    unique = _without_duplicates(valid)
    split = unique.train_test_split(test_size=0.1, seed=_SEED)
    for side, path in (("train", directory / "train.jsonl"), ("test", directory / "eval.jsonl")):
        split[side].to_json(path)
        with path.open("rb") as stream:
            hashlib.file_digest(stream, "sha256")
    read = broken + len(loaded)
    return Counts(read, read - len(valid), len(valid) - len(unique), len(unique))


def _write_whole_lines(rows: Path, target: Path) -> int:
    """Copy the lines that end as an object does: one broken line stops `load_dataset`."""
    broken = 0
    with rows.open("rb") as stream, target.open("wb") as output:
        for line in stream:
            if line.rstrip().endswith(b"}"):
                output.write(line)
            else:
                broken += 1
    return broken


def _is_valid(row: dict[str, Any]) -> bool:
    messages = row["messages"]
    return (
        isinstance(messages, list)
        and all(map(_is_valid_message, messages))
        and any(message["role"] == "assistant" for message in messages)
    )


def _is_valid_message(message: dict[str, Any]) -> bool:
    content = message.get("content")
    return message.get("role") in _ROLES and isinstance(content, str) and content != ""


def _without_duplicates(rows: datasets.Dataset) -> datasets.Dataset:
    hashed = rows.map(_hashed)
    seen: set[str] = set()
    kept = []
    for index, digest in enumerate(hashed["digest"]):
        if digest not in seen:
            seen.add(digest)
            kept.append(index)
    return hashed.select(kept).remove_columns("digest")


def _hashed(row: dict[str, Any]) -> dict[str, str]:
    text = json.dumps(row["messages"], sort_keys=True)
    return {"digest": hashlib.sha256(text.encode()).hexdigest()}
