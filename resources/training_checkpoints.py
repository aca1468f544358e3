"""The checkpoints that a trainer left: which one to take, and what they lack of the base model.

Whether the one taken is any good is `resources.training_verification`.
"""

import json
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osft_assets.core.errors import TrainingError
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.training_steps import Step
from resources.osft_entry import BEST, BEST_FILE

# What the trainers leave out: how to generate, and the code of models that bring their own.
_LEFT_OUT = ("generation_config.json", "*.py")
# No weights: computed anew from the configuration whenever a model is loaded. FSDP2 saves them all
# the same, and servers stumble over names they do not know.
_COMPUTED = re.compile(r"rotary_emb\.\w*inv_freq$")


@dataclass(frozen=True)
class Checkpoints:
    """What to take, and what else was asked for."""

    model: Path
    epochs: tuple[Path, ...]
    full_states: tuple[Path, ...]


def find_checkpoints(directory: Path, rows_seen: int, best_is_taken: bool) -> Checkpoints:
    """What is complete, of this run. TrainingError when the one to take is not there."""
    complete = sorted(
        (
            path
            for path in (directory / "hf_format").glob("samples_*")
            if (path / "config.json").exists() and list(path.glob("*.safetensors"))
        ),
        key=_rows_in_name,
    )
    best = [path for path in complete if path.name.endswith(BEST)]
    plain = [path for path in complete if path not in best]
    final = [path for path in plain if _rows_in_name(path) == rows_seen]
    found = best[-1:] if best_is_taken else final[:1]
    if not found:
        there = ", ".join(path.name for path in complete) or "none"
        wanted = "the best on the holdout" if best_is_taken else f"the one after {rows_seen:,} rows"
        raise TrainingError(f"Training ended without its checkpoint: {wanted}. There is {there}")
    return Checkpoints(
        model=found[0],
        epochs=tuple(path for path in plain if path != found[0]),
        full_states=tuple(sorted((directory / "full_state").glob("epoch_*"), key=_number)),
    )


def takes_best(recipe: OsftRecipe | SftRecipe) -> bool:
    """Whether the checkpoint to take is the best on the holdout, and not the last."""
    return isinstance(recipe, OsftRecipe) and recipe.save_best_val_loss


def loss_on_the_holdout(model: Path, steps: Sequence[Step]) -> float | None:
    """Of the checkpoint that is taken; None when it was not measured at that step."""
    if model.name.endswith(BEST):
        best: float = json.loads((model.parents[1] / BEST_FILE).read_bytes())
        return best
    return steps[-1].validation_loss


def refuse_an_interrupted_run(directory: Path) -> None:
    """A trainer that was told to stop saves its state, and says that it completed."""
    states = _newest(directory.glob("full_state_checkpoints/*"))
    if states > _newest(directory.glob("hf_format/*")):
        raise TrainingError(
            f"Training was interrupted: {directory}/full_state_checkpoints is newer than any "
            "checkpoint. Train again"
        )


def restore_what_was_left_out(checkpoint: Path, base: Path, dtype: str) -> None:
    """`use_cache` as the base has it (mini-trainer leaves it off, which makes generating slow), the
    number format (instructlab-training saves 32 bits of any model), the files beside the weights.
    """
    path = checkpoint / "config.json"
    config = json.loads(path.read_bytes())
    wanted = json.loads((base / "config.json").read_bytes())
    config.pop("use_cache", None)
    if "use_cache" in wanted:
        config["use_cache"] = wanted["use_cache"]
    if dtype:
        config.pop("torch_dtype", None)
        config["dtype"] = dtype
    _write(path, config)
    _mend_weights(checkpoint, dtype)
    for pattern in _LEFT_OUT:
        for source in base.glob(pattern):
            if not (checkpoint / source.name).exists():
                shutil.copyfile(source, checkpoint / source.name)


def _mend_weights(checkpoint: Path, dtype: str) -> None:
    """One file after the other, and only those where there is something to mend."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    size, changed = 0, False
    for path in checkpoint.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        mended = {
            name: _as_dtype(tensor, dtype)
            for name, tensor in tensors.items()
            if not _COMPUTED.search(name)
        }
        size += sum(tensor.nbytes for tensor in mended.values())
        if {n: t.dtype for n, t in mended.items()} != {n: t.dtype for n, t in tensors.items()}:
            changed = True
            partial = path.with_suffix(".partial")
            save_file(mended, partial, metadata={"format": "pt"})
            partial.replace(path)
    if changed:
        _mend_index(checkpoint / "model.safetensors.index.json", size)


def _mend_index(path: Path, size: int) -> None:
    if path.exists():
        index = json.loads(path.read_bytes())
        places = index["weight_map"].items()
        index["weight_map"] = {name: file for name, file in places if not _COMPUTED.search(name)}
        index.setdefault("metadata", {})["total_size"] = size
        _write(path, index)


def _as_dtype(tensor: Any, dtype: str) -> Any:
    import torch

    if not dtype or not tensor.is_floating_point():
        return tensor
    return tensor.to(getattr(torch, dtype))


def _write(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    partial.replace(path)


def _rows_in_name(path: Path) -> float:
    """`samples_512`, `samples_512.0` or `samples_512.0_best_val_loss`."""
    return float(path.name.split("_")[1])


def _number(path: Path) -> int:
    return int(path.name.rpartition("_")[2])


def _newest(paths: Iterable[Path]) -> float:
    return max((path.stat().st_mtime for path in paths), default=0.0)
