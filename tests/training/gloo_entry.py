"""OSFT's entry of the CUDA path with only its devices replaced: gloo and FSDP2 on CPUs.

Run by `gloo_worker`. Everything else (lazy loading, the distributed decomposition, sharding, mixed
precision, the projections and the gathered save) is what runs on GPUs.
"""

from importlib import import_module
from typing import Any

from resources import osft_entry


class _TorchOnCpu:
    """torch, whose CUDA devices are the CPU."""

    def __getattr__(self, name: str) -> Any:
        import torch

        return getattr(torch, name)

    @staticmethod
    def device(*asked: Any) -> Any:
        import torch

        return torch.device("cpu") if asked[0] == "cuda" else torch.device(*asked)


def main() -> None:
    import torch
    import torch.distributed as dist

    cuda: Any = torch.cuda
    cuda.reset_peak_memory_stats = lambda: None
    trainer = import_module("mini_trainer.train")
    setup: Any = import_module("mini_trainer.setup_model_for_training")
    trainer.init_distributed_environment = lambda: dist.init_process_group("gloo")
    import_module("mini_trainer.osft_utils").torch = _TorchOnCpu()
    mesh = setup.init_device_mesh
    setup.init_device_mesh = lambda _, shape, **names: mesh("cpu", shape, **names)
    osft_entry.run(trainer, setup)


if __name__ == "__main__":
    main()
