"""The knobs of training, named as Training Hub names them, so that the call is a dump and not a
mapping. What OSFT and SFT share is here; their own are in `recipes.osft` and `recipes.sft`.

A knob that the backend would silently drop is refused here, or made to work by our own entry
script. How many pods and GPUs is `recipes.pod`; which model to start from, `recipes.base_model`.
"""

from typing import Self

from pydantic import model_validator

from osft_assets.core.recipes.addresses import AbsolutePath, TrackerAddress
from osft_assets.core.recipes.base import Recipe, knob
from osft_assets.core.recipes.trackers import TRACKER_SETTINGS, TRACKERS
from osft_assets.core.rows import RowKind


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
    max_seq_len: int = knob(
        8192,
        "Rows of this length and more are dropped by the trainer, as are those under 20 tokens.",
        unit="tokens",
        ge=21,
    )
    max_tokens_per_gpu: int = knob(
        64000, "Tokens of one micro-batch on one GPU: the memory cap.", unit="tokens", ge=1
    )
    seed: int = knob(42, "Seed of shuffling and initialisation.", ge=0, lt=2**32)
    freeze_unconstrained: bool = knob(
        False,
        "Train nothing but the weight matrices that OSFT constrains. With OSFT that is strict "
        "OSFT: mini-trainer lets embeddings, lm_head, norms and biases change freely, and they can "
        "forget everything by themselves.",
    )
    use_liger: bool = knob(False, "Liger kernels: faster and smaller on NVIDIA GPUs.")
    beta1: float = knob(0.9, "AdamW: decay of the mean of the gradients.", ge=0, lt=1)
    beta2: float = knob(0.95, "AdamW: decay of the mean of their squares.", ge=0, lt=1)
    eps: float = knob(1e-8, "AdamW: keeps the division finite.", gt=0)
    weight_decay: float = knob(0.0, "AdamW: shrinks what is trained a little each step.", ge=0)
    checkpoint_at_epoch: bool = knob(False, "Keep a checkpoint of every epoch.")
    validation_frequency: int = knob(
        0,
        "Measure the loss on the holdout every so many steps while training. 0 = never.",
        unit="steps",
        ge=0,
    )
    data_output_dir: AbsolutePath = knob(
        "", "Directory for the tokenised rows, such as /dev/shm/rows. Empty = beside the run."
    )
    is_pretraining: bool = knob(False, "The rows are documents, not chats; needs block_size.")
    block_size: int = knob(0, "Length the documents are cut into. 0 = unset.", unit="tokens", ge=0)
    document_column_name: str = knob(
        "document", "Field that holds a document's text.", min_length=1
    )
    stall_timeout_minutes: float = knob(
        30.0, "Stop a training that says nothing for so long. 0 = never.", unit="minutes", ge=0
    )
    timeout_minutes: float = knob(
        0.0, "Stop a training that takes longer. 0 = never.", unit="minutes", ge=0
    )
    divergence_factor: float = knob(
        10.0,
        "Stop a training whose loss grows to so many times the first, or 1 if that was lower. "
        "0 = never.",
        unit="times",
        ge=0,
    )
    keep_checkpoints: int = knob(
        3,
        "Checkpoints kept per pipeline; older ones that nothing uses are deleted. 0 = all.",
        unit="checkpoints",
        ge=0,
    )
    mlflow_tracking_uri: TrackerAddress = knob(
        "", "Address of an MLflow server to log to. Empty = none.", secret=True
    )
    mlflow_experiment_name: str = knob("", "Experiment in MLflow.")
    mlflow_run_name: str = knob("", "Name of the run in MLflow.")
    wandb_project: str = knob("", "Weights & Biases project to log to. Empty = none.")
    wandb_entity: str = knob("", "Weights & Biases team or user.")
    wandb_run_name: str = knob("", "Name of the run in Weights & Biases.")

    @property
    def row_kind(self) -> RowKind:
        """What training will be able to read."""
        if getattr(self, "use_processed_dataset", False):
            return "tokens"
        return "documents" if self.is_pretraining else "messages"

    @model_validator(mode="after")
    def _document_column_needs_documents(self) -> Self:
        if self.document_column_name != "document" and not self.is_pretraining:
            raise ValueError("document_column_name has no effect without is_pretraining")
        return self

    @model_validator(mode="after")
    def _constant_has_no_course(self) -> Self:
        if getattr(self, "lr_scheduler", "") == "constant" and self.warmup_steps:
            raise ValueError(
                "lr_scheduler constant ignores warmup_steps. Take constant_with_warmup"
            )
        return self

    @model_validator(mode="after")
    def _divergence_is_growth(self) -> Self:
        if 0 < self.divergence_factor <= 1:
            raise ValueError("divergence_factor stops every run at 1 or less. 0 turns it off")
        return self

    @model_validator(mode="after")
    def _pretraining_has_a_block_size(self) -> Self:
        if self.is_pretraining != (self.block_size > 0):
            raise ValueError("is_pretraining and block_size go together: set both, or neither")
        return self

    @model_validator(mode="after")
    def _tracking_has_a_place(self) -> Self:
        for tracker in TRACKERS:
            lost = [name for name in tracker.others if getattr(self, name)]
            if lost and not getattr(self, tracker.place):
                raise ValueError(f"{lost[0]} has no effect without {tracker.place}. Set it too")
        return self


# What decides neither what is learnt nor what is kept of it: a change makes no new checkpoint.
NOT_IDENTITY = frozenset(
    {
        *("data_output_dir", "stall_timeout_minutes", "timeout_minutes", "divergence_factor"),
        *("keep_checkpoints", *TRACKER_SETTINGS),
    }
)
