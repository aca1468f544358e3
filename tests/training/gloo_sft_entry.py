"""SFT's entry of the CUDA path with only its devices replaced: gloo and FSDP1 on CPUs.

Run by `gloo_worker`. accelerate wraps in DDP where there is no CUDA, so it is told to take FSDP all
the same. The loading, the sharding, the mixed precision and the gathered save are those of GPUs.
"""

import contextlib
import functools
import os
from importlib import import_module
from typing import Any

from resources import sft_entry, sft_without_cuda


def main() -> None:
    os.environ["ACCELERATE_USE_CPU"] = "true"
    worker = import_module("instructlab.training.main_ds")
    sft_without_cuda.point_cuda_at_the_cpu(worker)
    _take_fsdp(import_module("accelerate.state"))
    _let_fsdp_stay_on_the_cpu()
    sft_entry.run(worker)


def _take_fsdp(state: Any) -> None:
    """What accelerate does where the devices are GPUs."""
    begin = state.AcceleratorState.__init__

    @functools.wraps(begin)
    def begun(self: Any, *args: Any, **named: Any) -> None:
        begin(self, *args, **named)
        plugin = named.get("fsdp_plugin")
        if plugin is None:
            return
        plugin.set_mixed_precision(self._mixed_precision)
        self.fsdp_plugin, self.distributed_type = plugin, state.DistributedType.FSDP
        state.PartialState._shared_state["distributed_type"] = self.distributed_type

    state.AcceleratorState.__init__ = begun


def _let_fsdp_stay_on_the_cpu() -> None:
    # Asked for a device, FSDP1 numbers it, and then misses cpu:0 among weights that are on cpu.
    beginning = import_module("torch.distributed.fsdp._init_utils")
    beginning._get_device_from_device_id = lambda *_: None
    # It frees what it has moved there, also when that was there already.
    handle = import_module("torch.distributed.fsdp._flat_param").FlatParamHandle
    handle.to_cpu = lambda _: contextlib.nullcontext()


if __name__ == "__main__":
    main()
