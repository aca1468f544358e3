"""The training stage inside Dagster: assets, live observations, checks, chains of pipelines."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from osft_assets.core.checkpoint import CheckpointRecord, read_version
from osft_assets.core.errors import ConfigError, TrainingError
from osft_assets.core.ports import TrainingWatch
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.training_job import RowAccount, TrainingJob, TrainingOutcome
from osft_assets.core.training_steps import Step
from osft_assets.core.workspace import Workspace
from osft_assets.pipeline import build_pipeline
from tests.fakes import FakeTrainer, certificate, fake_resources

Run = Callable[..., dg.ExecuteInProcessResult]


def _pipeline(**attributes: Any) -> PipelineRecipe:
    told = {"name": "mine", "dataset": {"data_uri": "pvc://rows"}, "defined_in": "defs.yaml"}
    return PipelineRecipe(**told | {"train": {"effective_batch_size": 8}} | attributes)


def _job(
    workspace: Workspace, trainer: FakeTrainer, **attributes: Any
) -> tuple[dg.JobDefinition, PipelineRecipe]:
    pipeline = _pipeline(**attributes)
    others = [build_pipeline(_pipeline())] if pipeline.start_from else []
    resources = fake_resources(workspace, trainer=trainer)
    defs = dg.Definitions.merge(
        build_pipeline(pipeline), *others, dg.Definitions(resources=resources)
    )
    return defs.resolve_job_def(f"{pipeline.name}_pipeline"), pipeline


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def run(workspace: Workspace, instance: dg.DagsterInstance) -> Run:
    """Materializes a pipeline over a trainer, into the same workspace every time."""

    def materialize(
        trainer: FakeTrainer, config: dict[str, Any] | None = None, **attributes: Any
    ) -> dg.ExecuteInProcessResult:
        job, pipeline = _job(workspace, trainer, **attributes)
        ops = {"ops": {f"{pipeline.name}__training": {"config": config}}} if config else {}
        return job.execute_in_process(instance=instance, run_config=ops, raise_on_error=False)

    return materialize


def _claims(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {
        claim.check_name: claim
        for claim in result.get_asset_check_evaluations()
        if claim.asset_key.path[-1] == "checkpoint"
    }


def _metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    for event in result.get_asset_materialization_events():
        made = event.step_materialization_data.materialization
        if made.asset_key.path[-1] == asset:
            return {name: value.value for name, value in made.metadata.items()}
    raise AssertionError(f"{asset} was not made")


def _observed(instance: dg.DagsterInstance) -> list[dict[str, Any]]:
    """What was observed so far, as the asset's page asks for it; the oldest first."""
    key = dg.AssetKey(["mine", "training_metrics"])
    records = instance.fetch_observations(key, limit=1_000).records
    found = [record.asset_observation for record in reversed(records)]
    return [
        {name: value.value for name, value in observation.metadata.items()}
        for observation in found
        if observation
    ]


def _failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    cause = event.step_failure_data.error.cause
    return str(cause.message if cause else event.step_failure_data.error.message)


def test_a_checkpoint_is_made_and_every_claim_holds(run: Run, workspace: Workspace) -> None:
    result = run(FakeTrainer())

    record = result.asset_value(["mine", "checkpoint"])
    assert isinstance(record, CheckpointRecord)
    assert {name for name, claim in _claims(result).items() if claim.passed} == {
        *("training_is_complete", "files_are_as_written", "model_can_be_loaded"),
        *("frozen_subspace_was_kept", "loss_fell", "every_row_was_trained_on"),
    }
    assert Path(record.model.path) == (workspace.root / "mine/final_model").resolve()


def test_sft_claims_no_frozen_subspace(run: Run) -> None:
    claims = _claims(run(FakeTrainer(), algorithm="sft"))

    assert "frozen_subspace_was_kept" not in claims
    assert all(claim.passed for claim in claims.values())


def test_steps_are_observed_while_it_runs(run: Run, instance: dg.DagsterInstance) -> None:
    seen_so_far: list[int] = []

    class Watched(FakeTrainer):
        def train(self, job: TrainingJob, watch: TrainingWatch) -> TrainingOutcome:
            outcome = super().train(job, watch)
            seen_so_far.append(len(_observed(instance)))
            return outcome

    run(Watched(losses=(4.0, 3.0, 2.0)))
    observed = _observed(instance)

    assert seen_so_far == [3]

    assert [seen["loss"] for seen in observed] == [4.0, 3.0, 2.0]
    assert observed[0].keys() >= {"learning_rate", "grad_norm", "tokens_per_second"}
    assert observed[-1]["seconds_left"] == 0.0


def test_a_long_training_is_observed_no_more_than_ninety_times(
    run: Run, instance: dg.DagsterInstance
) -> None:
    run(FakeTrainer(losses=[2.0, 1.0] * 1_000))

    assert 80 <= len(_observed(instance)) <= 90


def test_the_page_tells_what_was_made_and_how(run: Run) -> None:
    result = run(FakeTrainer(notes=("no CUDA device",), validation_loss=1.5))
    checkpoint, metrics = _metadata(result, "checkpoint"), _metadata(result, "training_metrics")

    assert checkpoint["backend"] == "fake"
    assert checkpoint["constrained_share"] == 0.9
    assert checkpoint["worst_leak"] == 1e-5
    assert checkpoint["validation_loss"] == 1.5
    assert "no CUDA device" in checkpoint["notes"]
    assert checkpoint["rows_trained"] == checkpoint["rows_given"] > 0
    assert "4 steps of osft** on cpu" in checkpoint["summary"]
    assert "90% of the parameters are constrained" in checkpoint["summary"]
    assert metrics["final_loss"] == 1.0
    assert metrics["lowest_loss"] == 1.0
    columns = [column.name for column in metrics["dagster/column_schema"].columns]
    assert columns == [field.name for field in fields(Step)]  # as the worker writes them
    assert metrics["dagster/row_count"] == 4
    assert len(metrics["loss_curve"]) < 1_000  # or the page hides it behind a link
    assert "data:image/svg+xml" in metrics["loss_chart"]
    assert Path(metrics["loss_page"]).exists()


def test_unchanged_inputs_are_not_trained_again(run: Run) -> None:
    trainer = FakeTrainer()
    first, second = run(trainer), run(trainer)

    assert len(trainer.jobs) == 1
    assert not _metadata(first, "checkpoint")["reused"]
    assert _metadata(second, "checkpoint")["reused"]
    assert _metadata(second, "training_metrics")["final_loss"] == 1.0


def test_another_setting_in_the_launchpad_trains_again(run: Run) -> None:
    trainer = FakeTrainer()
    run(trainer)
    run(trainer, {"train": {"learning_rate": 1e-4}})

    assert [job.recipe["learning_rate"] for job in trainer.jobs] == [5e-6, 1e-4]


def test_pod_settings_do_not_train_again(run: Run) -> None:
    trainer = FakeTrainer()
    run(trainer)
    run(trainer, {"pod": {"env_vars": {"NCCL_DEBUG": "WARN"}}})

    assert len(trainer.jobs) == 1


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"train": {"learning_rate": -1.0}}, "learning_rate: Input should be greater"),
        ({"train": {"unfreeze_rank_ratio": 1.0}}, "unfreeze_rank_ratio: Input should be less"),
        ({"train": {"save_best_val_loss": True}}, "needs validation_frequency"),
        ({"pod": {"num_procs": "many"}}, "num_procs: expected auto"),
        ({"pod": {"env_vars": {"HF_TOKEN": "hf_x"}}}, "HF_TOKEN looks like a secret"),
    ],
)
def test_a_wrong_value_makes_no_run(
    workspace: Workspace, config: dict[str, Any], expected: str
) -> None:
    job, _ = _job(workspace, FakeTrainer())
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(ConfigError, match=expected):
            job.execute_in_process(
                instance=instance, run_config={"ops": {"mine__training": {"config": config}}}
            )

        assert instance.get_runs_count() == 0


def test_what_was_set_on_purpose_reaches_the_trainer_as_such(run: Run) -> None:
    trainer = FakeTrainer()
    run(trainer)
    run(trainer, pod={"gpu": 1}, train={"learning_rate": 1e-3})
    run(trainer, {"pod": {"workers": 2}}, train={"learning_rate": 1e-2})

    assert [job.asked for job in trainer.jobs] == [(), ("gpu",), ("workers",)]


def test_a_failed_training_says_why_and_changes_nothing(
    run: Run, workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    run(FakeTrainer(losses=(4.0, 3.0, 2.0)))
    before = (workspace.root / "mine/final_model").resolve()

    failing = FakeTrainer(losses=(4.0, 9.0), fails=TrainingError("Out of GPU memory"))
    result = run(failing, train={"learning_rate": 1e-3})

    assert "Out of GPU memory. All it printed is in" in _failure(result)
    assert (workspace.root / "mine/final_model").resolve() == before
    assert _claims(result) == {}
    assert len(_observed(instance)) == 3 + 2  # what was seen before it failed stays to be seen


def test_a_diverging_training_is_stopped(run: Run) -> None:
    assert "training diverges" in _failure(run(FakeTrainer(losses=(1.0, 2.0, 30.0, 1.0))))


def test_a_loss_that_is_no_number_stops_it(run: Run) -> None:
    assert "The loss is nan at step 2" in _failure(run(FakeTrainer(losses=(1.0, float("nan")))))


def test_a_leak_blocks(run: Run) -> None:
    result = run(FakeTrainer(certificate=certificate(leak=0.1)))
    claim = _claims(result)["frozen_subspace_was_kept"]

    assert not result.success
    assert not claim.passed
    assert claim.blocking
    assert claim.metadata["broken_matrices"].value == "layers.0.q_proj.weight"


def test_dropped_rows_are_a_warning_with_their_count(run: Run) -> None:
    rows = RowAccount(given=45, trained=40, too_short_or_long=3, over_gpu_limit=1, without_loss=1)
    claim = _claims(run(FakeTrainer(rows=rows)))["every_row_was_trained_on"]

    assert not claim.passed
    assert claim.severity == dg.AssetCheckSeverity.WARN
    assert "5 of 45 rows were left out: 3 under 20 tokens" in (claim.description or "")


def test_a_model_that_was_changed_fails_its_claim(run: Run, workspace: Workspace) -> None:
    run(FakeTrainer())
    weights = (workspace.root / "mine/final_model/model.safetensors").resolve()
    weights.write_bytes(weights.read_bytes()[::-1])  # of the same size: not trained anew

    claim = _claims(run(FakeTrainer()))["files_are_as_written"]

    assert not claim.passed
    assert claim.metadata["changed_files"].value == "model.safetensors"


def test_a_pipeline_goes_on_from_another_ones_checkpoint(run: Run) -> None:
    first = run(FakeTrainer()).asset_value(["mine", "checkpoint"])
    trainer = FakeTrainer()
    second = run(trainer, name="next", start_from="mine")

    (job,) = trainer.jobs
    assert second.success
    assert job.model.path == first.model.path
    assert job.model.fingerprint == first.fingerprint
    version = read_version(Path(second.asset_value(["next", "checkpoint"]).version_path))
    assert version.base_model.uri == "mine/checkpoint"


def test_a_broken_checkpoint_is_nothing_to_go_on_from(run: Run) -> None:
    run(FakeTrainer(certificate=certificate(leak=0.1)))
    result = run(FakeTrainer(), name="next", start_from="mine")

    assert "mine/checkpoint does not hold frozen_subspace_was_kept" in _failure(result)


def test_going_on_from_what_was_never_trained_says_what_to_do(run: Run) -> None:
    result = run(FakeTrainer(), name="next", start_from="mine")

    assert "Materialize mine/checkpoint first" in _failure(result)
