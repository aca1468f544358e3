"""mini-trainer's OSFT in one process on a CPU: its own script, without the parts that need CUDA.

Replaced are the process group (gloo instead of NCCL), the loading (no lazy loading for FSDP2, which
decomposes the weights on a GPU) and the wrapping (none). The decomposition, the sampler, the
optimizer with its projections, the loop, the metrics and the checkpoints are mini-trainer's own.
"""

import os
from types import SimpleNamespace
from typing import Any

_ONE_PROCESS = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}


def replace_what_needs_cuda(trainer: Any, setup: Any) -> None:
    """`trainer` is `mini_trainer.train`, `setup` its `setup_model_for_training`."""
    import torch

    os.environ.update(_ONE_PROCESS)
    for module, name, replacement in (
        (trainer, "init_distributed_environment", _join_a_group_of_one),
        (trainer, "setup_model", _load),
        (setup, "prepare_model_for_fsdp2", lambda _: SimpleNamespace()),
        (setup, "wrap_fsdp2", _unwrapped),
        (setup, "finalize_model_initialization", lambda model, _: model),
        (torch.cuda, "reset_peak_memory_stats", lambda: None),
    ):
        if not hasattr(module, name):
            raise RuntimeError(
                f"{module.__name__} has no {name}: this is another mini-trainer than the 0.9.0 "
                "that this was written for"
            )
        setattr(module, name, replacement)


def _join_a_group_of_one() -> None:
    import torch.distributed as dist

    dist.init_process_group("gloo", rank=0, world_size=1, store=dist.HashStore())  # type: ignore[attr-defined]


def _unwrapped(model: Any) -> Any:
    # What FSDP2's wrapping does too. Under SDPA it also is what keeps the rows of a packed batch
    # apart: with use_cache transformers lets them see each other (logits differ by 1.4).
    model.config.use_cache = False
    return model


def _load(  # noqa: PLR0913 - the arguments of mini-trainer's setup_model
    *,
    model_name_or_path: str,
    save_dtype: str | None,
    train_dtype: Any,
    osft_rank_ratio: float,
    osft_target_patterns: list[str],
    osft_upcast_dtype: Any,
    trust_remote_code: bool,
    **_: Any,
) -> Any:
    from mini_trainer import none_reduction_losses, osft_utils, utils  # type: ignore[import-untyped]
    from mini_trainer import setup_model_for_training as setup
    from transformers import AutoTokenizer

    utils.patch_target_module(
        "transformers.loss.loss_utils.fixed_cross_entropy",
        none_reduction_losses.hf_fixed_cross_entropy_none_reduction,
    )
    model_class = osft_utils.create_osft_model_class(
        utils.get_model_class_from_config(model_name_or_path)
    )
    model = model_class.from_pretrained(
        model_name_or_path,
        rank_ratio=osft_rank_ratio,
        target_patterns=osft_target_patterns,
        upcast_dtype=osft_upcast_dtype,
        output_dtype=train_dtype,
        torch_dtype=train_dtype,
        attn_implementation="sdpa",
        trust_remote_code=trust_remote_code,
    )
    model.reinitialize_osft(decompose_existing_weights=True)
    osft_utils._set_osft_dtypes(model, osft_upcast_dtype, train_dtype)
    tokenizer = AutoTokenizer.from_pretrained(
        model_name_or_path, trust_remote_code=trust_remote_code
    )
    model = setup.align_model_and_tokenizer(model, tokenizer)
    model.config.torch_dtype = setup.get_model_save_dtype(
        save_dtype, model_name_or_path, trust_remote_code
    )
    return model
