"""Runs of the command line that were killed."""

import subprocess
import sys

import dagster as dg
import pytest

from osft_assets.interrupted_runs import end_interrupted_runs, this_process


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


@dg.job
def anything() -> None:
    """A job whose runs are only recorded."""


def _started(instance: dg.DagsterInstance, tags: dict[str, str]) -> dg.DagsterRun:
    return instance.create_run_for_job(anything, tags=tags, status=dg.DagsterRunStatus.STARTED)


def _of_a_process_that_is_gone() -> dict[str, str]:
    code = "from osft_assets.interrupted_runs import this_process as t; print(*t(), *t().values())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    name, process = done.stdout.split()
    return {name: process}


def test_a_run_whose_process_is_gone_is_ended(instance: dg.DagsterInstance) -> None:
    run = _started(instance, _of_a_process_that_is_gone())

    assert end_interrupted_runs(instance) == [run.run_id]

    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE
    assert end_interrupted_runs(instance) == []


def test_the_place_of_such_a_run_is_free_again() -> None:
    limits = {"concurrency": {"pools": {"granularity": "op", "default_limit": 1}}}
    with dg.instance_for_test(overrides=limits) as instance:
        run = _started(instance, _of_a_process_that_is_gone())
        slots = instance.event_log_storage
        slots.initialize_concurrency_limit_to_default("gpu")
        assert slots.claim_concurrency_slot("gpu", run.run_id, "training").is_claimed
        assert not slots.claim_concurrency_slot("gpu", "another", "training").is_claimed

        end_interrupted_runs(instance)

        assert slots.claim_concurrency_slot("gpu", "another", "training").is_claimed


def test_a_run_of_a_living_process_of_another_machine_or_of_dagster_goes_on(
    instance: dg.DagsterInstance,
) -> None:
    [name] = this_process()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as living:
        host = this_process()[name].rpartition(":")[0]
        for tags in ({name: f"{host}:{living.pid}"}, {name: "elsewhere:1"}, {}):
            _started(instance, tags)

        assert end_interrupted_runs(instance) == []
