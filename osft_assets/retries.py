"""Trying a step again when infrastructure failed: the one place that decides it.

Which errors may pass is said where they are raised (`is_transient`, see `core.errors`); how often
it is tried, by `retry` in the YAML file. All else, wrong settings and wrong data, fails at once.
Dagster's own RetryPolicy is of no use: it tries everything again.

A step in a pod may also be told to end (preempted, evicted, its node drained), which is no fault of
its own and is tried again too. One that dies without a word is `osft_assets.kubernetes`' to judge.
"""

import os
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import isgenerator
from typing import Any, ParamSpec

import dagster as dg
from dagster._core.definitions.dependency import NodeHandle

from osft_assets.core.errors import OsftError
from osft_assets.core.recipes.automation import RetryRecipe

# Set by Dagster in the pods of steps, and of steps alone.
_OF_A_POD = "DAGSTER_RUN_STEP_KEY"
_TOLD_TO_END = "The pod was told to end: it was preempted or evicted, or its node is drained."
_RECIPE = "retry_recipe"
# Of a run that somebody ended, or is ending.
CANCELLED = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)
_Parameters = ParamSpec("_Parameters")


def retried(
    recipe: RetryRecipe,
) -> Callable[[Callable[_Parameters, Any]], Callable[_Parameters, Iterator[Any]]]:
    """Makes what an asset or a check runs try again, after a pause that grows."""

    def decorate(compute: Callable[_Parameters, Any]) -> Callable[_Parameters, Iterator[Any]]:
        @wraps(compute)
        def again(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> Iterator[Any]:
            try:
                results = compute(*args, **kwargs)
                yield from results if isgenerator(results) else (results,)
            except OsftError as problem:
                if problem.is_transient:
                    _try_again(recipe, str(problem), problem)
                raise  # as it is: our message is the last word
            except dg.DagsterExecutionInterruptedError as problem:
                if _only_the_pod_ends():
                    _try_again(recipe, _TOLD_TO_END, problem)
                raise

        setattr(again, _RECIPE, recipe)
        return again

    return decorate


def _try_again(recipe: RetryRecipe, why: str, problem: BaseException) -> None:
    """Ask Dagster for another try, if there is one left."""
    context = dg.OpExecutionContext.get()
    tries = context.retry_number + 1
    if tries > recipe.times:
        return
    pause = recipe.pause_seconds(tries)
    context.log.warning(f"{why} Trying again in {pause:g} seconds ({tries} of {recipe.times}).")
    raise dg.RetryRequested(max_retries=recipe.times, seconds_to_wait=pause) from problem


def _only_the_pod_ends() -> bool:
    """Whether it was this pod that was told to end, and not the run."""
    if _OF_A_POD not in os.environ:
        return False
    context = dg.OpExecutionContext.get()
    run = context.instance.get_run_by_id(context.run_id)
    return run is not None and run.status not in CANCELLED


def retry_recipe_of(job: dg.JobDefinition, step: NodeHandle) -> RetryRecipe | None:
    """What a step of a job was given; None for a step that is not ours."""
    op = job.graph.get_node(step).definition
    compute = getattr(op, "compute_fn", None)
    return getattr(getattr(compute, "decorated_fn", None), _RECIPE, None)
