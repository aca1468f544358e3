import pytest

from osft_assets.core.errors import ConfigError, TrainingError
from osft_assets.core.training_failures import explained

_TORCHRUN = """
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
resources.osft_entry FAILED
  exitcode  : {code} (pid: 77)
RuntimeError: Training failed. Please check the logs at /w/training_log_node0.log for details.
"""


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (
            "[rank1]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
            "Lower max_tokens_per_gpu",
        ),
        ("OSError: [Errno 28] No space left on device: 'data.jsonl'", "The disk is full"),
        ("  exitcode  : -9 (pid: 77)", "killed \\(signal 9\\)"),
        ("  traceback : Signal 9 (SIGKILL) received by PID 77", "killed \\(signal 9\\)"),
        ("ERROR Training subprocess exited with code -9.", "killed \\(signal 9\\)"),
        (
            "RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory: you tried",
            "memory ran out",
        ),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'torchrun'",
            "torchrun is not on PATH",
        ),
        (
            "RuntimeError: Dataset does not contain any samples containing less than "
            "args.max_seq_len=30 tokens.",
            "Raise max_seq_len",
        ),
        ("Exception: Malformed or missing data, please ensure", "cannot be read as JSON"),
        (
            "ValueError: Tokenizer doesn't currently have a chat template. Need to",
            "instruction-tuned model",
        ),
        ("ValueError: Tokenizer must have an EOS token defined for pretraining", "end-of-text"),
        ("RuntimeError: NCCL error in: /src/x.cpp:77, unhandled system error", "GPUs lost touch"),
        (
            "torch._C._LinAlgError: linalg.svd: The algorithm failed to converge",
            "not finite",
        ),
    ],
)
def test_a_known_cause_is_told_with_its_remedy(printed: str, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        raise explained(f"step 1\n{printed}\n" + _TORCHRUN.format(code=1))


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("ValueError: WANDB_API_KEY is not set. Please set", "Set WANDB_API_KEY"),
        ("mlflow.exceptions.MlflowException: API request to endpoint /api failed", "mlflow_"),
    ],
)
def test_a_setting_that_is_to_blame_is_named(printed: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        raise explained(printed)


def test_an_unknown_cause_is_the_last_exception_and_not_what_torchrun_says_of_it() -> None:
    printed = "KeyError: 'a'\n[rank0]: ValueError: pad_token_id must be positive\n"

    problem = explained(printed + _TORCHRUN.format(code=1))

    assert str(problem) == "The trainer failed: ValueError: pad_token_id must be positive"


def test_colours_do_not_hide_a_cause() -> None:
    assert "disk is full" in str(explained("\x1b[31mOSError: No space left\x1b[0m on device"))


def test_a_trainer_that_says_nothing_has_at_least_failed() -> None:
    assert str(explained("step 1")) == "The trainer failed and did not say why"


def test_a_long_exception_is_cut() -> None:
    assert len(str(explained("ValueError: " + "x" * 10_000))) < 400
