"""What a run says while it goes on: our sentences, and one line where a step counts."""

import io
import logging

import dagster as dg
import pytest

from osft_assets.console import RunProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def said(
    step: str, message: str, level: int = logging.INFO, event: dg.DagsterEvent | None = None
) -> dg.EventLogEntry:
    return dg.EventLogEntry(
        error_info=None,
        level=level,
        user_message=message,
        run_id="r",
        timestamp=0.0,
        step_key=step,
        dagster_event=event,
    )


def test_each_step_is_a_heading_above_its_lines() -> None:
    out = io.StringIO()
    progress = RunProgress("mine: ", out)

    for step, line in (("p__dataset", "Source: a"), ("p__dataset", "b"), ("p__training", "c")):
        progress(said(step, line))
    progress.end()

    assert out.getvalue() == "mine: dataset\n  Source: a\n  b\nmine: training\n  c\n"


def test_a_step_that_is_not_run_says_nothing() -> None:
    out = io.StringIO()
    progress = RunProgress(stream=out)

    told = "Dependencies for step p__entry failed: ['p__gate']. Not executing."
    progress(said("p__entry", told, logging.ERROR))
    progress.end()

    assert out.getvalue() == ""


def test_off_a_terminal_a_counting_line_is_told_now_and_then_and_at_the_end() -> None:
    out, clock = io.StringIO(), Clock()
    progress = RunProgress(stream=out, clock=clock)

    for number in range(1, 26):
        progress(said("p__training", f"step {number} of 25: loss 1.{number}"))
        clock.now += 1
    progress(said("p__training", "It is done."))
    progress.end()

    steps = [line.split(":")[0].strip() for line in out.getvalue().splitlines()[1:]]
    assert steps == ["step 1 of 25", "step 11 of 25", "step 21 of 25", "step 25 of 25"] + [
        "It is done."
    ]


def test_on_a_terminal_a_counting_line_replaces_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = Terminal()
    progress = RunProgress(stream=out)

    progress(said("p__training", "step 1 of 2: loss 1.0, about 9 s left"))
    progress(said("p__training", "step 2 of 2: loss 0.5"))
    progress.end()

    blank = " " * len(", about 9 s left")
    assert out.getvalue() == (
        f"training\n\r  step 1 of 2: loss 1.0, about 9 s left\r  step 2 of 2: loss 0.5{blank}\n"
    )


def test_a_line_too_long_for_the_terminal_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    out = Terminal()
    progress = RunProgress(stream=out)

    progress(said("p__training", "step 1 of 2: loss 1.0, about 9 s left"))
    progress(said("p__training", "step 2 of 2: loss 0.5, about 0 s left"))
    progress.end()

    assert out.getvalue().splitlines() == [
        "training",
        "  step 1 of 2: loss 1.0, about 9 s left",
        "  step 2 of 2: loss 0.5, about 0 s left",
    ]


def test_what_dagster_tells_of_itself_is_left_out_and_warnings_are_named() -> None:
    out = io.StringIO()
    progress = RunProgress(stream=out)

    progress(said("p__dataset", "details", logging.DEBUG))
    progress(said("p__dataset", "no rows for validation", logging.WARNING))
    progress(said("p__dataset", "**Passed.**\n\n- a list"))
    progress.end()

    assert out.getvalue() == "dataset\n  warning: no rows for validation\n  Passed.\n"


def test_a_run_tells_of_a_step_that_is_tried_again() -> None:
    attempts = []

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
    def flaky(context: dg.AssetExecutionContext) -> None:
        attempts.append(context)
        context.log.info(f"attempt {len(attempts)}")
        if len(attempts) == 1:
            raise OSError("the disk went away")

    out = io.StringIO()
    job = dg.define_asset_job("all").resolve(
        asset_graph=dg.Definitions([flaky]).resolve_asset_graph()
    )
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = "8f0a8a8e-0a51-4f2e-9d7c-3f6d35c4e7a1"
        instance.add_event_listener(run_id, RunProgress(stream=out))
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        result = job.execute_in_process(instance=instance, run_id=run_id, run_config=quiet)

    assert result.success
    assert "flaky\n  attempt 1\n  Tried again after: the disk went away\n" in out.getvalue()
