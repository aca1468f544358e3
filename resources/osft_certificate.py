"""Measures what OSFT promises, with the factors that were trained: the certificate.

A constrained matrix is W = U_h S_h V_h + U_l S_l V_l, of which the first half is frozen. Its update
dW = U_l S_l V_l - (the same at the start) must not touch the frozen subspace: |U_h^T dW| and
|dW V_h^T| against |dW|. Measured before the cast to the saved format, in 64 bits: a bfloat16
checkpoint alone cannot show it (rounding is 1e-2 of a small update). Strict OSFT is here too.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

CERTIFICATES = "certificates"
# A singular value counts when it is above this share of the largest one, and above the rounding of
# 32-bit factors, which have been projected and rounded anew in every step.
_RANK_TOLERANCE, _FACTOR_ROUNDING = 1e-3, 1e-6


def freeze_unconstrained(model: Any) -> None:
    """Strict OSFT: nothing but the free factors is trained.

    After FSDP2's wrapping, and before the optimizer is made: each parameter's `requires_grad` is
    read when it is first gathered.
    """
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(".osft_params." in name)


class CertificateMaker:
    """Remembers the factors as training starts. Every rank makes one: gathering is collective."""

    def __init__(self, model: Any, directory: Path) -> None:
        self._model, self._directory = model, directory
        self._first = {
            name: [part.cpu().clone() for part in low] if _is_main() else []
            for name, _, low in _factors(model)
        }
        if not self._first:
            raise ValueError("OSFT constrains no matrix of this model: target_patterns match none")

    def write(self, checkpoint: str) -> None:
        """Measure now, for the checkpoint of this name. Weights that are not finite get none."""
        import torch

        matrices: list[dict[str, Any]] = []
        finite = True
        for name, high, low in _factors(self._model):  # to the end: every rank has to take part
            finite = finite and all(bool(torch.isfinite(part).all()) for part in low)
            if _is_main() and finite:
                first = [part.to(low[0].device) for part in self._first[name]]
                matrices.append({"name": name, **_leak(high, low, first, self._saved_dtype)})
        if _is_main() and finite:
            self._directory.mkdir(exist_ok=True)
            certificate = {
                "matrices": matrices,
                "dtype": str(self._saved_dtype).removeprefix("torch."),
                **_parameter_counts(self._model),
            }
            (self._directory / f"{checkpoint}.json").write_text(json.dumps(certificate))

    @property
    def _saved_dtype(self) -> "torch.dtype":
        return self._model.config.torch_dtype  # type: ignore[no-any-return]


def _factors(
    model: Any,
) -> "Iterator[tuple[str, list[torch.Tensor], list[torch.Tensor]]]":
    """Of one matrix after the other, so that no rank ever holds all of them whole."""
    for name in model.osft_paramspec_registry:
        module, _ = model._get_module_by_logical_key(name)
        free = module.osft_params
        high = (module.osft_U_high, module.osft_S_high, module.osft_V_high)
        low = (free.U_low, free.S_low, free.V_low)
        yield name, [_whole(part) for part in high], [_whole(part) for part in low]


def _whole(part: Any) -> "torch.Tensor":
    import torch

    whole: torch.Tensor = part.full_tensor() if hasattr(part, "full_tensor") else part
    if whole.dtype != torch.float32:  # FSDP2 hands out 16-bit copies while it has them gathered
        raise RuntimeError(f"a factor is {whole.dtype}: measured while it was gathered to compute")
    return whole.detach()


def _leak(
    high: "list[torch.Tensor]",
    low: "list[torch.Tensor]",
    first: "list[torch.Tensor]",
    saved_dtype: "torch.dtype",
) -> dict[str, float | int]:
    import torch

    u_high, s_high, v_high = (part.double() for part in high)
    u_low, s_low, v_low = (part.double() for part in low)
    u_first, s_first, v_first = (part.double() for part in first)
    # dW = left @ right, of at most twice the free rank: its singular values are a small core's.
    left = torch.cat([u_low * s_low, -u_first * s_first], dim=1)
    right = torch.cat([v_low, v_first])
    core = torch.linalg.qr(left).R @ torch.linalg.qr(right.T).R.T
    sizes = torch.linalg.svdvals(core)
    update = float(sizes.norm())
    weight = (u_high * s_high) @ v_high + (u_low * s_low) @ v_low
    floor = max(_RANK_TOLERANCE * float(sizes[0]), _FACTOR_ROUNDING * float(s_first.abs().max()))
    rounded = float((weight.float().to(saved_dtype).double() - weight.float().double()).norm())
    return {
        "leak_left": _share(float(((u_high.T @ left) @ right).norm()), update),
        "leak_right": _share(float((left @ (right @ v_high.T)).norm()), update),
        "update": _share(update, float(weight.norm())),
        "rank": int((sizes > floor).sum()) if update else 0,
        "free_rank": int(s_low.numel()),
        "rounding": _share(rounded, update),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _parameter_counts(model: Any) -> dict[str, int]:
    registry = model.orig_param_registry
    constrained = sum(_size(registry[name].shape) for name in model.osft_paramspec_registry)
    free = frozen = 0
    for name, parameter in model.named_parameters():
        if ".osft_" in name:
            continue
        if parameter.requires_grad:
            free += parameter.numel()
        else:
            frozen += parameter.numel()
    return {
        "constrained_parameters": constrained,
        "unconstrained_parameters": free,
        "frozen_parameters": frozen,
    }


def _size(shape: Any) -> int:
    rows, columns = shape
    return int(rows) * int(columns)


def _is_main() -> bool:
    import torch.distributed as dist

    return not dist.is_initialized() or dist.get_rank() == 0
