"""The model that is evaluated, behind lm-eval's own backends.

What we add: progress with the time left, a count of the prompts that were cut, and, for our own
rows, tokens that are exactly those of the text and likelihoods that are not rounded. lm-eval moves
white space from the end of a prompt into the answer; a chat template ends in a line break, which
would then be scored as if the model had to say it (measured: perplexity 547 instead of 307).
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from osft_assets.core.errors import ConfigError, EvaluationError
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.training_placement import without_gpu
from resources.evaluation_progress import Progress

# Where lm-eval would begin with 64 sequences of the model's whole length and try until memory ends.
_CPU_BATCH = 8
Pairs = Literal["lm-eval", "text", "tokens"]


def load(recipe: EvaluationRecipe, path: str, device: str, progress: Progress) -> Any:
    """The model, on the device. All that is wrong with it is an exception of many kinds."""
    arguments: dict[str, Any] = {
        "pretrained": path,
        "dtype": recipe.dtype,
        "trust_remote_code": recipe.trust_remote_code,
        **recipe.model_args,
        "batch_size": batch_of(recipe, device),
    }
    if recipe.backend == "vllm":
        from lm_eval.models.vllm_causallms import VLLM

        return type("Model", (_Followed, VLLM), {})(progress, **arguments)
    from lm_eval.models.huggingface import HFLM

    return type("Model", (_Transformers, HFLM), {})(progress, device=device, **arguments)


def device_of(recipe: EvaluationRecipe, gpus_needed: int = 0) -> str:
    """Where the model will be: lm-eval falls back to the CPU without a word."""
    import torch

    if recipe.backend == "vllm":
        return "cuda"
    if recipe.device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        if gpus_needed:
            raise without_gpu("evaluation_pod", gpus_needed)
        return "cpu"
    kind, _, number = recipe.device.partition(":")
    there = {
        "cpu": True,
        "mps": torch.backends.mps.is_available(),
        "cuda": torch.cuda.device_count() > int(number or 0),
    }
    if not there[kind]:
        raise ConfigError(
            f"evaluate.device is {recipe.device}, which this machine has not. Set auto or cpu"
        )
    return recipe.device


def batch_of(recipe: EvaluationRecipe, device: str) -> int | str:
    """A number, or auto where lm-eval's search for one ends well."""
    if recipe.batch != "auto":
        return int(recipe.batch)
    return "auto" if device.startswith("cuda") else _CPU_BATCH


def _no_numbers(found: str) -> str:
    return (
        f"{found}: the model computes no numbers. Look at its weights, or set evaluate.dtype: "
        "float32"
    )


_Backend: Any = object


class _Followed(_Backend):  # type: ignore[misc] # what it is mixed into is chosen while running
    """Counts, and takes our rows' pairs as they are."""

    def __init__(self, progress: Progress, **arguments: Any) -> None:
        self.progress = progress
        self.pairs: Pairs = "lm-eval"
        self.cut: Counter[str] = Counter()
        self.task = ""
        super().__init__(**arguments)

    # lm-eval replaces the hook when it begins.
    @property
    def cache_hook(self) -> Any:
        return self.progress

    @cache_hook.setter
    def cache_hook(self, _: Any) -> None:
        return

    def set_cache_hook(self, _: Any) -> None:
        return

    def loglikelihood(self, requests: list[Any], **options: Any) -> Any:
        self.progress.begin(f"{self.task} likelihoods", len(requests))
        return self._numbers(super().loglikelihood(requests, **options))

    def loglikelihood_rolling(self, requests: list[Any], **options: Any) -> Any:
        self.progress.begin(f"{self.task} texts", len(requests))
        return self._numbers(super().loglikelihood_rolling(requests, **options))

    def generate_until(self, requests: list[Any], **options: Any) -> Any:
        self.progress.begin(f"{self.task} answers", len(requests))
        return super().generate_until(requests, **options)

    def _numbers(self, found: list[Any]) -> list[Any]:
        """Multiple choice would take the first NaN for the best; our rows look for themselves."""
        values = (each[0] if isinstance(each, tuple | list) else each for each in found)
        if self.pairs == "lm-eval" and any(math.isnan(value) for value in values):
            raise EvaluationError(_no_numbers(f"{self.task}: a log-likelihood is nan"))
        return found

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        if self.pairs == "tokens":
            return json.loads(context), json.loads(continuation)
        if self.pairs == "text":
            return (
                self.tok_encode(context),
                self.tok_encode(continuation, add_special_tokens=False),
            )
        found: tuple[list[int], list[int]] = super()._encode_pair(context, continuation)
        return found

    def _loglikelihood_tokens(self, requests: list[Any], **options: Any) -> Any:
        # One more than it reads: the last token is only predicted.
        most = self.max_length + 1
        self.cut[self.task] += sum(len(pair[1]) + len(pair[2]) > most for pair in requests)
        return super()._loglikelihood_tokens(requests, **options)

    def tok_batch_encode(self, strings: Any, *more: Any, **options: Any) -> Any:
        most = options.get("left_truncate_len")
        if most:
            lengths = (len(ids) for ids in self.tokenizer(list(strings))["input_ids"])
            self.cut[self.task] += sum(length > most for length in lengths)
        return super().tok_batch_encode(strings, *more, **options)


class _Transformers(_Followed):
    """With a look at what answers are made of, which vLLM does not show."""

    def _model_generate(self, *given: Any, **options: Any) -> Any:
        if self.pairs == "lm-eval":  # of our rows, the likelihoods are looked at
            options["logits_processor"] = [self._checked]
        return super()._model_generate(*given, **options)

    def _checked(self, _: Any, logits: Any) -> Any:
        """The largest of no numbers is the first token: an answer like any other."""
        if not (logits < math.inf).all():
            raise EvaluationError(_no_numbers(f"{self.task}: a logit is nan or infinite"))
        return logits


@contextmanager
def exactly(model: Any, pairs: Pairs) -> Iterator[None]:
    """For our own rows: prompt and answer as they are, and likelihoods in float32: in the bfloat16
    of the model, as lm-eval has them, each is rounded to 3 digits. Public tasks stay as they are.
    """
    import torch

    usual = getattr(model, "softmax_dtype", None)  # vLLM's are float32 anyway
    model.pairs = pairs
    if pairs != "lm-eval":
        model.softmax_dtype = torch.float32
    try:
        yield
    finally:
        model.pairs, model.softmax_dtype = "lm-eval", usual
