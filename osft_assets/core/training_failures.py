"""What went wrong in a trainer, from what it printed: a table of known causes and their remedies.

The trainers tell their caller no more than "training failed, see the log". What a finished training
must look like is `resources.training_verification`.
"""

import re
from dataclasses import dataclass

from osft_assets.core.errors import ConfigError, OsftError, TrainingError

_LONGEST_QUOTE = 300


@dataclass(frozen=True)
class _Cause:
    pattern: str
    message: str  # {0} is what the pattern's group found
    kind: type[OsftError] = TrainingError


# The first that is found counts: what leads to others comes before them.
_CAUSES = (
    _Cause(
        r"CUDA out of memory|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED",
        "The GPU's memory ran out. Lower max_tokens_per_gpu, use more or larger GPUs, or a smaller "
        "model",
    ),
    _Cause(
        r"No space left on device|Disk quota exceeded",
        "The disk is full. Make room in the workspace, keep fewer checkpoints "
        "(checkpoint_at_epoch, keep_checkpoints), or set data_output_dir to another disk",
    ),
    _Cause(
        r"DataLoader worker .*bus error|insufficient shared memory",
        "The shared memory /dev/shm is full. Give the container more of it, or set data_output_dir "
        "to another disk",
    ),
    _Cause(
        r"Signal 9 \(SIGKILL\)|exitcode *: -9\b|exited with code -9\b|MemoryError|"
        r"DefaultCPUAllocator: (?:can't|not enough)",
        "A training process was killed (signal 9) or got no memory: most likely the machine's "
        "memory ran out. Give it more memory, or lower max_tokens_per_gpu",
    ),
    _Cause(
        r"No such file or directory: '(torchrun)'",
        "{0} is not on PATH. Install osft-assets[train] in the environment that runs this",
    ),
    _Cause(
        r"does not contain any samples containing less than|get_lengths\(\)|"
        r"Column 'len' not|Dataset must contain 'input_ids' field|num_samples=0|"
        r"EmptyDatasetError|ZeroDivisionError|Couldn't find any data file|"
        r"validation batch was empty",
        "No row is left to train on: all are under 20 tokens, or of max_seq_len tokens and more. "
        "Raise max_seq_len, or give other rows",
    ),
    _Cause(
        r"Malformed or missing data",
        "The rows cannot be read as JSON lines. Prepare the dataset again",
    ),
    _Cause(
        r"WANDB_API_KEY is not set|wandb: ERROR|No API key configured",
        "Weights & Biases refuses the log-in. Set WANDB_API_KEY, or remove wandb_project",
        ConfigError,
    ),
    _Cause(
        r"API request to endpoint \S+ failed|MlflowException",
        "The MLflow server does not answer as expected. Check mlflow_tracking_uri, or remove it",
        ConfigError,
    ),
    _Cause(
        r"Tokenizer must have an EOS token",
        "The base model's tokenizer has no end-of-text token, which pretraining needs. Take "
        "another base model",
    ),
    _Cause(
        r"doesn't currently have a chat template",
        "The base model's tokenizer has no chat template, so chats cannot be laid out. Take an "
        "instruction-tuned model, or train on documents (is_pretraining)",
    ),
    _Cause(
        r"NCCL (?:error|timeout)|Watchdog caught collective operation timeout",
        "The GPUs lost touch with each other (NCCL). Look at the log above it for a process that "
        "failed first, or train on fewer GPUs",
    ),
    _Cause(
        r"linalg\.svd: .*(?:failed to converge|did not converge)",
        "The weights could not be decomposed (SVD does not converge): the base model holds numbers "
        "that are not finite. Take another base model",
    ),
)
# An exception as Python prints it last: `torch.AcceleratorError: ...`, maybe behind "[rank0]: ".
_EXCEPTION = re.compile(
    r"^(?:\[rank\d+\]: ?)?((?:\w+\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit)): ?(.*)$",
    re.MULTILINE,
)
# What torchrun and the launchers say about any failure at all.
_SAYS_NOTHING = ("ChildFailedError", "Training failed", "Suffered a failure")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def explained(output: str) -> OsftError:
    """The error for a trainer that failed, from all that it printed."""
    plain = _COLOURS.sub("", output)
    for cause in _CAUSES:
        if found := re.search(cause.pattern, plain):
            return cause.kind(cause.message.format(*(found.groups() or ("",))))
    exceptions = [
        f"{name}: {text}" if text else name
        for name, text in _EXCEPTION.findall(plain)
        if not any(phrase in f"{name}: {text}" for phrase in _SAYS_NOTHING)
    ]
    if exceptions:
        return TrainingError(f"The trainer failed: {exceptions[-1][:_LONGEST_QUOTE]}")
    return TrainingError("The trainer failed and did not say why")
