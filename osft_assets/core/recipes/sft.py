"""The knobs of ordinary supervised fine-tuning."""

from typing import Annotated, Literal, Self

from pydantic import model_validator

from osft_assets.core.recipes.addresses import AbsolutePath
from osft_assets.core.recipes.base import knob, only
from osft_assets.core.recipes.training import TrainingRecipe


class SftRecipe(TrainingRecipe):
    """Ordinary supervised fine-tuning, on instructlab-training."""

    backend: Literal["instructlab-training"] = knob(
        "instructlab-training", "The only backend that does SFT."
    )
    max_tokens_per_gpu: int = knob(
        10000, "Tokens of one micro-batch on one GPU: the memory cap.", unit="tokens", ge=1
    )
    checkpoint_at_epoch: bool = knob(True, "Keep a checkpoint of every epoch.")
    save_samples: int = knob(
        0,
        "Also keep a checkpoint whenever the rows seen are a multiple of this. 0 = never.",
        unit="rows",
        ge=0,
    )
    accelerate_full_state_at_epoch: bool = knob(
        False, "Keep the optimizer's state of every epoch too, beside the checkpoint."
    )
    fsdp_sharding_strategy: Literal["FULL_SHARD", "HYBRID_SHARD", "SHARD_GRAD_OP", "NO_SHARD"] = (
        knob("FULL_SHARD", "How weights are spread over GPUs. FULL_SHARD uses the least memory.")
    )
    lr_scheduler: Literal[
        "cosine",
        "linear",
        "cosine_with_restarts",
        "polynomial",
        "constant",
        "constant_with_warmup",
    ] = knob("cosine", "Schedule of the learning rate.")
    tensorboard_log_dir: AbsolutePath = knob(
        "", "Directory for TensorBoard. Empty = no TensorBoard."
    )
    unmask_messages: Annotated[
        bool,
        only(
            False,
            'instructlab-training has no such option. Put "unmask": true on the rows themselves',
        ),
    ] = knob(False, "Has no effect on SFT, so only false is accepted.")
    use_processed_dataset: Annotated[
        bool,
        only(
            False,
            "SFT in Training Hub 0.11 cannot take tokenised rows. Use chats, or algorithm osft",
        ),
    ] = knob(False, "Has no effect on SFT, so only false is accepted.")

    @model_validator(mode="after")
    def _full_state_is_of_an_epoch(self) -> Self:
        if self.accelerate_full_state_at_epoch and not self.checkpoint_at_epoch:
            raise ValueError("accelerate_full_state_at_epoch needs checkpoint_at_epoch")
        return self
