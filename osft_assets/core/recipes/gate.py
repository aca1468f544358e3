"""The knobs of the gate: what a new model may lose, and must gain, to go on."""

from typing import Annotated, Literal

from pydantic import Field

from osft_assets.core.recipes.base import Recipe, knob

_Tolerance = Annotated[float, Field(ge=0)]
_Policy = Literal["block", "warn"]


class GateRecipe(Recipe):
    """When a model is good enough. What each setting does to the error rates: docs/gate.md."""

    tolerance: _Tolerance | dict[str, _Tolerance] | None = knob(
        None,
        "How much worse a task may get, in units of its metric (of bits_per_byte: as a share of "
        "it). One number, or one per task. Without it: twice the standard error of the base's "
        "score, from 0.01 to 0.05; of bits_per_byte 0.05.",
    )
    required: list[str] = knob([], "Tasks that block when nothing can be told about them.")
    when_lost: _Policy = knob("block", "What an old skill does that is lost.")
    when_not_learned: _Policy = knob("block", "What a new skill does that is not learned.")
    min_gain: float = knob(
        0.0, "How much better the holdout must get, in units of its metric.", ge=0
    )
    min_documents: int = knob(
        20, "Fewer say nothing, whatever they answer.", unit="documents", ge=2
    )
    confidence: float = knob(0.95, "Of the intervals around every difference.", gt=0.5, lt=1)
    champion: bool = knob(
        True,
        "Compare with the champion too, if the model has one. It decides nothing, and asks the "
        "champion what it was not asked before.",
    )
    metrics: dict[str, str] = knob(
        {}, "Task -> the metric that decides, such as arc_easy: acc. Without it: docs/gate.md."
    )
