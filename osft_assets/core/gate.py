"""Judges one task: was it kept, lost or improved, or can nothing be told?

The arithmetic is `core.comparison`, the metric `core.deciding_metric`; what the verdicts of all
tasks mean for the model is `core.gate_claims`. In plain words, with error rates: docs/gate.md.
"""

import math
from collections.abc import Sequence

from osft_assets.core.comparison import paired, unpaired, value_of
from osft_assets.core.deciding_metric import LOSSES, deciding_metric
from osft_assets.core.errors import EvaluationError
from osft_assets.core.forgetting import Difference, TaskComparison, VerdictWord
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.scores import Measured, Score, TaskScores

LEAST_TOLERANCE, MOST_TOLERANCE = 0.01, 0.05  # without a setting, of scores from 0 to 1
LOSS_TOLERANCE = 0.05  # without a setting, as a share of the base's value
_RELATIVE = frozenset({*LOSSES, "token_perplexity"})
_UP_TO_100 = frozenset({"bleu", "chrf", "ter"})
_MEANINGS: dict[VerdictWord, str] = {
    "improved": "it got better",
    "kept": "it is no worse than the tolerance",
    "lost": "it got worse by more than the tolerance",
    "cannot tell": "it may have got worse by more than the tolerance, or not",
}

Documents = tuple[Sequence[Measured], Sequence[Measured]]  # of the base, of the tuned model


def judge_task(
    base: TaskScores, tuned: TaskScores, documents: Documents, policy: GateRecipe
) -> TaskComparison:
    """Judge by the deciding metric; `documents` are what each model's added to it, if any."""
    before = deciding_metric(base, policy)
    after = next((score for score in tuned.overall() if score.key == before.key), None)
    if after is None:
        raise EvaluationError(
            f"{base.name}: the tuned model has no {before.key}, by which the base is judged. "
            "Materialize scores again"
        )
    difference = _difference(before, after, documents, policy.confidence)
    tolerance = tolerance_of(before, difference, policy)
    verdict = verdict_of(difference, tolerance, policy.min_documents)
    return TaskComparison(
        task=base.name,
        kind=base.kind,
        metric=before.key,
        higher_is_better=before.higher_is_better is True,
        difference=difference,
        tolerance=tolerance,
        verdict=verdict,
        reason=_reason(before.key, difference, tolerance, verdict, policy),
        chance=before.chance,
        caveat=base.caveat,
    )


def verdict_of(difference: Difference, tolerance: float, min_documents: int) -> VerdictWord:
    """What a difference means, given how much worse is still kept."""
    if difference.documents < min_documents:
        return "cannot tell"
    if difference.low > 0:
        return "improved"
    if difference.value < -tolerance and difference.high < 0:
        return "lost"
    return "kept" if difference.low >= -tolerance else "cannot tell"


def tolerance_of(base: Score, difference: Difference, policy: GateRecipe) -> float:
    """How much worse the task may get, in units of its metric."""
    given = policy.tolerance
    if isinstance(given, dict):
        given = given.get(base.task)
    size = abs(difference.base)
    if given is not None:
        return given * size if base.metric in _RELATIVE else given
    if not _is_share(base, difference):
        return LOSS_TOLERANCE * size
    noise = 2 * _stderr(difference)
    return min(max(noise, LEAST_TOLERANCE), MOST_TOLERANCE)


def _is_share(base: Score, difference: Difference) -> bool:
    """Of a metric from 0 to 1, such as a share of right answers."""
    values = (difference.base, difference.tuned)
    in_range = all(0 <= value <= 1 for value in values)
    return in_range and base.higher_is_better is True and base.metric not in _UP_TO_100


def _stderr(difference: Difference) -> float:
    """Of the base. A score of 1.00 has none, but the next question may be the first wrong one: two
    right and two wrong answers are added (Agresti and Coull), as many as 95 % asks for.
    """
    if difference.base_stderr:
        return difference.base_stderr
    if difference.base_stderr is None:
        return MOST_TOLERANCE
    questions = difference.documents + 4
    return math.sqrt(2 * (questions - 2) / questions**3)


def _difference(base: Score, tuned: Score, documents: Documents, confidence: float) -> Difference:
    more = base.higher_is_better is True
    if all(documents) and all(map(_adds_up, documents, (base, tuned))):
        return paired(*documents, higher_is_better=more, confidence=confidence)
    return unpaired(base, tuned, higher_is_better=more, confidence=confidence)


def _adds_up(documents: Sequence[Measured], score: Score) -> bool:
    """Not where documents were left out, or the score is no mean of them."""
    return math.isclose(value_of(documents), score.value, rel_tol=1e-5, abs_tol=1e-5)


def _reason(
    key: str, difference: Difference, tolerance: float, verdict: VerdictWord, policy: GateRecipe
) -> str:
    meaning = _MEANINGS[verdict]
    if difference.documents < policy.min_documents:
        meaning = f"fewer than {policy.min_documents} documents say nothing"
    if math.isinf(difference.low):
        meaning = "its standard error is not known"
    interval = f"{difference.low:+.4g} to {difference.high:+.4g}"
    return (
        f"{key} was {difference.base:.4g} and is {difference.tuned:.4g} on "
        f"{difference.documents:,} documents, {difference.method}. Turned so that more is better: "
        f"{difference.value:+.4g} ({interval} with {100 * policy.confidence:.4g} % confidence), "
        f"tolerance {tolerance:.4g}: {meaning}."
    )
