"""What a training run is asked, and what it answers: two JSON files in its directory.

The worker (`resources.training_worker`) reads the one and writes the other last of all. How the
job becomes a call of Training Hub is `core.training_call`; how it goes meanwhile,
`core.training_steps`; how parent and worker speak, `core.worker`.
"""

import math
from typing import Any, Literal

from pydantic import Field

from osft_assets.core.model_records import ModelRecord
from osft_assets.core.records import Record
from osft_assets.core.rows import RowKind

STEPS_FILE = "steps.parquet"
LOG_FILE = "training.log"
# Where the scripts that Training Hub launches find the job.
JOB_VARIABLE = "OSFT_TRAINING_JOB"
# A notebook or a pod template may have set these for another training; torchrun would obey.
OTHER_TRAININGS = frozenset(
    {
        *("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "NODE_RANK"),
        *("MASTER_ADDR", "MASTER_PORT"),
    }
)
# Set or unset by the worker for itself: `pod.env_vars` may not name them.
WORKERS_OWN_VARIABLES = OTHER_TRAININGS | frozenset(
    {
        *("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "PATH"),
        *("HF_DATASETS_CACHE", "HF_DATASETS_DISABLE_PROGRESS_BARS", "TQDM_DISABLE", "TERM"),
        *("NO_COLOR", "COLUMNS", "TOKENIZERS_PARALLELISM", "PYTHONUNBUFFERED"),
        *("CHECKPOINT_TRIGGER_FILENAME", "OSFT_TRAINING_ID", JOB_VARIABLE, "TESTING"),
    }
)


class TrainingJob(Record):
    """Everything the worker needs. `asked`: which settings somebody set on purpose, of those that
    bend to the machine where they are only defaults.
    """

    algorithm: Literal["osft", "sft"]
    directory: str
    rows_directory: str  # for the tokenised rows; removed afterwards
    model: ModelRecord
    train_path: str
    train_rows: int
    holdout_path: str
    holdout_rows: int
    kind: RowKind
    recipe: dict[str, Any]
    gpu: int = 1
    workers: int = 1
    num_procs: str = "auto"
    env_vars: dict[str, str] = Field(default_factory=dict)
    asked: tuple[str, ...] = ()
    in_pod: bool = False  # made for this step: what `pod` asks for is had
    is_spread: bool = False  # over `workers` pods of a TrainJob, each with a worker that reads this
    node: int = 0  # which of them this is the job of (`core.training_node`)
    run_id: str = ""  # Dagster's
    pipeline: str = ""
    fingerprint: str = ""  # of the checkpoint to be
    versions: dict[str, str] = Field(
        default_factory=dict
    )  # the trainers' that the fingerprint says
    pod: dict[str, Any] = Field(default_factory=dict)  # all its settings


class RowAccount(Record):
    """Every row that training was given is in one of these."""

    given: int
    trained: int
    too_short_or_long: int  # under 20 tokens, or max_seq_len and more
    over_gpu_limit: int  # more than max_tokens_per_gpu
    without_loss: int  # nothing in it to learn from


class MatrixLeak(Record):
    """One constrained matrix: how much of its update lies in the frozen subspace, of either side.

    `rank` of the update, and the `free_rank` it may use.
    """

    name: str
    leak_left: float
    leak_right: float
    update: float  # |dW| / |W|
    rank: int
    free_rank: int
    rounding: float  # |cast(W) - W| / |dW|: what the save rounds away, in parts of the update


class Certificate(Record):
    """OSFT's guarantee, measured with the factors that were trained, before the final cast."""

    matrices: tuple[MatrixLeak, ...]
    constrained_parameters: int
    unconstrained_parameters: int  # trained freely
    frozen_parameters: int  # not trained at all, beside the constrained matrices
    dtype: str

    @property
    def worst_leak(self) -> float:
        """The largest share of any update that lies in a frozen subspace; NaN if one is NaN."""
        leaks = [leak for m in self.matrices for leak in (m.leak_left, m.leak_right)]
        return math.nan if any(math.isnan(leak) for leak in leaks) else max(leaks)

    @property
    def lost_updates(self) -> int:
        """How many matrices the save changes more than training did."""
        return sum(matrix.rounding > 1 for matrix in self.matrices)

    @property
    def constrained_share(self) -> float:
        """Constrained parameters, of all parameters."""
        every = self.constrained_parameters + self.unconstrained_parameters + self.frozen_parameters
        return self.constrained_parameters / every


class TrainingOutcome(Record):
    """What came of it. Paths are relative to the job's directory."""

    model: str
    epochs: tuple[str, ...] = ()
    full_states: tuple[str, ...] = ()
    steps: int
    expected_steps: int
    rows: RowAccount
    backend: str
    device: str
    world_size: int
    attention: str
    versions: dict[str, str]
    notes: tuple[str, ...] = ()
    certificate: Certificate | None = None
    validation_loss: float | None = None  # of the model that is kept; None: not measured
    seconds: float = 0.0
    peak_memory_gb: float = 0.0
