"""Telling a webhook of failed runs, against a loopback server."""

import json
import logging

import pytest

from osft_assets.core.errors import ConfigError, HookError
from osft_assets.core.failed_run import FailedRun
from resources.webhook import Webhook
from tests.resources.servers import Answer, web_server

RUN = FailedRun(
    run_id="0123456789",
    job="mine_pipeline",
    pipeline="mine",
    failed_steps=("mine__dataset",),
    error="row 7 has no answer",
    link="http://ui/runs/0123456789",
)


class Pauses(list[float]):
    """Waits for nothing, and remembers how long it would have."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def hook(url: str) -> Webhook:
    return Webhook(url, "OSFT_FAILURE_WEBHOOK", Pauses())


def test_a_run_is_told_of_once() -> None:
    with web_server(Answer(status=200, ranges=False)) as server:
        hook(f"{server.url}/services/hunter2").tell(RUN)

    assert [(asked.method, asked.path) for asked in server.requests] == [
        ("POST", "/services/hunter2")
    ]


def test_what_is_sent_is_for_people_and_for_programs() -> None:
    message = json.loads(json.dumps(RUN.to_message()))

    assert message == {
        "text": (
            "mine: run 01234567 of mine_pipeline failed in mine__dataset\nrow 7 has no answer\n"
            "http://ui/runs/0123456789"
        ),
        "run_id": "0123456789",
        "job": "mine_pipeline",
        "pipeline": "mine",
        "failed_steps": ["mine__dataset"],
        "error": "row 7 has no answer",
        "link": "http://ui/runs/0123456789",
    }


def test_without_an_address_nobody_is_told() -> None:
    hook("").tell(RUN)


def test_a_server_that_is_busy_is_told_again() -> None:
    busy = Answer(status=503, ranges=False)
    with web_server(busy, busy, Answer(status=204, ranges=False)) as server:
        hook(server.url).tell(RUN)

    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "tries"), [(503, 3), (429, 3), (404, 1), (403, 1), (302, 1), (500, 3)]
)
def test_one_that_refuses_is_an_error_that_repeats_no_address(status: int, tries: int) -> None:
    with (
        web_server(Answer(status=status, ranges=False)) as server,
        pytest.raises(HookError, match=f"HTTP status {status}") as refused,
    ):
        hook(f"{server.url}/services/hunter2").tell(RUN)

    assert len(server.requests) == tries
    assert "hunter2" not in str(refused.value)
    assert "OSFT_FAILURE_WEBHOOK" in str(refused.value)


def test_nobody_there_is_an_error_that_repeats_no_address() -> None:
    with web_server(Answer()) as server:
        gone = server.url

    with pytest.raises(HookError, match="was not told of run 0123456789: ConnectError") as refused:
        hook(f"{gone}/hunter2").tell(RUN)

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["hunter2", "ftp://host/hunter2"])
def test_what_is_no_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="OSFT_FAILURE_WEBHOOK holds no address") as refused:
        hook(url).tell(RUN)

    assert "hunter2" not in str(refused.value)


def test_the_address_is_in_no_log_and_in_no_text_of_the_hook(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO), web_server(Answer(status=200, ranges=False)) as server:
        told = hook(f"{server.url}/hunter2")
        told.tell(RUN)

    assert "hunter2" not in f"{caplog.text} {told!r}"
