"""Whether a training did what it was asked: Training Hub returns None either way.

It returns None after weights of nothing but NaN, after no step at all, after every row was dropped,
after an interrupt that "completed successfully". So the files decide.
"""

import math
import shutil
from pathlib import Path
from typing import Any

from osft_assets.core.errors import TrainingError
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.training_call import saved_dtype
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.training_steps import METRIC_FILES, Step, StepReader
from resources.osft_certificate import CERTIFICATES
from resources.osft_entry import BEST_FILE
from resources.training_checkpoints import (
    Checkpoints,
    find_checkpoints,
    refuse_an_interrupted_run,
    restore_what_was_left_out,
    takes_best,
)

_TRACES = ("hf_format", "full_state", "full_state_checkpoints", *METRIC_FILES.values())
_BESIDE_THEM = (CERTIFICATES, BEST_FILE)


def refuse_a_used_directory(directory: Path) -> None:
    """A second training would go on from the first, train nothing, and look complete."""
    traces = [name for name in _TRACES if (directory / name).exists()]
    if traces:
        raise TrainingError(
            f"{directory} holds another training already ({', '.join(traces)}). Train into an "
            "empty directory"
        )


def remove_an_ended_attempt(directory: Path) -> None:
    """What pods left that were preempted: they are started again, and begin anew."""
    for name in (*_TRACES, *_BESIDE_THEM):
        path = directory / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def read_steps(job: TrainingJob, recipe: OsftRecipe | SftRecipe) -> list[Step]:
    """Every step of the run, from its metric file."""
    path = Path(job.directory) / METRIC_FILES[job.algorithm]
    if not path.exists():
        return []
    lines = path.read_text().splitlines()
    return StepReader(job.algorithm, recipe.num_epochs).read(line for line in lines if line.strip())


def check_run(job: TrainingJob, recipe: OsftRecipe | SftRecipe, steps: list[Step]) -> Checkpoints:
    """The checkpoints, when all is as it should be. TrainingError when not."""
    directory = Path(job.directory)
    _check_steps(steps)
    refuse_an_interrupted_run(directory)
    found = find_checkpoints(directory, sum(step.rows for step in steps), takes_best(recipe))
    for path in (found.model, *found.epochs):
        restore_what_was_left_out(path, Path(job.model.path), saved_dtype(job))
    _check_weights(found.model, job)
    _check_tokenizer(found.model, job)
    return found


def _check_steps(steps: list[Step]) -> None:
    if not steps:
        raise TrainingError("The trainer ended without a single step. Look at its log")
    for step in steps:
        if step.loss is not None and not math.isfinite(step.loss):
            raise TrainingError(
                f"The loss is {step.loss} from step {step.step:,} on: the weights are lost. Lower "
                "learning_rate or raise warmup_steps"
            )
    last = steps[-1]
    if len(steps) != last.total_steps:
        raise TrainingError(
            f"Training stopped after {len(steps):,} of {last.total_steps:,} steps. Look at its log"
        )
    if all(step.loss is None for step in steps):
        raise TrainingError("No step had a token to learn from. Look at the rows")


def _check_weights(checkpoint: Path, job: TrainingJob) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    model, found = loader.from_pretrained(
        checkpoint,
        dtype="auto",
        output_loading_info=True,
        trust_remote_code=job.model.trust_remote_code,
    )
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        names = sorted(str(name) for name in found[kind])
        if names:
            raise TrainingError(
                f"{checkpoint.name} does not fit its architecture: {len(names)} "
                f"{kind.replace('_', ' ')}, such as {names[0]}. transformers would fill them with "
                "random numbers"
            )
    broken = [n for n, weight in model.named_parameters() if not torch.isfinite(weight).all()]
    if broken:
        raise TrainingError(
            f"{len(broken)} tensors of {checkpoint.name} hold numbers that are not finite, such as "
            f"{broken[0]}. Lower learning_rate or raise warmup_steps"
        )
    found_dtype, wanted = str(model.dtype).removeprefix("torch."), saved_dtype(job)
    if wanted and found_dtype != wanted:
        raise TrainingError(f"{checkpoint.name} is {found_dtype}, expected {wanted}")


def _check_tokenizer(checkpoint: Path, job: TrainingJob) -> None:
    from transformers import AutoTokenizer

    trust = job.model.trust_remote_code
    base = AutoTokenizer.from_pretrained(job.model.path, trust_remote_code=trust)
    trained = AutoTokenizer.from_pretrained(checkpoint, trust_remote_code=trust)
    if trained.chat_template != base.chat_template:
        raise TrainingError(f"{checkpoint.name} has not the chat template of its base model")
    if len(trained) != len(base):
        raise TrainingError(
            f"the tokenizer of {checkpoint.name} knows {len(trained)} tokens, its base's "
            f"{len(base)}"
        )
