"""How often a TrainJob is looked at, and how long is waited for what must come by itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from osft_assets.core.worker import LEASE_EVERY_SECONDS, LEASE_SECONDS


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Pace:
    """No limit to how long a training may take is here: those are the recipe's."""

    look_seconds: float = 2.0
    longest_back_off_seconds: float = 30.0
    # A filesystem such as NFS shows what another machine wrote up to a minute later.
    lag_seconds: float = 60.0
    # The pods have one minute to end, and a node that is lost never tells.
    gone_seconds: float = 90.0
    # Of an API that is away when the TrainJob is made: then the step's retries take over.
    away_seconds: float = 120.0
    lease_every_seconds: float = LEASE_EVERY_SECONDS
    lease_seconds: float = LEASE_SECONDS
    now: Callable[[], datetime] = _now
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
