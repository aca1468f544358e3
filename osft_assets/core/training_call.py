"""From a job and the machine it runs on to one call of Training Hub, or the reason why not.

On how many processes, and with which kernels, is `core.training_placement`. Whoever makes the call
is `resources.training_worker`. How the options that the libraries drop reach them all the same
(`entry_flags`) is `resources.training_backends`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pipeline import training_recipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.recipes.trackers import TRACKER_SETTINGS
from osft_assets.core.recipes.training import TrainingRecipe
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.training_node import ALONE, Node
from osft_assets.core.training_placement import Machine, placed

_SAME_IN_BOTH = (
    *("effective_batch_size", "num_epochs", "learning_rate", "warmup_steps", "max_seq_len"),
    *("max_tokens_per_gpu", "beta1", "beta2", "eps", "weight_decay", "checkpoint_at_epoch"),
)
_OSFT_ONLY = (
    *("unfreeze_rank_ratio", "seed", "lr_scheduler", "lr_scheduler_kwargs"),
    *("use_processed_dataset", "unmask_messages", "save_final_checkpoint"),
)
_DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class TrainingCall:
    """`arguments` of `training_hub.osft` or `.sft`; `entry_flags` go to the trainer's own script.

    `processes`: of all pods together. `notes`: what differs from the settings, for the record.
    """

    arguments: dict[str, Any]
    entry_flags: tuple[str, ...]
    backend: str
    processes: int
    on_cpu: bool
    attention: str
    notes: tuple[str, ...]


def training_call(
    job: TrainingJob, machine: Machine, target_patterns: list[str], node: Node = ALONE
) -> TrainingCall:
    """The call, or ConfigError. `target_patterns` count where the recipe names none."""
    recipe = recipe_of(job)
    _refuse_what_cannot_work(job, recipe)
    place = placed(job, recipe, machine)
    backend = recipe.backend + ("-cpu" if place.on_cpu else "")
    arguments = {
        **_shared(job, recipe),
        **_own(job, recipe, target_patterns),
        "backend": backend,
        "use_liger": place.use_liger,
        **_ranks(place.processes, node),
    }
    if job.algorithm == "sft":
        arguments["disable_flash_attn"] = not place.flash_attention
    return TrainingCall(
        arguments=arguments,
        entry_flags=_entry_flags(recipe),
        backend=backend,
        processes=place.processes * node.count,
        on_cpu=place.on_cpu,
        attention="flash_attention_2" if place.flash_attention else "sdpa",
        notes=place.notes,
    )


def recipe_of(job: TrainingJob) -> OsftRecipe | SftRecipe:
    """The recipe of a job, as it was before it became JSON."""
    return training_recipe(job.algorithm).model_validate(job.recipe)


def saved_dtype(job: TrainingJob) -> str:
    """The number format of the saved weights: as asked, else the base model's. Empty = theirs."""
    asked = job.recipe.get("save_dtype")
    dtype = str(asked) if asked else job.model.dtype
    return dtype if dtype in _DTYPES else ""


def holdout_directory(job: TrainingJob) -> str:
    """Where the tokenised holdout rows go: `data.jsonl` in it."""
    return f"{job.rows_directory}/holdout"


def _refuse_what_cannot_work(job: TrainingJob, recipe: TrainingRecipe) -> None:
    if recipe.row_kind != job.kind:
        raise ConfigError(
            f"the rows were prepared as {job.kind}, but train asks for {recipe.row_kind}. Set "
            "is_pretraining or use_processed_dataset in the pipeline's file, for both stages, or "
            f"dataset.row_kind: {recipe.row_kind} for this run"
        )
    if recipe.validation_frequency > 0 and not job.holdout_rows:
        raise ConfigError(
            f"validation_frequency is {recipe.validation_frequency}, but no row is held out. Set "
            "dataset.data_split below 1, or validation_frequency: 0"
        )
    _refuse_a_validation_that_is_never_due(job, recipe)
    for name, longest in (("max_seq_len", recipe.max_seq_len), ("block_size", recipe.block_size)):
        # OSFT drops the rows that are longer than a micro-batch and trains on; blocks would be
        # dropped one and all, and SFT refuses to start.
        matters = name == "block_size" or job.algorithm == "sft"
        if matters and longest > recipe.max_tokens_per_gpu:
            raise ConfigError(
                f"{name} is {longest}, more than max_tokens_per_gpu ({recipe.max_tokens_per_gpu}): "
                f"a row must fit into a micro-batch. Raise the one or lower {name}"
            )


def _refuse_a_validation_that_is_never_due(job: TrainingJob, recipe: TrainingRecipe) -> None:
    if recipe.is_pretraining or getattr(recipe, "save_best_val_loss", False):
        return  # nobody knows yet how many blocks; measured after the last step in any case
    most_steps = math.ceil(job.train_rows / recipe.effective_batch_size) * recipe.num_epochs
    if recipe.validation_frequency > most_steps:
        raise ConfigError(
            f"validation_frequency is {recipe.validation_frequency}, but {job.train_rows:,} rows "
            f"are no more than {most_steps:,} steps: nothing would be measured. Set it to "
            f"{most_steps:,} or less, or to 0"
        )


def _shared(job: TrainingJob, recipe: TrainingRecipe) -> dict[str, Any]:
    arguments = {name: getattr(recipe, name) for name in _SAME_IN_BOTH}
    if recipe.is_pretraining:
        # The dataset stage has put the text of every document into this field.
        arguments |= {"is_pretraining": True, "block_size": recipe.block_size}
        arguments["document_column_name"] = "document"
    return {
        "model_path": job.model.path,
        "data_path": job.train_path,
        "data_output_dir": job.rows_directory,
        "ckpt_output_dir": job.directory,
        "trust_remote_code": job.model.trust_remote_code,
        **arguments,
        **{name: value for name in TRACKER_SETTINGS if (value := getattr(recipe, name, ""))},
    }


def _ranks(processes: int, node: Node) -> dict[str, Any]:
    """All said, or PET_* and MASTER_ADDR in the environment would decide."""
    ranks = {"nproc_per_node": processes, "nnodes": node.count, "node_rank": node.rank}
    if node.count == 1:
        return ranks
    return {**ranks, "master_addr": node.address, "master_port": node.port}


def _own(
    job: TrainingJob, recipe: OsftRecipe | SftRecipe, target_patterns: Sequence[str]
) -> dict[str, Any]:
    if isinstance(recipe, SftRecipe):
        return _sft_arguments(recipe)
    arguments: dict[str, Any] = {name: getattr(recipe, name) for name in _OSFT_ONLY}
    named = recipe.target_patterns
    arguments["target_patterns"] = named if named else list(target_patterns)
    if dtype := saved_dtype(job):
        arguments["save_dtype"] = dtype  # or mini-trainer saves bfloat16 where the config is silent
    if recipe.validation_frequency > 0:
        arguments |= {
            "validation_data_path": f"{holdout_directory(job)}/data.jsonl",
            "validation_frequency": recipe.validation_frequency,
            "save_best_val_loss": recipe.save_best_val_loss,
            # Or a frequency above the number of steps would leave no checkpoint at all.
            "validate_at_final": recipe.save_best_val_loss,
        }
    return arguments


def _sft_arguments(recipe: SftRecipe) -> dict[str, Any]:
    return {
        "random_seed": recipe.seed,
        "save_samples": recipe.save_samples,
        "accelerate_full_state_at_epoch": recipe.accelerate_full_state_at_epoch,
        "fsdp_options": {"sharding_strategy": recipe.fsdp_sharding_strategy},
    }


def _entry_flags(recipe: OsftRecipe | SftRecipe) -> tuple[str, ...]:
    """Options that the trainers' scripts have, and that nobody on the way there passes on."""
    if isinstance(recipe, OsftRecipe):
        return (
            *(f"--beta1={recipe.beta1}", f"--beta2={recipe.beta2}", f"--eps={recipe.eps}"),
            f"--weight-decay={recipe.weight_decay}",
        )
    flags = [f"--lr_scheduler={recipe.lr_scheduler}"]
    if not recipe.checkpoint_at_epoch:
        flags.append("--save_last")  # or nothing at all is saved
    if recipe.validation_frequency > 0:
        flags.append(f"--validation_frequency={recipe.validation_frequency}")
    return tuple(flags)
