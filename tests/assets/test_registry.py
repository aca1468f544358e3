"""Registry and champion inside Dagster: what passed is registered, promoted, and trained on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from osft_assets.core.errors import RegistryError
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registry_entry import RegistryEntry
from osft_assets.core.registry_records import LOCAL_REGISTRY
from osft_assets.core.workspace import Workspace
from osft_assets.pipeline import build_pipeline
from tests.fakes import FakeEvaluator, FakeModelSource, FakeRegistry, FakeTrainer, fake_resources
from tests.models import model, write_model

_LOST = {"arc_easy": (0.8, 0.3)}


def _pipeline(**attributes: Any) -> PipelineRecipe:
    told = {"name": "mine", "dataset": {"data_uri": "pvc://rows"}, "defined_in": "defs.yaml"}
    return PipelineRecipe(**told | {"train": {"effective_batch_size": 8}} | attributes)


class Runs:
    """Materializes a pipeline, or parts of it, with one registry that outlives the runs."""

    def __init__(self, workspace: Workspace, instance: dg.DagsterInstance) -> None:
        self.workspace, self.instance = workspace, instance
        self.registry = FakeRegistry()
        self._base = FakeModelSource(write_model(workspace.root / "base", model()))

    def __call__(
        self,
        pipeline: PipelineRecipe | None = None,
        job: str = "mine_pipeline",
        only: tuple[str, ...] = (),
        config: dict[str, dict[str, Any]] | None = None,
        **resources: Any,
    ) -> dg.ExecuteInProcessResult:
        told = config or {}
        real = {"model_source": self._base, "model_registry": self.registry} | resources
        defs = dg.Definitions.merge(
            build_pipeline(pipeline or _pipeline()),
            dg.Definitions(resources=fake_resources(self.workspace, **real)),
        )
        return defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            run_config={"ops": {f"mine__{name}": {"config": of} for name, of in told.items()}},
            asset_selection=[dg.AssetKey(["mine", asset]) for asset in only] or None,
            raise_on_error=False,
        )

    def promote(self, **settings: Any) -> dg.ExecuteInProcessResult:
        return self(job="mine_promote", config={"champion": settings})

    @property
    def champion(self) -> Any:
        return self.registry.models[LOCAL_REGISTRY, "mine-model"].properties.get("champion")


@pytest.fixture
def run(workspace: Workspace) -> Iterator[Runs]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Runs(workspace, instance)


def _entry(result: dg.ExecuteInProcessResult) -> RegistryEntry:
    entry = result.asset_value(["mine", "registry_entry"])
    assert isinstance(entry, RegistryEntry)
    return entry


def _made(result: dg.ExecuteInProcessResult) -> set[str]:
    return {
        event.step_materialization_data.materialization.asset_key.path[-1]
        for event in result.get_asset_materialization_events()
    }


def _metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    for event in result.get_asset_materialization_events():
        made = event.step_materialization_data.materialization
        if made.asset_key.path[-1] == asset:
            return {name: value.value for name, value in made.metadata.items()}
    raise AssertionError(f"{asset} was not made")


def _failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    error = event.step_failure_data.error
    return str((error.cause or error).message)


def _checks(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, dg.AssetCheckSeverity]]:
    return {
        claim.check_name: (claim.passed, claim.severity)
        for claim in result.get_asset_check_evaluations()
        if claim.asset_key.path[-1] == "registry_entry"
    }


# The entry


def test_what_passes_the_gate_is_registered(run: Runs) -> None:
    result = run()

    entry = _entry(result)
    assert result.success
    assert entry.registered
    assert (entry.registered.name, entry.registered.version) == ("mine-model", "1.0.0")
    assert {passed for passed, _ in _checks(result).values()} == {True}


def test_the_page_of_the_entry_leads_to_card_lineage_and_registry(run: Runs) -> None:
    shown = _metadata(run(), "registry_entry")

    assert shown["registry"] == "the local registry"
    assert (shown["model"], shown["version"]) == ("mine-model", "1.0.0")
    assert "## Training data" in shown["card"]
    assert Path(shown["card_path"]).is_file()
    assert Path(shown["lineage"]).is_file()
    assert shown["defined_in"] == "defs.yaml"


def test_the_run_is_the_source_of_the_model(run: Runs) -> None:
    result = run()

    source = run.registry.registrations[0].source
    assert (source.kind, source.source_class) == ("dagster", "asset")
    assert (source.name, source.id) == ("mine/registry_entry", result.run_id)


def test_what_the_gate_blocks_is_not_registered(run: Runs) -> None:
    result = run(_pipeline(evaluate={"tasks": ["arc_easy"]}), evaluator=FakeEvaluator(_LOST))

    assert not result.success
    assert "registry_entry" not in _made(result)
    assert not run.registry.registrations


def test_a_run_of_its_own_does_not_slip_past_the_gate(run: Runs) -> None:
    blocked = _pipeline(evaluate={"tasks": ["arc_easy"]})
    run(blocked, evaluator=FakeEvaluator(_LOST))

    result = run(blocked, only=("registry_entry",))

    assert "forgetting_report blocks this model. old_skills_are_kept" in _failure(result)
    assert not run.registry.registrations


def test_a_run_of_its_own_may_be_forced_with_a_reason_that_stays(run: Runs) -> None:
    blocked = _pipeline(evaluate={"tasks": ["arc_easy"]})
    run(blocked, evaluator=FakeEvaluator(_LOST))

    result = run(blocked, only=("registry_entry",), config={"registry_entry": {"force": "a test"}})

    assert result.success
    assert _metadata(result, "registry_entry")["forced_because"] == "a test"
    assert run.registry.registrations[0].properties["forced_because"] == "a test"


def test_a_checkpoint_trained_since_it_was_judged_is_not_registered(run: Runs) -> None:
    run()
    trained = ("checkpoint", "training_metrics")
    run(only=trained, config={"training": {"train": {"seed": 7}}})

    result = run(only=("registry_entry",))

    assert "Nobody judged checkpoint" in _failure(result)


def test_a_skipped_registration_is_green_and_says_so(run: Runs) -> None:
    result = run(_pipeline(registry={"skip": True}))

    assert result.success
    assert _metadata(result, "registry_entry")["registered"] == "skipped: registry.skip is set"
    assert not run.registry.registrations


def test_a_registry_that_does_not_answer_is_an_error_and_no_skip(run: Runs) -> None:
    class Down(FakeRegistry):
        def register(self, *_: Any) -> Any:
            raise RegistryError("http://registry is down")

    result = run(model_registry=Down())

    assert not result.success
    assert "http://registry is down" in _failure(result)


def test_an_entry_that_is_gone_from_the_registry_is_red(run: Runs) -> None:
    class Forgetful(FakeRegistry):
        def read(self, *_: Any) -> None:
            return None

    result = run(model_registry=Forgetful())

    assert _checks(result)["entry_is_in_the_registry"] == (False, dg.AssetCheckSeverity.ERROR)


def test_an_entry_of_a_model_that_was_archived_is_red(run: Runs) -> None:
    run()
    place = (LOCAL_REGISTRY, "mine-model")
    archived = run.registry.models[place].model_copy(update={"state": "ARCHIVED"})
    run.registry.models[place] = archived

    result = run(job="mine_register", only=("registry_entry",))

    assert not _checks(result)["entry_is_in_the_registry"][0]


def test_a_version_that_was_judged_otherwise_since_it_was_registered_warns(run: Runs) -> None:
    run()
    strict = _pipeline(gate={"required": ["arc_easy"], "min_documents": 10_000})
    run(strict, only=("forgetting_report",))

    result = run(
        strict, job="mine_register", config={"registry_entry": {"force": "they wait for it"}}
    )

    (claim,) = (
        c for c in result.get_asset_check_evaluations() if c.check_name == "gate_was_passed"
    )
    assert not claim.passed
    assert "keeps mine-model 1.0.0 as passed" in str(claim.description)


def test_a_bad_setting_makes_no_run(run: Runs) -> None:
    with pytest.raises(Exception, match="expected a semantic version"):
        run(config={"registry_entry": {"reg_version": "v1"}})


# Before anything is trained


def test_nothing_is_trained_for_a_registry_that_is_down(run: Runs) -> None:
    trainer = FakeTrainer()

    result = run(model_registry=FakeRegistry(fails=RegistryError("it is down")), trainer=trainer)

    assert not result.success
    assert not trainer.jobs


def test_nothing_is_trained_that_servers_could_not_load(run: Runs) -> None:
    trainer = FakeTrainer()

    result = run(_pipeline(registry={"address": "https://registry.example"}), trainer=trainer)

    claims = {claim.check_name: claim for claim in result.get_asset_check_evaluations()}
    assert "OSFT_WORKSPACE_URI" in str(claims["can_be_registered"].description)
    assert not trainer.jobs


def test_a_taken_version_warns(run: Runs) -> None:
    taken = _pipeline(registry={"reg_version": "2.0.0"})
    run(taken)

    result = run(taken)

    claims = {claim.check_name: claim for claim in result.get_asset_check_evaluations()}
    assert result.success
    assert not claims["version_is_free"].passed
    assert claims["version_is_free"].severity == dg.AssetCheckSeverity.WARN


# The champion


def test_nothing_is_promoted_by_a_pipelines_own_run(run: Runs) -> None:
    result = run()

    assert "champion" not in _made(result)
    assert run.champion is None


def test_materializing_the_champion_promotes_the_newest_entry(run: Runs) -> None:
    run()

    result = run.promote(reason="it is good")

    assert result.success
    assert run.champion == "1.0.0"
    shown = _metadata(result, "champion")
    assert (shown["version"], shown["replaced"], shown["reason"]) == ("1.0.0", "none", "it is good")


def test_the_champion_promoted_again_keeps_its_reason(run: Runs) -> None:
    run()
    run.promote(reason="it is good")

    shown = _metadata(run.promote(), "champion")

    assert (shown["changed"], shown["reason"]) == (False, "it is good")


@pytest.mark.parametrize(("set_by_hand", "replaced"), [("9.9.9", "9.9.9"), ("1.0.0", "none")])
def test_a_champion_that_another_tool_set_can_be_promoted_over(
    run: Runs, set_by_hand: str, replaced: str
) -> None:
    run()
    run.registry.amend(RegistryRecipe(), "mine-model", lambda _: {"champion": set_by_hand})

    result = run.promote()

    assert result.success
    assert run.champion == "1.0.0"
    assert _metadata(result, "champion")["replaced"] == replaced


def test_a_rollback_goes_back_to_the_champion_before(run: Runs) -> None:
    run()
    run.promote()
    registration = run.registry.registrations[0].model_copy(update={"fingerprint": "other"})
    run.registry.register(_pipeline().registry, registration, print)
    run.promote()
    assert run.champion == "1.0.1"

    result = run.promote(rollback=True)

    assert run.champion == "1.0.0"
    assert _metadata(result, "champion")["how"] == "rollback"


def test_a_forced_version_is_promoted_by_its_name_only(run: Runs) -> None:
    blocked = _pipeline(evaluate={"tasks": ["arc_easy"]})
    run(blocked, evaluator=FakeEvaluator(_LOST))
    run(blocked, only=("registry_entry",), config={"registry_entry": {"force": "a test"}})

    refused, named = run.promote(), run.promote(version="1.0.0")

    assert "was forced past the gate (a test)" in _failure(refused)
    assert named.success
    assert run.champion == "1.0.0"
    assert _metadata(named, "champion")["forced_because"] == "a test"


def test_promoting_where_nothing_is_registered_is_an_error(run: Runs) -> None:
    assert "There is no model mine-model" in _failure(run.promote())


def test_nothing_is_promoted_where_nothing_is_registered_any_more(run: Runs) -> None:
    run()

    skipping = _pipeline(registry={"skip": True})
    result = run(skipping, job="mine_promote")

    assert "skips the registry" in _failure(result)
    assert run.champion is None


# Against the champion


def test_the_report_compares_with_the_champion_once_there_is_one(run: Runs) -> None:
    first = run()
    run.promote()
    other = FakeEvaluator({"holdout": (0.1, 0.4)})

    second = run(_pipeline(algorithm="sft"), evaluator=other)

    assert first.asset_value(["mine", "forgetting_report"]).champion is None
    against = second.asset_value(["mine", "forgetting_report"]).champion
    assert against
    assert (against.name, against.version) == ("mine-model", "1.0.0")
    assert {one.task for one in against.comparisons} == {"holdout", "arc_easy"}
    shown = _metadata(second, "forgetting_report")
    assert shown["champion"] == "mine-model 1.0.0"
    assert "| holdout |" in shown["against_champion"]


def test_a_champion_that_is_gone_says_how_to_go_on_without_it(run: Runs) -> None:
    entry = _entry(run())
    run.promote()
    (Path(entry.lineage_path).parent / "checkpoint.json").unlink()

    result = run(only=("champion_scores",))

    assert "promote another version; or leave the comparison out" in _failure(result)


def test_nothing_is_asked_of_a_champion_that_is_not_wanted(run: Runs) -> None:
    run()
    run.promote()
    evaluator = FakeEvaluator()

    result = run(_pipeline(gate={"champion": False}), evaluator=evaluator)

    assert _metadata(result, "champion_scores")["champion"] == "none: gate.champion is off"
    assert len(evaluator.jobs) == 2


def test_where_nothing_is_registered_no_registry_is_asked(run: Runs) -> None:
    down = FakeRegistry(fails=RegistryError("it is down"))

    result = run(_pipeline(registry={"skip": True}), model_registry=down)

    assert result.success


# Training on


def test_a_pipeline_trains_on_from_its_champion(run: Runs) -> None:
    first = run()
    run.promote()

    # The fake evaluator knows no better and worse of two checkpoints of one pipeline.
    onward = _pipeline(base_model={"base_model": "champion"}, gate={"when_not_learned": "warn"})
    result = run(onward)

    base = result.asset_value(["mine", "base_model"])
    assert result.success
    assert base.path == first.asset_value(["mine", "checkpoint"]).model.path
    assert [skill.pipeline for skill in base.skills] == ["mine"]
    matrix = result.asset_value(["mine", "forgetting_report"]).matrix
    assert matrix.steps[1:] == ("mine", "mine (2)")


def test_without_a_champion_there_is_nothing_to_train_on_from(run: Runs) -> None:
    run()

    result = run(_pipeline(base_model={"base_model": "champion"}))

    assert "no version of mine-model was promoted yet" in _failure(result)


def test_who_skips_the_registry_has_no_champion_to_train_on_from(run: Runs) -> None:
    onward = _pipeline(base_model={"base_model": "champion"}, registry={"skip": True})

    assert "skips the registry" in _failure(run(onward))


def test_a_champion_whose_files_were_changed_is_refused(run: Runs) -> None:
    entry = _entry(run())
    run.promote()
    (Path(entry.card_path).parent / "model.safetensors").write_bytes(b"others")

    result = run(_pipeline(base_model={"base_model": "champion"}, gate={"champion": False}))

    assert "is not what was registered as mine-model 1.0.0" in _failure(result)
