"""The sensor that tells of failed runs."""

from typing import Any

import dagster as dg
import pytest

from osft_assets.core.errors import DatasetError, HookError
from osft_assets.core.ports import FailureHook
from osft_assets.definitions import build_defs
from osft_assets.failures import failure_sensor
from tests.fakes import FakeFailureHook


@dg.op
def mine__dataset() -> None:
    raise DatasetError("row 7 of https://bob:hunter2@host/rows has no answer. Mend it\nmore")


@dg.job
def mine_pipeline() -> None:
    mine__dataset()


def tell(hook: FailureHook, ui_url: str = "") -> dg.DagsterRun:
    """A run that fails, and what the sensor does about it."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = mine_pipeline.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            sensor_name="tell_of_failed_runs",
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            dagster_event=result.get_run_failure_event(),
            resources={"failure_hook": hook},
        ).for_run_failure()
        failure_sensor(ui_url)(context)
    return result.dagster_run


def test_a_failed_run_is_told_of_with_its_reason_and_the_way_to_it() -> None:
    hook = FakeFailureHook()

    run = tell(hook, "http://ui.example/")

    [told] = hook.told
    assert (told.run_id, told.job, told.pipeline) == (run.run_id, "mine_pipeline", "mine")
    assert told.failed_steps == ("mine__dataset",)
    assert told.error == "row 7 of https://***@host/rows has no answer. Mend it"
    assert told.link == f"http://ui.example/runs/{run.run_id}"


def test_without_an_address_of_the_ui_there_is_no_link() -> None:
    hook = FakeFailureHook()

    tell(hook)

    assert hook.told[0].link == ""


def test_a_hook_that_fails_fails_the_tick() -> None:
    with pytest.raises(HookError, match="answers 404"):
        tell(FakeFailureHook(HookError("it answers 404. Check the address")))


def test_it_is_stopped_until_somebody_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSFT_FAILURE_WEBHOOK", "https://example.org/hunter2")
    found: Any = build_defs()

    [sensor] = [one for one in found.sensors if one.name == "tell_of_failed_runs"]

    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED
    assert found.resources["failure_hook"].url == "https://example.org/hunter2"
    assert "hunter2" not in repr(found.resources)
