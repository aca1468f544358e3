"""Which task is next, where others may be at the same tasks of the same model.

Two pipelines with one base model, launched together, ask for the same scores: each answers what
nobody is at, and finds the rest when the other is done. A lock tells, which the kernel takes back
from a process, however it ends.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from resources.evaluation_tasks import Asked
from resources.scores_place import ScoresPlace

_LOOK_EVERY_SECONDS = 0.2
_SAY_EVERY_SECONDS = 60.0  # a sign of life: the other one has its own time-outs


def in_turn(
    asked: Sequence[Asked], places: Mapping[str, ScoresPlace], say: Callable[[str], None]
) -> Iterator[Asked]:
    """Each task that nobody else answers, to be answered before the next; until all of them are."""
    left, said = list(asked), -math.inf
    while left:
        before = len(left)
        for each in list(left):
            place = places[each.name]
            with place.taken() as is_ours:
                if not is_ours:
                    continue
                if not place.is_whole:
                    yield each
                left.remove(each)
        if len(left) == before:
            if time.monotonic() - said > _SAY_EVERY_SECONDS:
                said = time.monotonic()
                names = ", ".join(each.name for each in left)
                say(f"Another evaluation of this very model answers {names}: waiting")
            time.sleep(_LOOK_EVERY_SECONDS)
