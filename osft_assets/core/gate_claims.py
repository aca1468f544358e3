"""What is claimed of a model after its scores were compared, and whether it is so.

One task is judged in `core.gate`. The asset checks only pass this on; `refuse_blocked` is for
whoever would go on from the model later.
"""

from collections.abc import Mapping, Sequence

from osft_assets.core.errors import ConfigError, EvaluationError
from osft_assets.core.forgetting import ForgettingReport, GateClaim, TaskComparison
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.scores import TaskScores

CLAIMS = {
    "old_skills_are_kept": "No benchmark and no earlier skill got worse by more than tolerated.",
    "new_skill_is_learned": "The holdout of the rows just trained on got better.",
    "scores_are_comparable": "Base and tuned model were asked exactly the same.",
}
_Tasks = Sequence[TaskScores]


def gate_claims(
    base: _Tasks, tuned: _Tasks, comparisons: Sequence[TaskComparison], policy: GateRecipe
) -> tuple[GateClaim, ...]:
    """Every claim, in the order of CLAIMS; ConfigError when the policy names unknown tasks."""
    refuse_unknown_tasks(policy, [task.name for task in base])
    return (
        _old_skills_are_kept(comparisons, policy),
        _new_skill_is_learned(comparisons, policy),
        scores_are_comparable(base, tuned),
    )


def refuse_unknown_tasks(policy: GateRecipe, evaluated: Sequence[str]) -> None:
    """A misspelt task would be guarded by nothing: ConfigError."""
    tolerances = policy.tolerance if isinstance(policy.tolerance, dict) else {}
    named = {"required": policy.required, "tolerance": tolerances, "metrics": policy.metrics}
    for setting, tasks in named.items():
        unknown = sorted(set(tasks) - set(evaluated))
        if unknown:
            raise ConfigError(
                f"gate.{setting} names {', '.join(unknown)}, which was not evaluated. Evaluated: "
                f"{', '.join(evaluated) or 'nothing'}. Correct the name, or add it to "
                "evaluation.tasks"
            )


def scores_are_comparable(base: _Tasks, tuned: _Tasks) -> GateClaim:
    """Judged first: what was asked differently must not be compared."""
    problems = _differences({task.name: task for task in base}, {task.name: task for task in tuned})
    reason = "; ".join(problems) or f"{len(base)} tasks, asked alike"
    if problems:
        reason += ". Materialize base_scores and scores again, with the same settings"
    return GateClaim(
        name="scores_are_comparable", passed=not problems, blocks=True, reason=f"{reason}."
    )


def refuse_other_model(report: ForgettingReport, model_fingerprint: str) -> None:
    """Raise EvaluationError when the report is about other weights."""
    if report.model_fingerprint != model_fingerprint:
        raise EvaluationError(
            f"{report.pipeline}/forgetting_report is about model {report.model_fingerprint}, not "
            f"about {model_fingerprint}, which was trained since. Materialize the scores and the "
            "report again"
        )


def refuse_blocked(report: ForgettingReport, otherwise: str = "") -> None:
    """Raise EvaluationError when a claim keeps the model from going on. `otherwise`: what else to
    do about it.
    """
    if report.blocked_by:
        why = " ".join(
            f"{claim.name}: {claim.reason}" for claim in report.claims if _is_blocking(claim)
        )
        raise EvaluationError(
            f"{report.pipeline}/forgetting_report blocks this model. {why} Train it again, or "
            "change gate in the pipeline's YAML file and materialize the report again"
            f"{f'; {otherwise}' if otherwise else ''}"
        )


def _is_blocking(claim: GateClaim) -> bool:
    return claim.blocks and not claim.passed


def _old_skills_are_kept(comparisons: Sequence[TaskComparison], policy: GateRecipe) -> GateClaim:
    old = [each for each in comparisons if each.kind != "holdout"]
    lost = [each for each in old if each.verdict == "lost"]
    unclear = [each for each in old if each.verdict == "cannot tell"]
    unclear_required = [each for each in unclear if each.task in policy.required]
    sentences = [f"{each.task} is lost: {each.reason}" for each in lost]
    sentences += [f"Of {each.task}, which is required: {each.reason}" for each in unclear_required]
    if not sentences:
        sentences = [_all_kept(old, unclear)]
    blocking_loss = bool(lost) and policy.when_lost == "block"
    return GateClaim(
        name="old_skills_are_kept",
        passed=bool(old) and not lost and not unclear_required,
        blocks=blocking_loss or bool(unclear_required),
        reason=" ".join(sentences),
    )


def _all_kept(old: Sequence[TaskComparison], unclear: Sequence[TaskComparison]) -> str:
    if not old:
        return "No benchmark and no earlier skill was measured."
    if not unclear:
        return f"All {len(old)} are kept."
    names = ", ".join(each.task for each in unclear)
    return f"None of {len(old)} is lost; nothing can be told about {names}."


def _new_skill_is_learned(comparisons: Sequence[TaskComparison], policy: GateRecipe) -> GateClaim:
    holdout = next((each for each in comparisons if each.kind == "holdout"), None)
    if holdout is None:
        passed, blocks, reason = False, False, "There is no holdout to see it by."
    elif _is_unclear(holdout, policy):
        passed, blocks = False, holdout.task in policy.required
        reason = f"It cannot be told: {holdout.reason}"
    else:
        passed = holdout.difference.low > policy.min_gain
        blocks = policy.when_not_learned == "block"
        reason = f"It is {'' if passed else 'not '}learned: {holdout.reason}"
    return GateClaim(name="new_skill_is_learned", passed=passed, blocks=blocks, reason=reason)


def _is_unclear(holdout: TaskComparison, policy: GateRecipe) -> bool:
    difference = holdout.difference
    if difference.documents < policy.min_documents:
        return True
    is_better = difference.low > policy.min_gain
    is_no_better = difference.high < policy.min_gain or difference.value <= 0
    return not is_better and not is_no_better


def _differences(base: Mapping[str, TaskScores], tuned: Mapping[str, TaskScores]) -> list[str]:
    problems = [f"{name} was asked of only one" for name in sorted(base.keys() ^ tuned.keys())]
    for name in sorted(base.keys() & tuned.keys()):
        if base[name].fingerprint != tuned[name].fingerprint:
            problems.append(f"{name} was asked otherwise")
        elif _versions(base[name]) != _versions(tuned[name]):
            problems.append(f"{name} has another version")
    return problems


def _versions(task: TaskScores) -> set[tuple[str, str]]:
    return {(score.task, score.version) for score in task.scores}
