"""Which of the scores of a task decides whether it was kept. The judgement is `core.gate`."""

from collections.abc import Sequence

from osft_assets.core.errors import ConfigError, EvaluationError
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.scores import Score, TaskScores

# What a text costs the model. Rows that came as tokens have no bytes. Not token_perplexity: it is 2
# to the power of bits_per_token, no mean of the documents, so nothing could be paired.
LOSSES = ("bits_per_byte", "bits_per_token")
# A model that gets this share right word for word is asked for short answers that can be checked.
# Below, exact_match says more about the phrasing than about the skill.
CHECKABLE = 0.2
_FILTERS = ("none", "strict-match", "flexible-extract")


def deciding_metric(base: TaskScores, policy: GateRecipe) -> Score:
    """The base's score under the metric that decides; ConfigError when the policy names another."""
    scores = base.overall()
    if base.name in policy.metrics:
        return _named(base.name, policy.metrics[base.name], scores)
    directed = [score for score in scores if score.higher_is_better is not None]
    for metric in (*_preferred(base, directed), *(score.metric for score in directed)):
        found = _of_best_filter(metric, directed)
        if found:
            return found
    raise EvaluationError(
        f"{base.name}: no score says whether more of it is better (found: {_list(scores)}). Name "
        "one in gate.metrics, or leave the task out"
    )


def _preferred(base: TaskScores, scores: Sequence[Score]) -> tuple[str, ...]:
    if base.kind == "benchmark":
        return ("acc_norm", "acc", "exact_match")
    if base.kind == "holdout":
        return LOSSES
    exact = _of_best_filter("exact_match", scores)
    is_checkable = exact is not None and exact.value >= CHECKABLE
    return ("exact_match", *LOSSES) if is_checkable else LOSSES


def _named(task: str, wanted: str, scores: Sequence[Score]) -> Score:
    by_key = {score.key: score for score in scores}
    found = by_key.get(wanted) or _of_best_filter(wanted, scores)
    if found is None or found.higher_is_better is None:
        problem = "is not measured" if found is None else "does not say whether more is better"
        raise ConfigError(
            f"gate.metrics: {wanted} of {task} {problem}. Expected one of: {_list(scores)}"
        )
    return found


def _of_best_filter(metric: str, scores: Sequence[Score]) -> Score | None:
    of_metric = {score.filter: score for score in scores if score.metric == metric}
    for name in (*_FILTERS, *of_metric):
        if name in of_metric:
            return of_metric[name]
    return None


def _list(scores: Sequence[Score]) -> str:
    return ", ".join(score.key for score in scores) or "none"
