"""instructlab-training's worker on a CPU: the places where it needs CUDA, pointed elsewhere.

accelerate has no FSDP on a CPU and wraps the model in DDP instead, with padded batches in place of
packed ones. The data processing, the sampler, the loss, the optimizer and the loop are theirs.
"""

import collections
import functools
import os
import socket
from typing import Any

from resources.training_environment import FEWEST_OF_A_LARGE_MODEL

_ONE_PROCESS = {
    **{"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"},
    **{"MASTER_ADDR": "127.0.0.1", "ACCELERATE_USE_CPU": "true"},
}


def set_environment() -> None:
    """Before accelerate is imported."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        os.environ.update(_ONE_PROCESS, MASTER_PORT=str(free.getsockname()[1]))


def replace_what_needs_cuda(worker: Any) -> None:
    """`worker` is `instructlab.training.main_ds`."""
    import accelerate  # type: ignore[import-untyped]
    from instructlab.training import accelerator, model  # type: ignore[import-untyped]

    point_cuda_at_the_cpu(worker)
    accelerate.Accelerator.save_model = _bare(accelerate.Accelerator.save_model)
    # FSDP keeps the weights it trains in 32 bits whatever the file holds; DDP leaves them as they
    # come, and transformers 5 loads them in the file's own format: 16 bits lose small updates.
    model.AutoModelForCausalLM = _LoadedIn32Bits
    accelerator.TransformersAccel = _in_32_bits(accelerator.TransformersAccel)
    recompute = model.Model._enable_gradient_checkpointing_if_supported
    model.Model._enable_gradient_checkpointing_if_supported = recomputing_if_large(recompute)


def _in_32_bits(make: Any) -> Any:
    """The script asks for bfloat16, which a CPU without instructions for it emulates: measured,
    three times as long a training, and less exact. OSFT computes in 32 bits here too.
    """

    @functools.wraps(make)
    def made(**arguments: Any) -> Any:
        return make(**{**arguments, "mixed_precision": "no"})

    return made


def recomputing_if_large(recompute: Any) -> Any:
    """Activations that are computed again in the backward pass save memory, which a small model has
    no need of, and cost a quarter of its time. The gradients are the same to the last bit.
    """

    @functools.wraps(recompute)
    def recompute_if_large(self: Any) -> None:
        if self.model.num_parameters() >= FEWEST_OF_A_LARGE_MODEL:
            recompute(self)

    return recompute_if_large


def point_cuda_at_the_cpu(worker: Any) -> None:
    """What is the same for any number of processes, however the model is wrapped."""
    import torch
    from instructlab.training import batch_loss_manager

    cuda: Any = torch.cuda
    cuda.set_device = lambda _: None
    cuda.memory_stats = lambda *_: collections.defaultdict(int)
    torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[method-assign]
    batch_loss_manager.torch = _TorchWithoutCuda()
    worker.get_data_loader = _in_this_process(worker.get_data_loader)


class _TorchWithoutCuda:
    """What `batch_loss_manager` takes for torch: the CUDA device is the CPU."""

    def __getattr__(self, name: str) -> Any:
        import torch

        return getattr(torch, name)

    @staticmethod
    def device(*_: object) -> Any:
        import torch

        return torch.device("cpu")


class _LoadedIn32Bits:
    @staticmethod
    def from_pretrained(**arguments: Any) -> Any:
        import torch
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(**{"dtype": torch.float32, **arguments})


def _in_this_process(loader: Any) -> Any:
    """Their script insists on eight loader processes, each with a torch of its own."""

    @functools.wraps(loader)
    def load(*args: Any, **keywords: Any) -> Any:
        return loader(*args, **{**keywords, "num_workers": 0})

    return load


def _bare(save: Any) -> Any:
    """The names in DDP's checkpoint begin with `module.`, and transformers would then load random
    weights with a mere warning: save the model inside.
    """

    @functools.wraps(save)
    def save_bare(self: Any, model: Any, *args: Any, **keywords: Any) -> Any:
        return save(self, getattr(model, "module", model), *args, **keywords)

    return save_bare
