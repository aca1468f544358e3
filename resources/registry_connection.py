"""A conversation with one registry: every question has a time limit, and is asked again when no
answer came.

What is asked is `resources.registration`, `registry_reading` and `registry_amendment`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from osft_assets.core.errors import RegistryError
from osft_assets.core.recipes.registry import RegistryRecipe
from resources.registry_access import Access
from resources.registry_client import close_client, open_client
from resources.registry_errors import (
    CONFLICT,
    NOT_FOUND,
    Explainer,
    client_errors,
    may_pass,
    reason,
    status_of,
)
from resources.registry_loop import Run, event_loop

Say = Callable[[str], None]
# Asks the client; asked anew it is another request.
Request = Callable[[Any], Coroutine[Any, Any, Any]]

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0


@dataclass(frozen=True)
class Manners:
    """How a registry is asked. `pause` waits so many seconds."""

    recipe: RegistryRecipe
    say: Say
    pause: Callable[[float], None]


@dataclass(frozen=True)
class _Answer:
    """What came, or None where an expected refusal came; and at which try."""

    value: Any
    tries: int


class Connection:
    """One registry that answered."""

    def __init__(self, access: Access, manners: Manners, client: Any, run: Run) -> None:
        self.registry, self.say = access.name, manners.say
        self._manners, self._client, self._run = manners, client, run
        self._explained = Explainer(access, manners.recipe)

    def ask(self, request: Request) -> Any:
        """The answer."""
        return self._answer(request).value

    def find(self, request: Request) -> Any:
        """The answer, or None when there is no such thing."""
        return self._answer(request, NOT_FOUND).value

    def write(self, request: Request) -> bool | None:
        """Whether this made it; False when another one of that name was there before.

        None when one is there, and the answer to an earlier try was lost: it may be either.
        """
        answer = self._answer(request, CONFLICT)
        if answer.value is not None:
            return True
        return None if answer.tries > 1 else False

    def _answer(self, request: Request, expected: int = 0) -> _Answer:
        recipe = self._manners.recipe
        for tries in count(1):
            try:
                return _Answer(self._run(self._timed(request)), tries)
            except client_errors() as found:
                problem = found
            if expected and status_of(problem) == expected:
                return _Answer(None, tries)
            if tries > recipe.retries or not may_pass(problem):
                raise self._explained(problem, tries) from None
            self._wait(problem, tries)
        raise AssertionError("count() never ends")

    async def _timed(self, request: Request) -> Any:
        answer = await asyncio.wait_for(request(self._client), self._manners.recipe.timeout)
        if answer is None:  # a status of success that the request does not have
            raise ValueError
        return answer

    def _wait(self, problem: Exception, tries: int) -> None:
        seconds = min(_FIRST_PAUSE_SECONDS * 2 ** (tries - 1), _LONGEST_PAUSE_SECONDS)
        recipe = self._manners.recipe
        self.say(
            f"{self.registry}: {reason(problem, recipe)}. Trying again in {seconds:g} "
            f"second{'' if seconds == 1 else 's'} ({tries} of {recipe.retries})."
        )
        self._manners.pause(seconds)


@contextmanager
def connected(access: Access, manners: Manners) -> Iterator[Connection]:
    """The registry, after it answered once; RegistryError when it is none that we can use."""
    with event_loop() as run:
        client = run(open_client(access))
        try:
            connection = Connection(access, manners, client, run)
            _greet(connection)
            yield connection
        finally:
            run(close_client(client))


def _greet(connection: Connection) -> None:
    """Later on, 404 means that there is no such model; here, that there is no such API."""
    if connection.find(lambda client: client.get_registered_models(page_size="1")) is None:
        raise RegistryError(
            f"{connection.registry} has no /api/model_registry/v1 (HTTP status 404). A server that "
            "speaks v1alpha3 only needs model-registry <= 0.3.11: upgrade it to one that serves "
            "v1. If it does, check registry.address"
        )
