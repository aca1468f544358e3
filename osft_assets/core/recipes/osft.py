"""The knobs of orthogonal subspace fine-tuning."""

from typing import Annotated, Literal, Self

from pydantic import model_validator

from osft_assets.core.recipes.base import knob, only
from osft_assets.core.recipes.schedules import OsftSchedule, refuse_wrong_numbers
from osft_assets.core.recipes.training import TrainingRecipe


class OsftRecipe(TrainingRecipe):
    """Orthogonal subspace fine-tuning, on mini-trainer."""

    backend: Literal["mini-trainer"] = knob("mini-trainer", "The only backend that does OSFT.")
    use_liger: bool = knob(True, "Liger kernels: faster and smaller on NVIDIA GPUs.")
    unfreeze_rank_ratio: float = knob(
        0.25,
        "Share of each weight matrix's rank that may change: 0.1 minimal, 0.25 balanced, 0.5 "
        "strong. Higher learns more and forgets more. The ends are excluded: the backend reads 1 "
        "as 0.5, and still trains rank 1 at 0.",
        unit="share",
        gt=0,
        lt=1,
    )
    target_patterns: list[str] = knob(
        [], "Names of the weight matrices to constrain. Empty = by the architecture."
    )
    lr_scheduler: OsftSchedule = knob("cosine", "Schedule of the learning rate.")
    lr_scheduler_kwargs: dict[str, float] = knob(
        {}, "Further arguments of the schedule, such as num_cycles or min_lr."
    )
    use_processed_dataset: bool = knob(
        False, "The rows are tokenised already: input_ids and labels."
    )
    unmask_messages: bool = knob(
        False, "Learn from every message but the system's, not only from the assistant's."
    )
    save_final_checkpoint: bool = knob(
        True, "Keep the checkpoint after the last step. Off needs one of every epoch, or the best."
    )
    save_best_val_loss: bool = knob(
        False,
        "Take the checkpoint with the lowest loss on the holdout instead of the last. Needs "
        "validation_frequency.",
    )
    save_dtype: Literal["", "float32", "bfloat16", "float16"] = knob(
        "", "Number format of the saved weights. Empty = the base model's."
    )
    osft_memory_efficient_init: Annotated[
        bool,
        only(
            True,
            "mini-trainer 0.9 always initialises memory-efficiently and ignores this. Remove it",
        ),
    ] = knob(True, "Decompose the weights piece by piece. Always on in mini-trainer.")
    fsdp_sharding_strategy: Annotated[
        str,
        only(
            "",
            "mini-trainer 0.9 has no such option and would drop it. Remove it; it is an SFT "
            "setting",
        ),
    ] = knob("", "Has no effect on OSFT, so only empty is accepted.")

    @model_validator(mode="after")
    def _one_kind_of_row(self) -> Self:
        if self.use_processed_dataset and self.is_pretraining:
            raise ValueError(
                "use_processed_dataset and is_pretraining exclude each other: tokens or documents"
            )
        return self

    @model_validator(mode="after")
    def _schedule_gets_its_numbers(self) -> Self:
        refuse_wrong_numbers(self.lr_scheduler, self.lr_scheduler_kwargs)
        return self

    @model_validator(mode="after")
    def _best_needs_validation(self) -> Self:
        if self.save_best_val_loss and not self.validation_frequency:
            raise ValueError("save_best_val_loss needs validation_frequency above 0")
        return self

    @model_validator(mode="after")
    def _something_is_saved(self) -> Self:
        if not (self.save_final_checkpoint or self.checkpoint_at_epoch or self.save_best_val_loss):
            raise ValueError(
                "nothing would be saved: set save_final_checkpoint, checkpoint_at_epoch or "
                "save_best_val_loss"
            )
        return self

    @model_validator(mode="after")
    def _unmask_needs_messages(self) -> Self:
        if self.unmask_messages and (self.use_processed_dataset or self.is_pretraining):
            raise ValueError("unmask_messages needs chats: tokens and documents have no messages")
        return self
