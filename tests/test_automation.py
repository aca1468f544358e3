"""What runs without a click: ticks of schedules and sensors, and the conditions of the assets."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest

from osft_assets.core.errors import ConfigError, SourceError, TrainingError
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.workspace import Workspace
from osft_assets.pipeline import build_pipeline
from resources.dataset_sources import DatasetSources
from tests.fakes import FakeRegistry, FakeSource, chats, fake_resources, lines
from tests.resources.servers import Answer, HubRepository, hub_server, s3_server, web_server

DAILY = {"schedule": {"cron": "0 3 * * *", "timezone": "Europe/Berlin"}}
ON_NEW_DATA = {"retrain_on_new_data": {"enabled": True}}
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=any/20251120/us-east-1/s3/aws4_request"}


class Automated:
    """One pipeline, its instance, and what its sensors remember."""

    def __init__(self, workspace: Workspace, source: Any, **recipe: Any) -> None:
        dataset = {"data_uri": "pvc://rows.jsonl", **recipe.pop("dataset", {})}
        registry = FakeRegistry()
        self.pipeline = PipelineRecipe(
            name="mine",
            dataset=DatasetRecipe(**dataset),
            train=OsftRecipe(effective_batch_size=8),
            defined_in="defs/mine/defs.yaml",
            **recipe,
        )
        self.resources = fake_resources(workspace, dataset_source=source, model_registry=registry)
        self.defs = dg.Definitions.merge(
            build_pipeline(self.pipeline), dg.Definitions(resources=self.resources)
        )
        self.repository = self.defs.get_repository_def()
        self.instance = dg.DagsterInstance.ephemeral()
        self.waiting = False  # whether a run of the schedule is in the queue
        self.cursor: str | None = None
        self._conditions: Any = None

    def tick(self) -> dg.RunRequest | None:
        """One tick of the schedule."""
        with dg.instance_for_test() as kept:  # a schedule wants one that others could open
            if self.waiting:
                job = self.defs.resolve_job_def("mine_pipeline")
                kept.create_run_for_job(job, tags={"dagster/schedule_name": "mine_schedule"})
            schedule = self.repository.get_schedule_def("mine_schedule")
            with dg.build_schedule_context(instance=kept) as context:
                tick = schedule.evaluate_tick(context)
        assert bool(tick.run_requests) != bool(tick.skip_message)
        return tick.run_requests[0] if tick.run_requests else None

    def look(self) -> dg.RunRequest | None:
        """One tick of the sensor that asks the source."""
        sensor = self.repository.get_sensor_def("mine_new_data")
        asked = {"workspace", "dataset_source"}
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources={name: self.resources[name] for name in asked},
        )
        tick = sensor.evaluate_tick(context)
        self.cursor = tick.cursor
        assert bool(tick.run_requests) != bool(tick.skip_message)
        return tick.run_requests[0] if tick.run_requests else None

    def requested(self) -> set[str]:
        """The assets that one tick of the automation conditions requests."""
        tick = dg.evaluate_automation_conditions(
            self.defs,
            instance=self.instance,
            cursor=self._conditions,
            asset_selection=dg.AssetSelection.groups("mine", "mine_champion"),
        )
        self._conditions = tick.cursor
        return {
            result.key.path[-1] for result in tick.results if tick.get_num_requested(result.key)
        }

    def claim(self, check: str, *, passed: bool) -> None:
        """What a check of train_split answers, without a run. Dagster keeps whole seconds of it: in
        the second in which the rows came, it would count as older than they are.
        """
        time.sleep(1.1)
        key = dg.AssetKey(["mine", "train_split"])
        self.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(asset_key=key, check_name=check, passed=passed)
        )

    def run(self, *assets: str) -> dg.ExecuteInProcessResult:
        """A run of some assets, or of all."""
        job = self.defs.resolve_job_def("mine_pipeline")
        keys = [dg.AssetKey(["mine", asset]) for asset in assets]
        return job.execute_in_process(
            instance=self.instance, raise_on_error=False, asset_selection=keys or None
        )


def test_a_pipeline_runs_by_itself_only_if_its_file_says_so(workspace: Workspace) -> None:
    silent = Automated(workspace, FakeSource(chats(50)))

    assert not silent.defs.schedules
    assert not silent.defs.sensors
    assert silent.requested() == set()


def test_whatever_runs_by_itself_is_stopped_until_somebody_starts_it(workspace: Workspace) -> None:
    found = Automated(workspace, FakeSource(chats(50)), **DAILY, **ON_NEW_DATA).defs
    repository = found.get_repository_def()

    stopped = {
        one.name: one.default_status.value
        for one in (*repository.schedule_defs, *repository.sensor_defs)
    }

    assert stopped == {
        "mine_schedule": "STOPPED",
        "mine_new_data": "STOPPED",
        "mine_new_rows": "STOPPED",
    }


def test_a_tick_of_the_schedule_runs_the_whole_pipeline(workspace: Workspace) -> None:
    mine = Automated(workspace, FakeSource(chats(50)), **DAILY)
    schedule = mine.repository.get_schedule_def("mine_schedule")

    request = mine.tick()

    assert request is not None
    assert (schedule.job_name, schedule.cron_schedule, schedule.execution_timezone) == (
        "mine_pipeline",
        "0 3 * * *",
        "Europe/Berlin",
    )
    job = mine.defs.resolve_job_def(schedule.job_name)
    assert job.execute_in_process(run_config=request.run_config, instance=mine.instance).success


def test_a_tick_is_skipped_while_the_run_of_the_one_before_waits(workspace: Workspace) -> None:
    mine = Automated(workspace, FakeSource(chats(50)), **DAILY)
    mine.waiting = True

    assert mine.tick() is None


def test_a_wrong_time_is_refused_with_the_file_and_the_key() -> None:
    recipe = PipelineRecipe(
        name="mine",
        dataset=DatasetRecipe(data_uri="pvc://rows.jsonl"),
        schedule={"cron": "61 * * * *"},
        defined_in="defs/mine/defs.yaml",
    )

    with pytest.raises(ConfigError, match=r"defs.yaml: attributes.schedule.cron: no such time"):
        build_pipeline(recipe)


def test_unchanged_data_makes_no_run_and_a_changed_row_makes_exactly_one(
    workspace: Workspace,
) -> None:
    source = FakeSource(chats(50))
    mine = Automated(workspace, source, **ON_NEW_DATA)
    first = mine.look()
    assert first is not None

    assert [mine.look() for _ in range(100)] == [None] * 100

    source.rows, source.revision = chats(51), "fake:2"
    second = mine.look()
    assert second is not None
    assert second.run_key != first.run_key
    assert [mine.look() for _ in range(100)] == [None] * 100


def test_a_sensor_that_is_started_later_makes_no_run_for_what_was_prepared_before(
    workspace: Workspace,
) -> None:
    mine = Automated(workspace, FakeSource(chats(50)), **ON_NEW_DATA)
    assert mine.run("train_split", "holdout_split").success

    assert mine.look() is None


def test_data_that_goes_back_to_what_it_was_is_a_change_too(workspace: Workspace) -> None:
    source = FakeSource(chats(50), revision="fake:1")
    mine = Automated(workspace, source, **ON_NEW_DATA)
    keys = []
    for revision in ("fake:1", "fake:2", "fake:1", "fake:2"):
        source.revision = revision
        request = mine.look()
        assert request is not None
        keys.append(request.run_key)

    assert len(set(keys)) == 4


def test_what_failed_for_some_data_is_not_asked_for_again_until_the_data_changes(
    workspace: Workspace,
) -> None:
    source = FakeSource(chats(1))  # too few to train on
    mine = Automated(workspace, source, **ON_NEW_DATA)
    assert mine.look() is not None
    assert not mine.run().success

    assert mine.look() is None

    source.rows, source.revision = chats(50), "fake:2"
    assert mine.look() is not None


def test_a_source_that_tells_no_revision_fails_the_tick_with_the_way_out(
    workspace: Workspace,
) -> None:
    mine = Automated(workspace, FakeSource(chats(50), revision=""), **ON_NEW_DATA)

    with pytest.raises(SourceError, match="tells no revision .* Use `schedule:` instead"):
        mine.look()


def test_a_source_that_cannot_be_reached_fails_the_tick_and_forgets_nothing(
    workspace: Workspace,
) -> None:
    rows = workspace.root / "rows.jsonl"
    rows.write_bytes(lines(chats(50)))
    mine = Automated(workspace, DatasetSources(workspace), **ON_NEW_DATA)
    assert mine.look() is not None
    rows.rename(workspace.root / "away.jsonl")

    with pytest.raises(SourceError, match=r"rows\.jsonl"):
        mine.look()

    (workspace.root / "away.jsonl").rename(rows)
    assert mine.look() is None


def test_a_cursor_that_is_not_ours_is_refused(workspace: Workspace) -> None:
    mine = Automated(workspace, FakeSource(chats(50)), **ON_NEW_DATA)
    mine.cursor = "yesterday"

    with pytest.raises(ConfigError, match="The cursor of this sensor is not one of ours. Clear it"):
        mine.look()


def test_the_cursor_holds_nothing_of_the_address(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Answer(lines(chats(50)), headers={"ETag": '"1"'})
    with web_server(answer) as server:
        monkeypatch.setenv("ROWS", f"{server.url}/rows.jsonl?X-Amz-Signature=hunter2")
        mine = Automated(
            workspace, DatasetSources(workspace), dataset={"data_uri": "env:ROWS"}, **ON_NEW_DATA
        )
        request = mine.look()

    assert request is not None
    assert "hunter2" not in f"{mine.cursor} {request}"


# A place to keep rows, by a name: gives its address and a way to put other rows there.
Place = tuple[str, Callable[[bytes], None]]


@pytest.fixture(params=["file", "directory", "web", "s3"])
def place(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    if request.param in ("file", "directory"):
        folder = tmp_path / "data"
        folder.mkdir()
        address = folder / "rows.jsonl" if request.param == "file" else folder
        yield str(address), (folder / "rows.jsonl").write_bytes  # type: ignore[misc]
    elif request.param == "web":
        yield from _web()
    else:
        yield from _s3(monkeypatch)


def _web() -> Iterator[Place]:
    files: dict[str, HubRepository] = {}
    with hub_server(files) as server:  # which sends each file with a strong ETag

        def put(rows: bytes) -> None:
            files["rows"] = HubRepository({"rows.jsonl": rows})

        yield f"{server.url}/rows/resolve/main/rows.jsonl", put


def _s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-the-test")
    with s3_server() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        httpx.put(f"{server.url}/bucket").raise_for_status()

        def put(rows: bytes) -> None:
            url = f"{server.url}/bucket/raw/rows.jsonl"
            httpx.put(url, content=rows, headers=SIGNED).raise_for_status()

        yield "s3://bucket/raw/", put


def test_every_kind_of_source_is_seen_to_change_and_to_stay_the_same(
    workspace: Workspace, place: Place
) -> None:
    address, put = place
    put(lines(chats(50)))
    mine = Automated(
        workspace, DatasetSources(workspace), dataset={"data_uri": address}, **ON_NEW_DATA
    )
    assert mine.run("train_split", "holdout_split").success
    assert [mine.look() for _ in range(3)] == [None] * 3

    put(lines(chats(51)))

    assert [bool(mine.look()) for _ in range(4)] == [True, False, False, False]


@pytest.mark.timeout(300)  # imports huggingface_hub and datasets
def test_a_new_commit_of_the_hub_makes_exactly_one_run() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HUB_TICKS],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=250,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "False", "False", "True", "False", "False"]


# In a process of its own: huggingface_hub reads its address when it is imported.
HUB_TICKS = """
import os, tempfile
from pathlib import Path
from tests.resources.servers import HubRepository, hub_server
from tests.fakes import chats, lines
repositories = {"org/rows": HubRepository({"train.jsonl": lines(chats(50))}, commit="c0" * 20)}
with hub_server(repositories) as server, tempfile.TemporaryDirectory() as place:
    os.environ |= {"HF_ENDPOINT": server.url, "HF_HOME": place, "NO_PROXY": "127.0.0.1"}
    from osft_assets.core.workspace import Workspace
    from resources.dataset_sources import DatasetSources
    from tests.test_automation import ON_NEW_DATA, Automated
    workspace = Workspace(Path(place))
    source = DatasetSources(workspace)
    mine = Automated(workspace, source, dataset={"data_uri": "hf://org/rows"}, **ON_NEW_DATA)
    print(*[bool(mine.look()) for _ in range(3)])
    repositories["org/rows"] = HubRepository({"train.jsonl": lines(chats(51))}, commit="c1" * 20)
    print(*[bool(mine.look()) for _ in range(3)])
"""
FROM_CHECKPOINT_ON = {
    *("checkpoint", "training_metrics", "base_scores", "scores", "champion_scores"),
    *("forgetting_report", "registry_entry"),
}


@pytest.fixture
def source() -> FakeSource:
    return FakeSource(chats(50))


@pytest.fixture
def trained(workspace: Workspace, source: FakeSource) -> Automated:
    """A pipeline that ran once, and whose conditions were looked at before and after."""
    mine = Automated(workspace, source, **ON_NEW_DATA)
    assert mine.requested() == set()
    assert mine.run().success
    assert mine.requested() == set()
    return mine


def test_new_rows_request_everything_that_follows_once(
    trained: Automated, source: FakeSource
) -> None:
    source.rows, source.revision = chats(60), "fake:2"
    trained.run("train_split", "holdout_split")

    assert trained.requested() == FROM_CHECKPOINT_ON
    assert [trained.requested() for _ in range(5)] == [set()] * 5


def test_the_same_rows_prepared_again_request_nothing(
    trained: Automated, source: FakeSource
) -> None:
    source.revision = "fake:2"
    trained.run("train_split", "holdout_split")

    assert trained.requested() == set()


@pytest.mark.parametrize("asset", ["base_model", "checkpoint", "champion_scores"])
def test_whatever_else_is_made_anew_requests_nothing(trained: Automated, asset: str) -> None:
    key = dg.AssetKey(["mine", asset])
    tags = {"dagster/data_version": "another"}
    trained.instance.report_runless_asset_event(dg.AssetMaterialization(key, tags=tags))

    assert trained.requested() == set()


def test_a_promoted_champion_requests_nothing(trained: Automated) -> None:
    job = trained.defs.resolve_job_def("mine_promote")
    assert job.execute_in_process(instance=trained.instance).success

    assert trained.requested() == set()


def test_the_champion_is_never_requested(trained: Automated) -> None:
    graph = trained.defs.get_repository_def().asset_graph

    assert graph.get(dg.AssetKey(["mine", "champion"])).automation_condition is None


def test_rows_that_a_blocking_check_refuses_request_nothing_until_it_passes(
    trained: Automated, source: FakeSource
) -> None:
    source.rows, source.revision = chats(60), "fake:2"
    trained.run("train_split", "holdout_split")
    trained.claim("rows_are_well_formed", passed=False)
    assert trained.requested() == set()

    trained.claim("rows_are_well_formed", passed=True)

    assert trained.requested() == FROM_CHECKPOINT_ON


def test_a_run_that_trained_on_the_new_rows_itself_leaves_nothing_to_request(
    trained: Automated, source: FakeSource
) -> None:
    source.rows, source.revision = chats(60), "fake:2"
    assert trained.run().success

    assert [trained.requested() for _ in range(3)] == [set()] * 3


def test_nothing_is_requested_while_the_run_that_prepared_the_rows_goes_on(
    trained: Automated, source: FakeSource
) -> None:
    source.rows, source.revision = chats(60), "fake:2"
    job = trained.defs.resolve_job_def("mine_pipeline")
    trained.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    trained.run("train_split", "holdout_split")

    assert trained.requested() == set()


def test_a_training_that_failed_is_not_requested_again_for_the_same_rows(
    trained: Automated, source: FakeSource
) -> None:
    source.rows, source.revision = chats(60), "fake:2"
    trained.resources["trainer"].fails = TrainingError("memory ran out")
    assert not trained.run().success

    assert [trained.requested() for _ in range(3)] == [set()] * 3


def test_what_is_registered_may_get_as_old_as_the_file_says(workspace: Workspace) -> None:
    limited = Automated(workspace, FakeSource(chats(50)), freshness={"within_hours": 24})
    graph = limited.defs.get_repository_def().asset_graph

    policies = {key.path[-1]: graph.get(key).freshness_policy for key in graph.get_all_asset_keys()}

    assert {name for name, policy in policies.items() if policy} == {"registry_entry"}
    assert policies["registry_entry"] == dg.FreshnessPolicy.time_window(timedelta(hours=24))
