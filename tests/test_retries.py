"""What is tried again and what is not, in one process and in several."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from osft_assets.core.errors import OsftError, RegistryError, RowError, SourceError
from osft_assets.core.ports import FoundSource
from osft_assets.core.recipes.automation import RetryRecipe
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.workspace import Workspace
from osft_assets.executor import local_executor
from osft_assets.pipeline import build_pipeline
from osft_assets.retries import retried
from tests.fakes import FakeRegistry, FakeSource, chats, fake_resources

AWAY = SourceError("the network is gone. Wait", transient=True)
TRAIN_SPLIT, HOLDOUT_SPLIT = (dg.AssetKey(["mine", f"{n}_split"]) for n in ("train", "holdout"))


class FailingSource(FakeSource):
    """Fails some times, then works. Counts in a file: each try may be a process of its own."""

    def __init__(self, counter: Path, failures: int, problem: OsftError) -> None:
        super().__init__(chats(50))
        self.counter, self.failures, self.problem = counter, failures, problem

    @property
    def asked(self) -> int:
        return len(self.counter.read_text()) if self.counter.exists() else 0

    def find(self, recipe: DatasetRecipe) -> FoundSource:
        with self.counter.open("a") as file:
            file.write(".")
        if self.asked <= self.failures:
            raise self.problem
        return super().find(recipe)


def definitions(root: Path, source: Any, **real: Any) -> dg.Definitions:
    pipeline = PipelineRecipe(
        name="mine",
        dataset=DatasetRecipe(data_uri="pvc://rows.jsonl"),
        train=OsftRecipe(effective_batch_size=8),
        retry=RetryRecipe(times=2, first_pause_seconds=0.01),
        defined_in="defs.yaml",
    )
    resources = fake_resources(Workspace(root), dataset_source=source, **real)
    return dg.Definitions.merge(
        build_pipeline(pipeline), dg.Definitions(resources=resources, executor=local_executor)
    )


def run(found: dg.Definitions, *assets: dg.AssetKey) -> dg.ExecuteInProcessResult:
    job = found.resolve_job_def("mine_pipeline")
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(
            instance=instance, raise_on_error=False, asset_selection=list(assets) or None
        )


def events(result: Any, kind: str) -> list[str]:
    return [str(e.step_key) for e in result.all_events if e.event_type_value == kind]


def last_words(result: Any) -> list[str]:
    failed = [event for event in result.all_events if event.is_step_failure]
    errors = [event.step_failure_data.error for event in failed]
    return [error.cause.message.partition(": ")[2].strip() for error in errors if error.cause]


def test_a_source_that_fails_twice_and_then_works_makes_one_successful_run(
    workspace: Workspace, tmp_path: Path
) -> None:
    source = FailingSource(tmp_path / "asked", 2, AWAY)

    result = run(definitions(workspace.root, source), TRAIN_SPLIT, HOLDOUT_SPLIT)

    assert result.success
    assert source.asked == 3
    assert events(result, "STEP_UP_FOR_RETRY") == ["mine__dataset"] * 2


def test_it_gives_up_with_our_own_message(workspace: Workspace, tmp_path: Path) -> None:
    source = FailingSource(tmp_path / "asked", 9, AWAY)

    result = run(definitions(workspace.root, source), TRAIN_SPLIT, HOLDOUT_SPLIT)

    assert not result.success
    assert source.asked == 3
    assert last_words(result) == ["the network is gone. Wait"]


@pytest.mark.parametrize(
    "problem", [RowError("row 7 has no answer. Mend it"), SourceError("it is forbidden. Log in")]
)
def test_bad_rows_and_wrong_settings_fail_at_once(
    workspace: Workspace, tmp_path: Path, problem: OsftError
) -> None:
    source = FailingSource(tmp_path / "asked", 9, problem)

    result = run(definitions(workspace.root, source), TRAIN_SPLIT, HOLDOUT_SPLIT)

    assert source.asked == 1
    assert events(result, "STEP_UP_FOR_RETRY") == []
    assert last_words(result) == [str(problem)]


def test_every_asset_and_every_check_tries_again() -> None:
    champion = BaseModelRecipe(base_model="champion")
    every_kind = [
        build_pipeline(PipelineRecipe(name="one", defined_in="a")),
        build_pipeline(PipelineRecipe(name="two", start_from="one", defined_in="b")),
        build_pipeline(PipelineRecipe(name="three", base_model=champion, defined_in="c")),
    ]
    made = [one for found in every_kind for one in (*found.assets, *found.asset_checks)]

    lacking = [one.op.name for one in made if not _is_retried(one)]

    assert len(made) == 3 * 15
    assert lacking == []


def _is_retried(made: Any) -> bool:
    code = made.op.compute_fn.decorated_fn.__code__
    return bool(code.co_qualname.startswith(retried.__name__))


def test_a_registry_that_is_away_is_asked_again_by_the_step_that_registers(
    workspace: Workspace,
) -> None:
    class Away(FakeRegistry):
        asked = 0

        def register(self, *args: Any, **kwargs: Any) -> Any:
            self.asked += 1
            if self.asked == 1:
                raise RegistryError("no answer. Check that it runs", transient=True)
            return super().register(*args, **kwargs)

    registry = Away()
    found = definitions(workspace.root, FakeSource(chats(50)), model_registry=registry)

    result = run(found)

    assert result.success
    assert events(result, "STEP_UP_FOR_RETRY") == ["mine__registry_entry"]
    assert len(registry.registrations) == 1


def one_asset() -> dg.JobDefinition:
    """Built anew in the process of each step, which it keeps short: one asset, no pipeline."""
    counter = Path(dg.EnvVar("OSFT_TEST_COUNTER").get_value() or "")

    @dg.asset
    @retried(RetryRecipe(times=2, first_pause_seconds=0.01))
    def fails_once() -> dg.MaterializeResult:
        with counter.open("a") as file:
            file.write(".")
        if len(counter.read_text()) == 1:
            raise AWAY
        return dg.MaterializeResult()

    job = dg.define_asset_job("alone", executor_def=local_executor)
    return dg.Definitions(assets=[fails_once], jobs=[job]).resolve_job_def("alone")


def test_a_step_in_a_process_of_its_own_tries_again_just_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSFT_TEST_COUNTER", str(tmp_path / "asked"))

    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as instance,
        dg.execute_job(dg.reconstructable(one_asset), instance) as result,
    ):
        assert result.success
        assert events(result, "STEP_UP_FOR_RETRY") == ["fails_once"]
        assert (tmp_path / "asked").read_text() == ".."
