"""The call of lm-eval: from our settings to its arguments, for one task."""

from typing import Any

from osft_assets.core.recipes.evaluation import EvaluationRecipe
from resources.evaluation_tasks import Asked

_SEEDS = ("random_seed", "numpy_random_seed", "torch_random_seed", "fewshot_random_seed")


def evaluate(
    asked: Asked, model: Any, recipe: EvaluationRecipe, limit: int | None
) -> dict[str, Any]:
    """What lm-eval returns. Each task by itself, so that the others change nothing in it."""
    import lm_eval
    from lm_eval import evaluator
    from lm_eval.tasks import TaskManager

    # A second and more for every task, to list what is installed; `versions` says what matters.
    evaluator.add_env_info = lambda _: None
    evaluator.get_git_commit_hash = lambda: None  # of the current directory, whatever that is
    own = asked.kind != "benchmark"  # prompts of rows are complete
    results: dict[str, Any] = lm_eval.simple_evaluate(
        model=model,
        tasks=[asked.item],
        num_fewshot=None if own else recipe.num_fewshot,
        limit=limit,
        system_instruction=None if own else recipe.system_instruction or None,
        apply_chat_template=not own and recipe.apply_chat_template,
        fewshot_as_multiturn=recipe.fewshot_as_multiturn,
        gen_kwargs=None if own else generation_settings(recipe) or None,
        task_manager=TaskManager(include_defaults=False),
        confirm_run_unsafe_code=recipe.trust_remote_code,
        **dict(zip(_SEEDS, _seeds(recipe), strict=True)),
    )
    return results


def _seeds(recipe: EvaluationRecipe) -> list[int]:
    return recipe.seed if isinstance(recipe.seed, list) else [recipe.seed] * len(_SEEDS)


def generation_settings(recipe: EvaluationRecipe) -> dict[str, Any]:
    """With the names and the switch that lm-eval listens to."""
    given = dict(recipe.gen_kwargs)
    for alias in ("max_tokens", "max_new_tokens"):
        if alias in given:
            given["max_gen_toks"] = given.pop(alias)
    if given.get("temperature"):
        given.setdefault("do_sample", True)
    return given
