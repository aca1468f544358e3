"""The knobs of the evaluation stage."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from osft_assets.core.recipes.base import Recipe, knob, matching


def _limit(value: int) -> int:
    if value == 0 or value < -1:
        raise ValueError("expected -1 for all, or a number from 1")
    return value


class EvaluationRecipe(Recipe):
    """What the model is asked, and how."""

    tasks: list[str] = knob(
        ["arc_easy"], "lm-eval tasks, such as arc_easy, mmlu or gsm8k.", min_length=1
    )
    batch: Annotated[str, matching(r"auto|[1-9][0-9]*", "auto or a number from 1")] = knob(
        "auto", "Batch size: auto, or a number.", unit="samples"
    )
    limit: Annotated[int, AfterValidator(_limit)] = knob(
        -1, "Samples per task. -1 = all.", unit="samples"
    )
    gen_kwargs: dict[str, Any] = knob({}, "Generation settings, such as temperature.")
    model_args: dict[str, Any] = knob({}, "Arguments of the model's loader, such as dtype.")
    log_samples: bool = knob(True, "Keep every prediction, not only the scores.")
    verbosity: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = knob("INFO", "How much lm-eval logs.")
