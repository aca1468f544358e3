"""The difference between two models that answered the same documents, with its interval.

A metric is a ratio: the sum of the totals over the sum of the weights. The standard error of a
difference of two comes from what every cluster of documents adds to it (linearisation, as in
surveys): nothing is drawn at random, and a bootstrap of the pairs agrees. Right or wrong answers
are counted instead, in `core.right_or_wrong`. What a difference means is `core.gate`.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from osft_assets.core.errors import EvaluationError
from osft_assets.core.forgetting import Difference
from osft_assets.core.right_or_wrong import Answers
from osft_assets.core.scores import Measured, Score
from osft_assets.core.students_t import width_of_interval


class _Ratio(NamedTuple):
    """A metric, and what every document adds to its error: these sum to 0."""

    value: float
    residuals: list[float]


def value_of(documents: Sequence[Measured]) -> float:
    """The metric that the documents add up to."""
    return _ratio(documents).value


def stderr_of(documents: Sequence[Measured]) -> float | None:
    """The standard error of that metric; None from a single cluster, such as one conversation."""
    return _stderr(_ratio(documents).residuals, [document.cluster for document in documents])


def paired(
    base: Sequence[Measured],
    tuned: Sequence[Measured],
    *,
    higher_is_better: bool,
    confidence: float,
) -> Difference:
    """Of two models on the same documents; EvaluationError when these are not the same."""
    base, tuned = _matched(base, tuned)
    before, after = _ratio(base), _ratio(tuned)
    sign = 1 if higher_is_better else -1
    value = sign * (after.value - before.value)
    residuals = [sign * (b - a) for a, b in zip(before.residuals, after.residuals, strict=True)]
    clusters = [document.cluster for document in base]
    groups, is_answers = len(set(clusters)), _are_answers([*base, *tuned])
    counts = is_answers and groups == len(base) and all(document.weight == 1 for document in base)
    answers = _answers(base, tuned, sign) if counts else None
    if answers:
        value, (low, high) = answers.value, answers.interval(confidence)
    else:
        stderr = _least(_stderr(residuals, clusters), groups, is_answers)
        low, high = _around(value, stderr, width_of_interval(confidence, groups - 1))
    return Difference(
        base=before.value,
        tuned=after.value,
        base_stderr=_stderr(before.residuals, clusters),
        tuned_stderr=_stderr(after.residuals, clusters),
        value=value,
        low=low,
        high=high,
        documents=len(base),
        effect_size=_effect_size(value, residuals),
        p_value=answers.p_value() if answers else None,
        method="paired right/wrong" if answers else "paired",
    )


def unpaired(base: Score, tuned: Score, *, higher_is_better: bool, confidence: float) -> Difference:
    """Of two scores without documents, such as corpus BLEU: wider, as if nothing were shared.

    Without both standard errors nothing is known, and the interval is infinite.
    """
    _refuse_no_numbers(base)
    _refuse_no_numbers(tuned)
    sign = 1 if higher_is_better else -1
    value, stderr = sign * (tuned.value - base.value), None
    if base.stderr is not None and tuned.stderr is not None:
        stderr = math.hypot(base.stderr, tuned.stderr)
    low, high = _around(value, stderr, NormalDist().inv_cdf((1 + confidence) / 2))
    return Difference(
        base=base.value,
        tuned=tuned.value,
        base_stderr=base.stderr,
        tuned_stderr=tuned.stderr,
        value=value,
        low=low,
        high=high,
        documents=min(base.n, tuned.n),
        effect_size=None,
        p_value=None,
        method="unpaired",
    )


def _matched(
    base: Sequence[Measured], tuned: Sequence[Measured]
) -> tuple[list[Measured], list[Measured]]:
    ours, theirs = _by_name(base), _by_name(tuned)
    different = sorted(ours.keys() ^ theirs.keys())
    if different or not ours:
        raise EvaluationError(
            f"the two models were not asked the same: {len(ours):,} and {len(theirs):,} documents, "
            f"{len(different):,} of only one model (such as {', '.join(different[:3]) or 'none'}). "
            "Materialize base_scores and scores again"
        )
    return list(ours.values()), [theirs[name] for name in ours]


def _by_name(documents: Sequence[Measured]) -> dict[str, Measured]:
    named = {document.document: document for document in documents}
    if len(named) < len(documents):
        raise EvaluationError(
            f"{len(documents) - len(named):,} of {len(documents):,} documents are there twice: "
            "expected one line each. Materialize the scores again"
        )
    return named


def _ratio(documents: Sequence[Measured]) -> _Ratio:
    for document in documents:
        if not (math.isfinite(document.total) and 0 <= document.weight < math.inf):
            raise EvaluationError(
                f"document {document.document} scored {document.total} of {document.weight}: "
                "expected finite numbers. Look at its answer in lm_eval.json"
            )
    weight = math.fsum(document.weight for document in documents)
    if not weight:
        raise EvaluationError(
            f"{len(documents):,} documents weigh nothing: expected one with something to score"
        )
    value = math.fsum(document.total for document in documents) / weight
    return _Ratio(value, [(each.total - value * each.weight) / weight for each in documents])


def _around(value: float, stderr: float | None, width: float) -> tuple[float, float]:
    half = math.inf if stderr is None else width * stderr
    return value - half, value + half


def _least(stderr: float | None, clusters: int, is_answers: bool) -> float | None:
    """Conversations without one changed answer show no spread, which says little when they are few:
    never less than Agresti and Min's error of as many questions that are answered alike.
    """
    return stderr if stderr is None or not is_answers else max(stderr, 1 / (clusters + 2))


def _stderr(residuals: list[float], clusters: list[str]) -> float | None:
    """None from a single cluster."""
    parts = defaultdict(list)
    for residual, cluster in zip(residuals, clusters, strict=True):
        parts[cluster].append(residual)
    if len(parts) < 2:
        return None
    squares = math.fsum(math.fsum(part) ** 2 for part in parts.values())
    return math.sqrt(len(parts) / (len(parts) - 1) * squares)


def _effect_size(value: float, residuals: list[float]) -> float | None:
    """None where every document changed alike, or there is only one."""
    count = len(residuals)
    squares = math.fsum(residual**2 for residual in residuals)
    deviation = count * math.sqrt(squares / max(1, count - 1))
    # Rounding leaves 1e-16 of the value where there is no spread.
    return value / deviation if deviation > 1e-12 * abs(value) else None


def _are_answers(documents: Sequence[Measured]) -> bool:
    """Right or wrong, each of any weight."""
    return all(document.total in (0, document.weight) for document in documents)


def _answers(base: list[Measured], tuned: list[Measured], sign: int) -> Answers:
    changes = [sign * (b.total - a.total) for a, b in zip(base, tuned, strict=True)]
    gained, lost = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
    return Answers(gained, lost, len(changes))


def _refuse_no_numbers(score: Score) -> None:
    stderr = 0.0 if score.stderr is None else score.stderr
    if not (math.isfinite(score.value) and 0 <= stderr < math.inf):
        raise EvaluationError(
            f"{score.task}: {score.key} is {score.value} with a standard error of {score.stderr}: "
            "expected finite numbers. Look at the answers in lm_eval.json"
        )
