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
_RECIPE = "retry_recipe"
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
                _try_again(problem, recipe)
                raise  # as it is: our message is the last word
            except dg.DagsterExecutionInterruptedError:
                _try_elsewhere(recipe)
                raise

        setattr(again, _RECIPE, recipe)
        return again

    return decorate


def _try_again(problem: OsftError, recipe: RetryRecipe) -> None:
    """Ask Dagster for another try, if there is one left and it may help."""
    context = dg.OpExecutionContext.get()
    tries = context.retry_number + 1
    if not problem.is_transient or tries > recipe.times:
        return
    pause = recipe.pause_seconds(tries)
    context.log.warning(f"{problem} Trying again in {pause:g} seconds ({tries} of {recipe.times}).")
    raise dg.RetryRequested(max_retries=recipe.times, seconds_to_wait=pause) from problem


def _try_elsewhere(recipe: RetryRecipe) -> None:
    """Ask for another try when only this pod was told to end, and not the run."""
    context = dg.OpExecutionContext.get()
    tries = context.retry_number + 1
    if _OF_A_POD not in os.environ or tries > recipe.times or _is_cancelled(context):
        return
    pause = recipe.pause_seconds(tries)
    context.log.warning(
        "The pod was told to end: it was preempted or evicted, or its node is drained. Trying "
        f"again in {pause:g} seconds ({tries} of {recipe.times})."
    )
    raise dg.RetryRequested(max_retries=recipe.times, seconds_to_wait=pause)


def _is_cancelled(context: dg.OpExecutionContext) -> bool:
    run = context.instance.get_run_by_id(context.run_id)
    cancelled = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)
    return run is None or run.status in cancelled


def retry_recipe_of(job: dg.JobDefinition, step: NodeHandle) -> RetryRecipe | None:
    """What a step of a job was given; None for a step that is not ours."""
    op = job.graph.get_node(step).definition
    compute = getattr(op, "compute_fn", None)
    return getattr(getattr(compute, "decorated_fn", None), _RECIPE, None)
