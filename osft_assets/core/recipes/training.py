"""The knobs of training, named as Training Hub names them, so that the call is a dump and not a
mapping.

`TrainingRecipe` holds what OSFT and SFT share. A knob that the backend would silently drop is
refused here. How many pods and GPUs is `recipes.pod`; which model to start from is
`BaseModelRecipe`.
"""

from typing import Annotated, Literal, Self

from pydantic import model_validator

from osft_assets.core.recipes.base import EnvironmentName, Recipe, knob, only


class BaseModelRecipe(Recipe):
    """The model to start from."""

    base_model: str = knob(
        "Qwen/Qwen2.5-1.5B-Instruct", "Hugging Face id, or the path of a model directory."
    )
    hf_token: EnvironmentName = knob(
        "HF_TOKEN",
        "Name of the environment variable with the Hugging Face token; read when it is set.",
        secret=True,
    )


class TrainingRecipe(Recipe):
    """What OSFT and SFT have in common."""

    effective_batch_size: int = knob(
        128, "Rows per optimizer step, over all GPUs.", unit="rows", ge=1
    )
    num_epochs: int = knob(1, "Passes over the training rows.", unit="epochs", ge=1)
    learning_rate: float = knob(
        5e-6, "Highest learning rate. 1e-6 to 1e-4 is usual; more forgets more.", ge=0
    )
    warmup_steps: int = knob(0, "Steps until the learning rate is reached.", unit="steps", ge=0)
    max_seq_len: int = knob(8192, "Longer rows are dropped by the trainer.", unit="tokens", ge=1)
    max_tokens_per_gpu: int = knob(
        64000, "Tokens of one micro-batch on one GPU: the memory cap.", unit="tokens", ge=1
    )
    seed: int = knob(42, "Seed of shuffling and initialisation.", ge=0)
    use_liger: bool = knob(False, "Liger kernels: faster and smaller on NVIDIA GPUs.")
    checkpoint_at_epoch: bool = knob(False, "Keep a checkpoint of every epoch.")
    data_output_dir: str = knob(
        "", "Directory for the tokenised rows. Empty = beside the checkpoint."
    )
    is_pretraining: bool = knob(False, "The rows are documents, not chats; needs block_size.")
    block_size: int = knob(0, "Length the documents are cut into. 0 = unset.", unit="tokens", ge=0)
    document_column_name: str = knob(
        "document", "Field that holds a document's text.", min_length=1
    )

    @model_validator(mode="after")
    def _pretraining_has_a_block_size(self) -> Self:
        if self.is_pretraining != (self.block_size > 0):
            raise ValueError("is_pretraining and block_size go together: set both, or neither")
        return self


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
    lr_scheduler: str = knob(
        "cosine", "Schedule of the learning rate: cosine, linear, constant, ...", min_length=1
    )
    lr_scheduler_kwargs: dict[str, float] = knob({}, "Further arguments of the schedule.")
    use_processed_dataset: bool = knob(
        False, "The rows are tokenised already: input_ids and labels."
    )
    unmask_messages: bool = knob(
        False, "Learn from every message but the system's, not only from the assistant's."
    )
    save_final_checkpoint: bool = knob(True, "Keep the checkpoint after the last epoch.")
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
        0, "Also keep a checkpoint every so many rows. 0 = never.", unit="rows", ge=0
    )
    accelerate_full_state_at_epoch: bool = knob(
        False, "Keep the optimizer's state too, to resume from an epoch."
    )
    fsdp_sharding_strategy: Literal["FULL_SHARD", "HYBRID_SHARD", "SHARD_GRAD_OP", "NO_SHARD"] = (
        knob("FULL_SHARD", "How weights are spread over GPUs. FULL_SHARD uses the least memory.")
    )
    lr_scheduler: Literal["cosine"] = knob(
        "cosine", "instructlab-training 0.16 knows no other and ignores the rest."
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
