"""Trying a step again when infrastructure failed: the one place that decides it.

Which errors may pass is said where they are raised (`is_transient`, see `core.errors`); how often
it is tried, by `retry` in the YAML file. All else, wrong settings and wrong data, fails at once.
Dagster's own RetryPolicy is of no use: it tries everything again.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import isgenerator
from typing import Any, ParamSpec

import dagster as dg

from osft_assets.core.errors import OsftError
from osft_assets.core.recipes.automation import RetryRecipe

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
