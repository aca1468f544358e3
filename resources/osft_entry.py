"""Runs in place of `mini_trainer/train.py`: the same script, with strict OSFT and certificates.

Started by `resources.training_backends`: under torchrun where there is CUDA, else as one process.
The command line is mini-trainer's own. What it cannot be told there is read from the job file that
OSFT_TRAINING_JOB names. Fails, loudly, when mini-trainer is not built as expected.
"""

import functools
import json
import os
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.training_job import JOB_VARIABLE, TrainingJob
from resources.metric_lines import write_in_order
from resources.osft_certificate import CERTIFICATES, CertificateMaker, freeze_unconstrained
from resources.osft_single_process import replace_what_needs_cuda

BEST = "best_val_loss"
# The best loss on the holdout: the metric file lacks what is measured after the last step.
BEST_FILE = "best_val_loss.json"


def main() -> None:
    """Run mini-trainer's command line."""
    import torch

    trainer, setup = _modules()
    if not torch.cuda.is_available():
        replace_what_needs_cuda(trainer, setup)
    run(trainer, setup)


def run(trainer: Any, setup: Any) -> None:
    """Add what is ours to the modules, and let them train."""
    job = TrainingJob.model_validate_json(Path(os.environ[JOB_VARIABLE]).read_bytes())
    recipe = OsftRecipe.model_validate(job.recipe)
    directory = Path(job.directory)
    makers: list[CertificateMaker] = []
    finalize, save = setup.finalize_model_initialization, trainer.save_model

    @functools.wraps(finalize)
    def finalized(*args: Any, **keywords: Any) -> Any:
        model = finalize(*args, **keywords)
        if recipe.freeze_unconstrained:
            freeze_unconstrained(model)
        makers.append(CertificateMaker(model, directory / CERTIFICATES))
        return model

    @functools.wraps(save)
    def saved(
        model: Any, samples: float, output: str, path: str, suffix: str | None = None, **more: Any
    ) -> None:
        save(model, samples, output, path, suffix=suffix, **more)
        name = f"samples_{samples}" + (f"_{suffix}" if suffix else "")
        makers[-1].write(name)
        if suffix == BEST:
            _remove_earlier_bests(directory, name)

    setup.finalize_model_initialization, trainer.save_model = finalized, saved
    trainer.Checkpointer.record_save = _best_apart(
        trainer.Checkpointer.record_save, directory / BEST_FILE
    )
    if recipe.use_processed_dataset:
        trainer.get_data_loader = _limited(trainer.get_data_loader, recipe.max_seq_len)
    if not _is_first_process():
        # mini-trainer begins a run at Weights & Biases on every node, and fills the first one's.
        trainer.wandb_wrapper = SimpleNamespace(init=lambda **_: None, finish=lambda: None)
    wait_for_metrics = write_in_order(trainer.AsyncStructuredLogger)
    trainer.app(standalone_mode=False)
    wait_for_metrics()


def _modules() -> tuple[Any, Any]:
    trainer = import_module("mini_trainer.train")
    return trainer, import_module("mini_trainer.setup_model_for_training")


def _limited(loader: Callable[..., Any], max_seq_len: int) -> Callable[..., Any]:
    # Nobody applies max_seq_len to rows that come tokenised. mini-trainer keeps the limit itself,
    # the processing of chats does not.
    return functools.partial(loader, max_seq_len=max_seq_len - 1)


def _best_apart(record: Callable[..., None], best_file: Path) -> Callable[..., None]:
    """mini-trainer saves a step once: where it was the best, it would skip the checkpoint of the
    epoch or the final one, and the next best takes its place.
    """

    @functools.wraps(record)
    def recorded(self: Any, save_type: str, *args: Any, **keywords: Any) -> None:
        before = self.last_saved_samples
        record(self, save_type, *args, **keywords)
        if save_type == BEST:
            self.last_saved_samples = before
            if _is_first_process():
                best_file.write_text(json.dumps(self.best_val_loss))

    return recorded


def _remove_earlier_bests(directory: Path, newest: str) -> None:
    """Each is as large as the model, and only the last one is ever taken."""
    if not _is_first_process():
        return
    for old in (directory / "hf_format").glob(f"samples_*_{BEST}"):
        if old.name != newest:
            shutil.rmtree(old)


def _is_first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"


if __name__ == "__main__":
    main()
