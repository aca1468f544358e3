"""The recipe's limits count while a TrainJob runs, and not while a queue holds it back."""

import pytest

from osft_assets.core.errors import TrainingError
from osft_assets.core.train_jobs.limits import RunningTime
from tests.core.train_jobs.parts import job


def limited(**minutes: float) -> RunningTime:
    return RunningTime(job(recipe={"stall_timeout_minutes": 0.0, "timeout_minutes": 0.0} | minutes))


def test_time_in_which_it_does_not_run_does_not_count() -> None:
    time = limited(timeout_minutes=1.0, stall_timeout_minutes=1.0)

    for now in range(0, 100_000, 1000):
        time.goes_on(now, runs=False, has_sign=False)
    time.goes_on(99_030, runs=True, has_sign=False)


def test_it_runs_no_longer_than_it_may() -> None:
    time = limited(timeout_minutes=1.0)
    time.goes_on(0, runs=True, has_sign=True)
    time.goes_on(60, runs=True, has_sign=True)

    with pytest.raises(TrainingError, match=r"has been running for 61 s .* timeout_minutes \(1\)"):
        time.goes_on(61, runs=True, has_sign=True)


def test_a_sign_of_life_begins_the_silence_anew() -> None:
    time = limited(stall_timeout_minutes=1.0)
    for now in (0, 50, 100, 150):
        time.goes_on(now, runs=True, has_sign=True)
    time.goes_on(200, runs=True, has_sign=False)

    with pytest.raises(TrainingError, match="said nothing for 70 s"):
        time.goes_on(220, runs=True, has_sign=False)


def test_without_limits_it_may_take_for_ever() -> None:
    time = limited()
    time.goes_on(0, runs=True, has_sign=False)
    time.goes_on(1e9, runs=True, has_sign=False)
