"""What two checkpoints tell about the update between them: a second opinion on the certificate."""

from pathlib import Path
from typing import Any


def tensors(model: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(model / "model.safetensors"))


def leak(base: Path, trained: Path, name: str, free_share: float = 0.25) -> tuple[float, float]:
    """|U_high^T dW|/|dW| and |dW V_high^T|/|dW|, from the files and a decomposition of our own."""
    import torch

    before = tensors(base)[name].double()
    update = tensors(trained)[name].double() - before
    u, _, v = torch.linalg.svd(before, full_matrices=False)
    high = int(min(before.shape) * (1 - free_share))
    size = update.norm()
    left = (u[:, :high].T @ update).norm() / size
    right = (update @ v[:high].T).norm() / size
    return float(left), float(right)


def is_projection(name: str) -> bool:
    return "_proj.weight" in name


def loads_clean(model: Path) -> bool:
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    _, found = loader.from_pretrained(model, output_loading_info=True)
    return not any(found[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
