"""The knobs of the evaluation stage: what the model is asked, and how.

What may be lost and must be gained is `recipes.gate`; how the knobs reach lm-eval,
`resources.evaluation_worker`. A key that belongs to another place is refused, never dropped.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from osft_assets.core.recipes.addresses import AbsolutePath
from osft_assets.core.recipes.base import Recipe, knob, matching

# What vLLM's loader takes and transformers' does not.
_ONLY_VLLM = frozenset(
    {
        *("gpu_memory_utilization", "max_model_len", "tensor_parallel_size", "data_parallel_size"),
        *("swap_space", "enforce_eager", "max_num_seqs", "max_num_batched_tokens"),
        *("kv_cache_dtype", "quantization", "enable_prefix_caching", "tokenizer_mode"),
        "distributed_executor_backend",
    }
)
# Settings of their own, or none of the user's business.
_SAID_ELSEWHERE = {
    "pretrained": "base_model and checkpoint are what is evaluated",
    "dtype": "set evaluate.dtype",
    "device": "set evaluate.device",
    "batch_size": "set evaluate.batch",
    "trust_remote_code": "set evaluate.trust_remote_code",
    "use_cache": "scores are cached by what decides them",
    "peft": "evaluate a merged model",
    "delta": "evaluate a merged model",
}


_Seed = Annotated[int, Field(ge=0)]


def _limit(value: int) -> int:
    if value == 0 or value < -1:
        raise ValueError("expected -1 for all, or a number from 1")
    return value


def _own_arguments(value: dict[str, Any]) -> dict[str, Any]:
    for name in sorted(value.keys() & _SAID_ELSEWHERE.keys()):
        raise ValueError(f"{name} does not belong here: {_SAID_ELSEWHERE[name]}")
    return value


def _one_length(value: dict[str, Any]) -> dict[str, Any]:
    """`max_tokens`, as serving APIs say, would lose against a task's own max_gen_toks."""
    lengths = sorted(value.keys() & {"max_tokens", "max_new_tokens", "max_gen_toks"})
    if len(lengths) > 1:
        raise ValueError(f"{' and '.join(lengths)} say the same: give one of them")
    return value


def _seeds(value: int | list[int]) -> int | list[int]:
    if isinstance(value, list) and len(value) != 4:
        raise ValueError("expected one number, or four: for python, numpy, torch and the few shots")
    return value


def _skill_names(value: dict[str, str]) -> dict[str, str]:
    for name in value:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            raise ValueError("expected names of letters, digits, _ . and -")
    return value


class EvaluationRecipe(Recipe):
    """What the model is asked, and how."""

    tasks: list[str | dict[str, Any]] = knob(
        ["arc_easy"],
        "lm-eval tasks or groups by name, such as arc_easy, mmlu or gsm8k; paths of YAML files; "
        "inline tasks. mmlu_dev needs no network.",
    )
    holdout: bool = knob(
        True, "Also the rows kept from training, of this pipeline and of those it started from."
    )
    skills: Annotated[dict[str, str], AfterValidator(_skill_names)] = knob(
        {}, "Name -> address of rows the model should still know; scored as the holdout is."
    )
    batch: Annotated[str, matching(r"auto|[1-9][0-9]*", "auto or a number from 1")] = knob(
        "auto", "Batch size: a number, or auto: as fits on a GPU, 8 on a CPU.", unit="samples"
    )
    limit: Annotated[int, AfterValidator(_limit)] = knob(
        -1, "Samples per task. -1 = all.", unit="samples"
    )
    gen_kwargs: Annotated[dict[str, Any], AfterValidator(_one_length)] = knob(
        {}, "Generation settings, such as temperature or max_gen_toks; they overrule the tasks'."
    )
    model_args: Annotated[dict[str, Any], AfterValidator(_own_arguments)] = knob(
        {}, "Further arguments of the model's loader, such as max_length or parallelize."
    )
    log_samples: bool = knob(True, "Keep every prompt and answer, not only what they scored.")
    verbosity: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = knob("INFO", "How much lm-eval logs.")
    backend: Literal["hf", "vllm"] = knob(
        "hf", "hf: transformers, on CPU and GPU. vllm: faster, needs a GPU and vllm_python."
    )
    vllm_python: AbsolutePath = knob(
        "", "Interpreter with vllm and lm-eval: vLLM needs another torch than training does."
    )
    apply_chat_template: bool = knob(
        False, "Ask benchmarks through the model's chat template too; the holdout always is."
    )
    system_instruction: str = knob("", "System message of every prompt.")
    num_fewshot: int | None = knob(
        None, "Solved examples in each prompt. Without it: as the task says.", ge=0
    )
    fewshot_as_multiturn: bool = knob(
        True, "With a chat template: the examples as turns, not as one text."
    )
    max_gen_toks: int = knob(256, "Longest answer on the holdout.", unit="tokens", ge=1)
    seed: Annotated[_Seed | list[_Seed], AfterValidator(_seeds)] = knob(
        [0, 1234, 1234, 1234], "Of python, numpy, torch and the few shots; one number sets all."
    )
    device: Annotated[
        str, matching(r"auto|cpu|mps|cuda(:[0-9]+)?", "auto, cpu, mps, cuda or cuda:0")
    ] = knob("auto", "Where the model runs. auto: the first GPU, else the CPU.")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = knob(
        "auto", "Precision of the weights. auto: as they were saved."
    )
    trust_remote_code: bool = knob(False, "Run code that comes with a model or a task.")
    stall_timeout_minutes: float = knob(
        30.0, "Stop an evaluation that says nothing for so long. 0 = never.", unit="minutes", ge=0
    )
    timeout_minutes: float = knob(
        0.0, "Stop an evaluation that takes longer. 0 = never.", unit="minutes", ge=0
    )

    @model_validator(mode="after")
    def _something_is_asked(self) -> Self:
        if not self.tasks and not self.holdout and not self.skills:
            raise ValueError("nothing to evaluate: give tasks or skills, or set holdout: true")
        return self

    @model_validator(mode="after")
    def _one_backend(self) -> Self:
        foreign = sorted(self.model_args.keys() & _ONLY_VLLM)
        if self.backend == "hf" and foreign:
            raise ValueError(
                f"model_args: {', '.join(foreign)} only vllm knows, and backend is hf. Remove "
                f"{'it' if len(foreign) == 1 else 'them'}, or set backend: vllm and vllm_python"
            )
        if self.backend == "vllm" and not self.vllm_python:
            raise ValueError(
                "backend vllm runs in an interpreter of its own, since it needs another torch than "
                "training: set vllm_python, such as /opt/vllm/bin/python"
            )
        if self.backend == "hf" and self.vllm_python:
            raise ValueError("vllm_python has no effect with backend hf: set backend: vllm")
        return self

    def identity(self) -> dict[str, Any]:
        """The settings that decide what a task scores; which tasks are asked does not."""
        return self.model_dump(exclude=_NOT_IDENTITY)


# Which tasks, where and how fast they run, and what is kept of it.
_NOT_IDENTITY = {
    *("tasks", "holdout", "skills", "batch", "log_samples", "verbosity", "vllm_python"),
    *("stall_timeout_minutes", "timeout_minutes"),
}
