"""The first node's log arrives whole, whatever happens to the connection, and each line once."""

import pytest

from tests.core.training_parts import outcome
from tests.train_jobs.fake_api import Fault
from tests.train_jobs.training import Training

_LOG = "/log"


def heard(training: Training) -> list[str]:
    return [line for line in training.lines if line.startswith("line ")]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET", _LOG, 0, times=3),
        Fault("GET", _LOG, 500, times=4),
        Fault("GET", _LOG, 404, times=3),
        Fault("GET", _LOG, times=5, cut_after=50),
        Fault("GET", _LOG, times=9, cut_after=1),
    ],
)
def test_lost_connections_lose_no_line_and_repeat_none(training: Training, fault: Fault) -> None:
    lines = [f"line {number}" for number in range(60)]
    training.plan(
        training.api.add_pods,
        lambda: training.api.say(*lines[:10]),
        lambda: training.api.faults.append(fault),
        *(lambda part=part: training.api.say(*lines[part : part + 5]) for part in range(10, 60, 5)),
        training.completes,
    )

    assert training.train() == outcome()
    assert heard(training) == lines


def test_the_last_words_arrive_when_the_api_is_away_at_the_end(training: Training) -> None:
    def end() -> None:
        training.api.say("line 1")
        training.completes()
        training.api.faults.append(Fault("GET", _LOG, 503, times=2))

    training.plan(training.api.add_pods, end)

    training.train()

    assert heard(training) == ["line 1"]


def test_the_last_words_of_a_failure_arrive(training: Training) -> None:
    def end() -> None:
        training.api.say("line 1")
        training.api.end_pod(0, 1)
        training.api.condition("Failed")

    training.plan(training.api.add_pods, end)

    with pytest.raises(Exception, match="exit code 1"):
        training.train()

    assert heard(training) == ["line 1"]


def test_a_pod_that_takes_the_first_one_s_place_is_heard_from_its_beginning(
    training: Training,
) -> None:
    def replace() -> None:
        training.clock.seconds -= 30  # its machine's clock is behind
        training.api.say("line 2", suffix="fghij")
        training.clock.seconds += 30
        training.api.set_pod(0, {"phase": "Running"}, suffix="fghij")

    training.plan(
        training.api.add_pods,
        *(lambda: training.api.say("line 1"), replace, lambda: None, training.completes),
    )

    training.train()

    assert heard(training) == ["line 1", "line 2"]


def test_a_log_that_may_not_be_read_stops_nothing(training: Training) -> None:
    training.api.faults.append(Fault("GET", _LOG, 403, times=10**6))
    training.plan(training.api.add_pods, lambda: training.writes_steps(1), training.completes)

    assert training.train() == outcome()
    assert [step.step for step in training.steps] == [1]
