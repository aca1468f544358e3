"""Examines the weights of a model: which files hold them, that all are there, whole and finite.

One file is read by `resources.safetensors_files`. Pickled weights are not read: reading them runs
whatever code is in them.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osft_assets.core.errors import ModelError
from osft_assets.core.model_files import PICKLED, SAFETENSORS
from resources.safetensors_files import Tensor, count_not_finite, read_tensors

_SINGLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_NAMES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64"}
_LISTED = 5


@dataclass(frozen=True)
class WeightsFindings:
    """What the weights are, and the first thing that is wrong with them."""

    parameters: int = 0
    dtype: str = ""
    size_bytes: int = 0
    problem: str = ""
    were_examined: bool = True


def examine_weights(directory: Path) -> WeightsFindings:
    """Reads every value once."""
    names = sorted(path.name for path in directory.iterdir() if path.is_file())
    weights = [name for name in names if SAFETENSORS.fullmatch(name)]
    if not weights:
        return _without_safetensors(directory, names)
    tensors: dict[str, list[Tensor]] = {}
    problem = ""
    try:
        _read(directory, weights, tensors)
        problem = _not_finite(directory, tensors)
    except ModelError as found:
        problem = str(found)
    counts = _count(tensors)
    return WeightsFindings(counts.total(), _most_common(counts), _size(directory, weights), problem)


def _without_safetensors(directory: Path, names: list[str]) -> WeightsFindings:
    pickled = [name for name in names if PICKLED.fullmatch(name)]
    if not pickled:
        return WeightsFindings(problem="there are no weights: expected *.safetensors")
    problem = (
        f"{pickled[0]} is in pickle format, which is not examined, since reading it can run code. "
        "Convert it to safetensors: load the model and save_pretrained it"
    )
    return WeightsFindings(
        size_bytes=_size(directory, pickled), problem=problem, were_examined=False
    )


def _read(directory: Path, weights: list[str], tensors: dict[str, list[Tensor]]) -> None:
    """The headers of all files, each added to `tensors` as soon as it turned out well."""
    expected = _expected(directory, weights)
    missing = sorted(set(expected).difference(weights))
    if missing:
        raise ModelError(f"{_some(missing)}: listed in {_INDEX}, but not there. Download it again")
    for name in sorted(expected):
        tensors[name] = read_tensors(directory / name)
        lost = expected[name].difference(tensor.name for tensor in tensors[name])
        if lost:
            raise ModelError(f"{name} lacks {_some(sorted(lost))}, which {_INDEX} says is in it")


def _expected(directory: Path, weights: list[str]) -> dict[str, set[str]]:
    """The files that make up the weights, with the tensors that must be in each."""
    if _SINGLE in weights:  # also when there is an index: so does transformers
        return {_SINGLE: set()}
    if not (directory / _INDEX).is_file():
        raise ModelError(f"found {_some(weights)}, but neither {_SINGLE} nor {_INDEX}")
    files: dict[str, set[str]] = {}
    for tensor, name in _weight_map(directory / _INDEX).items():
        files.setdefault(str(name), set()).add(tensor)
    return files


def _weight_map(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())["weight_map"]
    except (ValueError, TypeError, KeyError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found:
        raise ModelError(f"{_INDEX} has no weight_map that says which tensor is where")
    return found


def _not_finite(directory: Path, tensors: Mapping[str, list[Tensor]]) -> str:
    found = {
        f"{tensor} in {name}": count
        for name in tensors
        for tensor, count in count_not_finite(directory / name, tensors[name]).items()
    }
    if not found:
        return ""
    first, count = next(iter(found.items()))
    return (
        f"{len(found):,} tensor{'s hold' if len(found) > 1 else ' holds'} values that are not "
        f"finite (NaN or infinite). The first is {first}, with {count:,}"
    )


def _count(tensors: Mapping[str, list[Tensor]]) -> Counter[str]:
    """How many values there are of each kind."""
    counts: Counter[str] = Counter()
    for tensor in (tensor for found in tensors.values() for tensor in found):
        counts[tensor.dtype] += tensor.elements
    return counts


def _most_common(counts: Counter[str]) -> str:
    dtype = counts.most_common(1)[0][0] if counts else ""
    return _NAMES.get(dtype, dtype)


def _size(directory: Path, names: list[str]) -> int:
    return sum((directory / name).stat().st_size for name in names)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
