"""The dataset stage inside Dagster: assets, checks, data versions, metadata."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.workspace import Workspace
from osft_assets.pipeline import build_pipeline
from resources.dataset_sources import DatasetSources
from tests.fakes import FakeSource, chat, chats, fake_resources, lines

Run = Callable[..., dg.ExecuteInProcessResult]
TRAIN_SPLIT, HOLDOUT_SPLIT = (
    dg.AssetKey(["mine", f"{side}_split"]) for side in ("train", "holdout")
)


@pytest.fixture
def run(workspace: Workspace) -> Run:
    """Materializes a pipeline over a source, into the same workspace every time."""

    def materialize(source: Any, **recipe: Any) -> dg.ExecuteInProcessResult:
        train = recipe.pop("train", OsftRecipe(effective_batch_size=8))
        selection = recipe.pop("selection", [TRAIN_SPLIT, HOLDOUT_SPLIT])
        dataset = DatasetRecipe(**{"data_uri": "pvc://rows.jsonl", **recipe})
        pipeline = PipelineRecipe(
            name="mine",
            dataset=dataset,
            train=train,
            retry={"times": 0},
            defined_in="defs/mine/defs.yaml",
        )
        resources = fake_resources(workspace, dataset_source=source)
        defs = dg.Definitions.merge(build_pipeline(pipeline), dg.Definitions(resources=resources))
        job = defs.resolve_job_def("mine_pipeline")
        return job.execute_in_process(
            instance=dg.DagsterInstance.ephemeral(), raise_on_error=False, asset_selection=selection
        )

    return materialize


def _materializations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetMaterialization]:
    events = result.get_asset_materialization_events()
    found = [event.step_materialization_data.materialization for event in events]
    return {materialization.asset_key.path[-1]: materialization for materialization in found}


def _data_versions(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    return {
        name: (materialization.tags or {})["dagster/data_version"]
        for name, materialization in _materializations(result).items()
    }


def _claims(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], bool]:
    return {
        (claim.asset_key.path[-1], claim.check_name): claim.passed
        for claim in result.get_asset_check_evaluations()
    }


def _failure(result: dg.ExecuteInProcessResult) -> str:
    error = next(event for event in result.all_events if event.is_step_failure)
    return str(error.step_failure_data.error)


def test_both_splits_are_made_and_every_claim_holds(run: Run) -> None:
    result = run(FakeSource(chats(100)))

    assert result.success
    assert set(_materializations(result)) == {"train_split", "holdout_split"}
    assert len(_claims(result)) == 6
    assert all(_claims(result).values())


def test_the_same_rows_give_the_same_data_versions(run: Run) -> None:
    first = run(FakeSource(chats(100), revision="fake:1"))

    again = run(FakeSource(chats(100), revision="fake:2"))

    assert _data_versions(again) == _data_versions(first)


def test_a_new_row_changes_the_version_of_its_own_split_only(run: Run) -> None:
    before = _data_versions(run(FakeSource(chats(100))))

    after = _data_versions(run(FakeSource(chats(101), revision="fake:2")))

    assert sum(before[name] != after[name] for name in before) == 1


def test_an_unchanged_source_is_not_read_again(run: Run) -> None:
    source = FakeSource(chats(100))
    run(source)

    result = run(source)

    assert result.success
    assert source.times_read == 1


def test_a_changed_setting_is_prepared_anew(run: Run) -> None:
    source = FakeSource(chats(100))
    run(source)

    run(source, data_split=0.5)

    assert source.times_read == 2


def test_a_source_without_a_revision_is_read_again_and_recognised_by_its_content(
    run: Run, tmp_path: Path
) -> None:
    source = FakeSource(chats(100), revision="")
    run(source)

    run(source)

    assert source.times_read == 2
    assert len(list((tmp_path / "workspace/mine/dataset_versions").iterdir())) == 1


def test_a_damaged_version_is_prepared_anew(run: Run, tmp_path: Path) -> None:
    source = FakeSource(chats(100))
    run(source)
    (tmp_path / "workspace/mine/datasets/train.jsonl").write_text("{}\n")

    result = run(source)

    assert result.success
    assert source.times_read == 2
    assert all(_claims(result).values())


def test_the_stable_path_leads_to_the_newest_version(run: Run, tmp_path: Path) -> None:
    run(FakeSource(chats(50)))

    run(FakeSource(chats(60), revision="fake:2"))

    train = (tmp_path / "workspace/mine/datasets/train.jsonl").read_bytes()
    holdout = (tmp_path / "workspace/mine/datasets/eval.jsonl").read_bytes()
    assert train.count(b"\n") + holdout.count(b"\n") == 60


def test_a_bad_row_fails_the_run_with_its_place_and_changes_nothing(
    run: Run, tmp_path: Path
) -> None:
    run(FakeSource(chats(200)))
    before = (tmp_path / "workspace/mine/datasets/train.jsonl").read_bytes()
    rows = chats(200)
    rows[119]["messages"][0]["role"] = "bot"

    result = run(FakeSource(rows, revision="fake:2"))

    assert not result.success
    assert "rows.jsonl line 120: messages[0].role is 'bot'" in _failure(result)
    assert (tmp_path / "workspace/mine/datasets/train.jsonl").read_bytes() == before
    assert not list((tmp_path / "workspace/mine/dataset_versions").glob(".*"))


def test_skipped_rows_are_counted_on_the_asset(run: Run) -> None:
    rows = [*chats(50), chat("What?", ""), chat("What?", "")]

    result = run(FakeSource(rows), on_invalid="skip")

    metadata = _materializations(result)["train_split"].metadata
    assert metadata["rows_invalid"].value == 2
    assert metadata["rows_read"].value == 52


def test_the_asset_page_tells_what_the_rows_are(run: Run) -> None:
    result = run(FakeSource(chats(50)))

    metadata = _materializations(result)["train_split"].metadata
    preview: Any = metadata["preview"]
    counted = sum(metadata[f"rows_{name}"].value for name in ("train", "holdout", "duplicate"))
    assert counted == metadata["rows_read"].value == 50
    assert metadata["dagster/row_count"].value == metadata["rows_train"].value
    assert metadata["revision"].value == "fake:1"
    assert [column.name for column in metadata["dagster/column_schema"].value.columns] == [
        "messages",
        "unmask",
    ]
    assert preview.records[0].data["first user message"].startswith("What is")
    assert "data:image/svg+xml;base64," in str(metadata["row_lengths"].value)


def test_share_1_leaves_an_empty_holdout(run: Run, tmp_path: Path) -> None:
    result = run(FakeSource(chats(50)), data_split=1)

    assert result.success
    assert (tmp_path / "workspace/mine/datasets/eval.jsonl").read_bytes() == b""
    assert all(_claims(result).values())


def test_too_few_rows_for_a_batch_are_a_warning(run: Run) -> None:
    result = run(FakeSource(chats(50)), train=OsftRecipe(effective_batch_size=128))

    assert result.success
    assert not _claims(result)["train_split", "rows_fill_a_batch"]


@pytest.mark.parametrize(
    ("damage", "claim"),
    [
        (lambda train, _: train.write_bytes(train.read_bytes()[:-10]), "rows_are_well_formed"),
        (lambda train, _: train.write_bytes(b'{"messages":[]}\n'), "rows_are_well_formed"),
        (
            lambda train, holdout: train.write_bytes(train.read_bytes() + holdout.read_bytes()),
            "splits_do_not_overlap",
        ),
        (lambda train, _: train.write_bytes(train.read_bytes() * 2), "splits_do_not_overlap"),
        (lambda _, holdout: holdout.write_bytes(b""), "rows_are_accounted_for"),
    ],
)
def test_a_file_that_was_changed_fails_its_claim(
    run: Run, tmp_path: Path, damage: Callable[[Path, Path], Any], claim: str
) -> None:
    run(FakeSource(chats(100)))
    datasets = tmp_path / "workspace/mine/datasets"
    damage(datasets / "train.jsonl", datasets / "eval.jsonl")

    result = _run_checks(tmp_path)

    assert not _claims(result)["train_split", claim]


def _run_checks(tmp_path: Path) -> dg.ExecuteInProcessResult:
    workspace = Workspace(tmp_path / "workspace")
    pipeline = PipelineRecipe(name="mine", dataset=DatasetRecipe(), defined_in="defs.yaml")
    job = dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())
    resources = fake_resources(workspace, dataset_source=FakeSource([]))
    defs = dg.Definitions.merge(
        build_pipeline(pipeline), dg.Definitions(jobs=[job], resources=resources)
    )
    return defs.resolve_job_def("checks").execute_in_process(raise_on_error=False)


def test_tokens_need_a_recipe_that_trains_on_them(run: Run, tmp_path: Path) -> None:
    rows = [{"input_ids": [1, 2, number], "labels": [-100, 2, number]} for number in range(50)]

    refused = run(FakeSource(rows))
    accepted = run(FakeSource(rows), train=OsftRecipe(use_processed_dataset=True))

    assert "train.use_processed_dataset" in _failure(refused)
    assert accepted.success
    first = (tmp_path / "workspace/mine/datasets/train.jsonl").read_text().splitlines()[0]
    assert set(json.loads(first)) == {"input_ids", "labels"}


def test_documents_stay_documents(run: Run, tmp_path: Path) -> None:
    rows = [{"text": f"Chapter {number} tells of the sea."} for number in range(50)]

    result = run(FakeSource(rows), train=OsftRecipe(is_pretraining=True, block_size=64))

    assert result.success
    first = (tmp_path / "workspace/mine/datasets/train.jsonl").read_text().splitlines()[0]
    assert set(json.loads(first)) == {"document"}


def test_a_presigned_link_from_the_environment_is_shown_nowhere(
    run: Run,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(
        "ROWS_URL", "http://bob:hunter2@127.0.0.1:9/rows.jsonl?X-Amz-Signature=hunter2"
    )
    caplog.set_level("DEBUG")

    result = run(DatasetSources(workspace), data_uri="env:ROWS_URL")

    assert not result.success
    assert "127.0.0.1:9/rows.jsonl" in _failure(result)
    assert "hunter2" not in _failure(result) + str(result.all_events) + caplog.text


def test_rows_of_a_real_file_arrive(run: Run, workspace: Workspace) -> None:
    (workspace.root / "rows.jsonl").write_bytes(lines(chats(100)))

    result = run(DatasetSources(workspace))

    assert result.success
    assert _materializations(result)["train_split"].metadata["source"].value == "pvc://rows.jsonl"


def test_splits_of_two_versions_fail_their_claim(run: Run, tmp_path: Path) -> None:
    run(FakeSource(chats(100)))
    record = tmp_path / "workspace/mine/records/holdout_split.json"
    older = record.read_text()
    run(FakeSource(chats(120), revision="fake:2"))
    record.write_text(older)

    result = _run_checks(tmp_path)

    assert not _claims(result)["train_split", "splits_do_not_overlap"]


def test_a_count_that_does_not_add_up_fails_its_claim(run: Run, tmp_path: Path) -> None:
    run(FakeSource(chats(100)))
    marker = tmp_path / "workspace/mine/datasets/dataset.json"
    marker.write_text(marker.read_text().replace('"read": 100', '"read": 101'))

    result = _run_checks(tmp_path)

    assert not _claims(result)["train_split", "rows_are_accounted_for"]


def test_rows_left_out_are_a_warning(run: Run) -> None:
    result = run(FakeSource([*chats(50), chat("What?", "")]), on_invalid="skip")

    assert result.success
    assert not _claims(result)["train_split", "no_row_was_left_out"]


KILLED = """
import sys, time
from pathlib import Path
from osft_assets.core.dataset import DatasetStage
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.workspace import Workspace
from tests.fakes import FakeSource, chats

class Endless(FakeSource):
    def _read(self):
        yield from super()._read()
        print("written", flush=True)
        time.sleep(60)
        yield

workspace = Workspace(Path(sys.argv[1]))
stage = DatasetStage(PipelineRecipe(name="mine"), workspace, Endless(chats(3000)))
stage.run(DatasetRecipe(), print)
"""


def test_a_run_killed_in_the_middle_leaves_the_old_dataset_and_the_next_one_completes(
    run: Run, tmp_path: Path
) -> None:
    run(FakeSource(chats(100), revision="fake:0"))
    before = (tmp_path / "workspace/mine/datasets/train.jsonl").read_bytes()

    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "workspace")],
        cwd=Path(__file__).parent.parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        while "written" not in process.stdout.readline():
            assert process.poll() is None
        process.kill()

    versions = tmp_path / "workspace/mine/dataset_versions"
    assert list(versions.glob(".writing-*"))
    assert (tmp_path / "workspace/mine/datasets/train.jsonl").read_bytes() == before
    assert run(FakeSource(chats(3000))).success
    assert not list(versions.glob(".writing-*"))
