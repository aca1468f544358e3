"""Runs in place of `instructlab/training/main_ds.py`: the same script, with what it lacks.

Lacking are validation on a file of its own, the norm of the gradients, and a way to train some of
the weights only. The script's own
`if __name__ == "__main__"` block is executed in the namespace of its module, where both can be put.
Started by `resources.training_backends`: under torchrun where there is CUDA, else as one process.
"""

import ast
import functools
import os
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.training_call import holdout_directory
from osft_assets.core.training_job import JOB_VARIABLE, TrainingJob
from osft_assets.core.training_node import common_directory
from resources import sft_without_cuda
from resources.metric_lines import write_in_order
from resources.training_machine import patterns_for


def main() -> None:
    """Run instructlab-training's worker."""
    import torch

    on_cpu = not torch.cuda.is_available()
    if on_cpu:
        sft_without_cuda.set_environment()
    worker = import_module("instructlab.training.main_ds")
    if on_cpu:
        sft_without_cuda.replace_what_needs_cuda(worker)
    else:
        report_peak_memory(torch.cuda)
    run(worker)


def run(worker: Any) -> None:
    """Add what is ours to the script's module, and let it train."""
    _record_gradient_norms()
    job = TrainingJob.model_validate_json(Path(os.environ[JOB_VARIABLE]).read_bytes())
    recipe = SftRecipe.model_validate(job.recipe)
    if recipe.freeze_unconstrained:
        _train_only_matrices(worker, patterns_for(job.model, ())[0])
    if recipe.validation_frequency:
        _validate_on(f"{holdout_directory(job)}/data.jsonl", worker)
    _keep_full_states_whole(common_directory(job))
    logger = import_module("instructlab.training.async_logger").AsyncStructuredLogger
    wait_for_metrics = write_in_order(logger)
    exec(script_block(worker), vars(worker))  # noqa: S102 - their own code, read from their file
    wait_for_metrics()


def report_peak_memory(cuda: Any) -> None:
    """The script logs what is allocated between two steps, when the activations are gone. Nobody
    else in the process asks, and what has to fit is the peak.
    """
    cuda.memory_allocated = cuda.max_memory_allocated


def script_block(module: ModuleType) -> CodeType:
    """What a module does when it is run as a script, ready to be executed."""
    path = Path(module.__file__ or "")
    blocks = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
    ]
    if len(blocks) != 1:
        raise RuntimeError(
            f'{path} has {len(blocks)} blocks `if __name__ == "__main__"`, expected one: this is '
            "another instructlab-training than the 0.16.2 that this was written for"
        )
    return compile(ast.Module(blocks[0].body, []), str(path), "exec")


def _record_gradient_norms() -> None:
    """The norm that clipping computes anyway: the script logs what this method returns, or null."""
    import accelerate  # type: ignore[import-untyped]

    model = import_module("instructlab.training.model").Model
    clip = accelerate.Accelerator.clip_grad_norm_
    newest: list[Any] = [None]

    @functools.wraps(clip)
    def clip_and_record(*args: Any, **keywords: Any) -> Any:
        newest[0] = clip(*args, **keywords)
        return newest[0]

    accelerate.Accelerator.clip_grad_norm_ = clip_and_record
    model.get_global_grad_norm = lambda _: newest[0]


def _train_only_matrices(worker: Any, patterns: Sequence[str]) -> None:
    """Those that OSFT would constrain. Before FSDP's wrapping, which must keep the parameters apart
    then: it would otherwise refuse to flatten trained and frozen ones together.
    """
    make = worker.Accelerator

    @functools.wraps(make)
    def made(**arguments: Any) -> Any:
        for name, parameter in arguments["model"].named_parameters():
            is_matrix = parameter.dim() == 2
            parameter.requires_grad_(is_matrix and any(pattern in name for pattern in patterns))
        return make(**{**arguments, "fsdp_use_orig_params": True})

    worker.Accelerator = made


def _keep_full_states_whole(directory: Path) -> None:
    """In one place: each process adds its part, and those of other pods write elsewhere."""
    checkpoints: Any = import_module("instructlab.training.utils")
    save = checkpoints.save_full_state

    @functools.wraps(save)
    def saved(*, args: Any, **more: Any) -> None:
        save(args=Namespace(**{**vars(args), "output_dir": str(directory)}), **more)

    checkpoints.save_full_state = saved


def _validate_on(path: str, worker: Any) -> None:
    """Give the script a second loader, which it otherwise only gets by splitting the first file."""
    load, measure = worker.get_data_loader, worker.compute_validation_loss

    @functools.wraps(load)
    def load_both(**keywords: Any) -> Any:
        train, _ = load(**keywords)
        validation, _ = load(**{**keywords, "data_path": path, "num_workers": 0})
        return train, validation

    @functools.wraps(measure)
    def measure_here(model: Any, loader: Any, device: Any) -> dict[str, Any]:
        import torch
        import torch.distributed as dist

        if not torch.cuda.is_available():
            device = torch.device("cpu")
        metrics: dict[str, Any] = measure(model, loader, device)
        # Each rank counts the tokens of all ranks, and the counts are summed once more.
        if "val_loss" in metrics:
            metrics["val_loss"] *= dist.get_world_size()
            metrics["val_num_tokens"] //= dist.get_world_size()
        return metrics

    worker.get_data_loader, worker.compute_validation_loss = load_both, measure_here


if __name__ == "__main__":
    main()
