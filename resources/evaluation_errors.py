"""What lm-eval, datasets and transformers raise, said with a remedy."""

from osft_assets.core.errors import ConfigError, EvaluationError, OsftError
from resources.client_errors import may_pass

_FIRST = 300
# What is in the message or its causes -> our sentence, and whether a setting is to blame.
_KNOWN: tuple[tuple[tuple[str, ...], str, type[OsftError]], ...] = (
    (
        ("OfflineModeIsEnabled", "Couldn't reach", "couldn't connect", "MaxRetryError")
        + ("Name or service not known", "Temporary failure in name resolution"),
        "its data or code is on the Hub, which cannot be reached from here. Connect, or choose "
        "tasks that need no network: mmlu_dev, your own YAML, skills, the holdout",
        EvaluationError,
    ),
    (
        ("GatedRepoError", "gated dataset", "401 Client Error"),
        "its data set wants a token that may read it: set HF_TOKEN in the environment",
        EvaluationError,
    ),
    (
        ("is marked as unsafe", "HF_ALLOW_CODE_EVAL"),
        "it runs code that the model writes. Set evaluate.trust_remote_code: true where that may "
        "happen",
        ConfigError,
    ),
    (
        ("got an unexpected keyword argument",),
        "the model's loader knows no such argument. Look at evaluate.model_args",
        ConfigError,
    ),
    (
        ("model_kwargs` are not used by the model",),
        "generation knows no such setting. Look at evaluate.gen_kwargs",
        ConfigError,
    ),
    (
        ("must be less than model's maximum sequence length",),
        "the longest answer would fill all that the model can read. Lower max_gen_toks, in "
        "evaluate.gen_kwargs for benchmarks, in evaluate itself for the holdout",
        ConfigError,
    ),
    (
        ("out of memory", "OutOfMemoryError"),
        "the model and a batch do not fit the device's memory. Lower evaluate.batch",
        EvaluationError,
    ),
    (
        ("chat_template is not set", "no chat template"),
        "the model has no chat template. Set evaluate.apply_chat_template: false, or give the "
        "model one",
        ConfigError,
    ),
    (
        ("trust_remote_code",),
        "the model brings code of its own. Set evaluate.trust_remote_code: true if you trust it",
        ConfigError,
    ),
    (
        ("No module named 'vllm'", "vllm package not found", "install vllm"),
        "vllm is not installed in the interpreter that evaluate.vllm_python names",
        ConfigError,
    ),
    (
        ("must have valid or test docs",),
        "it has no questions: neither test_split nor validation_split. Look at its definition",
        ConfigError,
    ),
    (
        ("did not find any docs",),
        "it has no questions. Look at its data, or raise evaluate.limit",
        ConfigError,
    ),
)


def explained(problem: BaseException, what: str) -> OsftError:
    """Our error, that begins with what could not be done."""
    if isinstance(problem, OsftError):
        return problem
    said = _said(problem)
    for marks, sentence, kind in _KNOWN:
        if any(mark in said for mark in marks):
            said = f"{what}: {sentence}. It said: {_short(problem)}"
            return kind(said, transient=kind is EvaluationError and may_pass(problem))
    return EvaluationError(f"{what}: {_short(problem)}", transient=may_pass(problem))


def _said(problem: BaseException) -> str:
    """The message and those it came from."""
    found: list[str] = []
    cause: BaseException | None = problem
    while cause is not None and len(found) < 10:
        found.append(f"{type(cause).__name__}: {cause}")
        cause = cause.__cause__ or cause.__context__
    return "\n".join(found)


def _short(problem: BaseException) -> str:
    text = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {text[:_FIRST]}{'...' if len(text) > _FIRST else ''}"
