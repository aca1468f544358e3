"""Evaluation, report and gate inside Dagster: scores, verdicts, and chains that stop at a loss."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from osft_assets.core.errors import ConfigError, EvaluationError
from osft_assets.core.forgetting import ForgettingReport
from osft_assets.core.gate_claims import CLAIMS
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.scores import ScoresRecord
from osft_assets.core.workspace import Workspace
from osft_assets.executor import COMPUTES
from osft_assets.pipeline import build_pipeline
from tests.fakes import FakeEvaluator, FakeModelSource, FakeSource, chats, fake_resources
from tests.models import model, write_model

_LOST = {"arc_easy": (0.8, 0.3)}


def _pipeline(name: str = "mine", **attributes: Any) -> PipelineRecipe:
    told = {"name": name, "dataset": {"data_uri": "pvc://rows"}, "defined_in": "defs.yaml"}
    return PipelineRecipe(**told | {"train": {"effective_batch_size": 8}} | attributes)


class Runs:
    """Materializes pipelines one after another: into one workspace, in one Dagster instance."""

    def __init__(self, workspace: Workspace, instance: dg.DagsterInstance) -> None:
        self.workspace, self.instance = workspace, instance
        self._base = write_model(workspace.root / "base", model())

    def job(
        self, *pipelines: PipelineRecipe, evaluator: FakeEvaluator | None = None, **resources: Any
    ) -> dg.JobDefinition:
        """The job of the last one; the others are what it starts from."""
        real = {
            "evaluator": evaluator or FakeEvaluator(),
            "model_source": FakeModelSource(self._base),
        }
        defs = dg.Definitions.merge(
            *map(build_pipeline, pipelines),
            dg.Definitions(resources=fake_resources(self.workspace, **real | resources)),
        )
        return defs.resolve_job_def(f"{pipelines[-1].name}_pipeline")

    def __call__(
        self,
        *pipelines: PipelineRecipe,
        config: dict[str, dict[str, Any]] | None = None,
        only: str = "",
        **resources: Any,
    ) -> dg.ExecuteInProcessResult:
        """`only`: one asset and its checks, from what an earlier run made."""
        pipelines = pipelines or (_pipeline(),)
        name = pipelines[-1].name
        ops = {f"{name}__{asset}": {"config": values} for asset, values in (config or {}).items()}
        return self.job(*pipelines, **resources).execute_in_process(
            instance=self.instance,
            run_config={"ops": ops},
            raise_on_error=False,
            asset_selection=[dg.AssetKey([name, only])] if only else None,
        )


@pytest.fixture
def run(workspace: Workspace) -> Iterator[Runs]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Runs(workspace, instance)


class Finished:
    """A whole run that several tests look at. Its report can be made again, with another policy."""

    def __init__(self, run: Runs, evaluator: FakeEvaluator) -> None:
        self._run, self.evaluator = run, evaluator
        self.result = run(evaluator=evaluator)

    def judged(
        self, policy: dict[str, Any], *, in_the_launchpad: bool = False
    ) -> dg.ExecuteInProcessResult:
        """The report by another policy, of the pipeline's file or of the launchpad."""
        pipeline = _pipeline() if in_the_launchpad else _pipeline(gate=policy)
        config = {"forgetting_report": policy} if in_the_launchpad else {}
        return self._run(pipeline, config=config, only="forgetting_report")


def _finished(root: Path, right: dict[str, tuple[float, float]]) -> Iterator[Finished]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Finished(Runs(Workspace(root), instance), FakeEvaluator(right))


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """It learned, and kept all."""
    yield from _finished(tmp_path_factory.mktemp("passed"), {})


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """It learned, and lost arc_easy."""
    yield from _finished(tmp_path_factory.mktemp("lost"), _LOST)


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """It learned nothing, and kept all."""
    yield from _finished(tmp_path_factory.mktemp("unchanged"), {"holdout": (0.5, 0.5)})


def _claims(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {
        claim.check_name: claim
        for claim in result.get_asset_check_evaluations()
        if claim.asset_key.path[-1] == "forgetting_report"
    }


def _red(result: dg.ExecuteInProcessResult) -> set[str]:
    return {name for name, claim in _claims(result).items() if not claim.passed}


def _is_warning(claim: dg.AssetCheckEvaluation) -> bool:
    return claim.severity == dg.AssetCheckSeverity.WARN


def _metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    for event in result.get_asset_materialization_events():
        made = event.step_materialization_data.materialization
        if made.asset_key.path[-1] == asset:
            return {name: value.value for name, value in made.metadata.items()}
    raise AssertionError(f"{asset} was not made")


def _made(result: dg.ExecuteInProcessResult) -> set[str]:
    return {
        event.step_materialization_data.materialization.asset_key.path[-1]
        for event in result.get_asset_materialization_events()
    }


def _failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    found = {}
    for event in result.filter_events(lambda event: event.is_step_failure):
        error = event.step_failure_data.error
        found[str(event.step_key)] = str((error.cause or error).message)
    return found


def _report(result: dg.ExecuteInProcessResult, name: str = "mine") -> ForgettingReport:
    report = result.asset_value([name, "forgetting_report"])
    assert isinstance(report, ForgettingReport)
    return report


# The whole pipeline


def test_a_pipeline_that_learns_and_keeps_passes(passed: Finished) -> None:
    result = passed.result

    assert result.success
    assert {name for name, claim in _claims(result).items() if claim.passed} == set(CLAIMS)
    assert all(claim.blocking for claim in _claims(result).values())
    assert _report(result).blocked_by == ()
    for which in ("base_scores", "scores"):
        record = result.asset_value(["mine", which])
        assert isinstance(record, ScoresRecord)
        assert [task.name for task in record.tasks] == ["holdout", "arc_easy"]


def test_base_and_checkpoint_are_asked_the_same(passed: Finished) -> None:
    first, second = passed.evaluator.jobs

    assert first.rows == second.rows
    assert first.recipe == second.recipe
    assert {first.model_fingerprint} != {second.model_fingerprint}


def test_a_task_that_was_lost_blocks_and_its_scores_are_still_there(lost: Finished) -> None:
    result = lost.result
    claim = _claims(result)["old_skills_are_kept"]

    assert not result.success
    assert _red(result) == {"old_skills_are_kept"}
    assert claim.blocking
    assert not _is_warning(claim)
    assert "arc_easy is lost" in (claim.description or "")
    assert _made(result) >= {"checkpoint", "base_scores", "scores", "forgetting_report"}
    assert _metadata(result, "scores")["arc_easy/acc"] == 0.3


def test_a_loss_that_only_warns_lets_it_through(lost: Finished) -> None:
    result = lost.judged({"when_lost": "warn"})

    assert result.success
    assert _red(result) == {"old_skills_are_kept"}
    assert _is_warning(_claims(result)["old_skills_are_kept"])
    assert _metadata(result, "forgetting_report")["verdict"] == "passed"


def test_an_earlier_skill_that_was_lost_blocks(run: Runs) -> None:
    pipeline = _pipeline(evaluate={"skills": {"old": "pvc://old.jsonl"}})
    result = run(pipeline, evaluator=FakeEvaluator({"skill:old": (0.8, 0.2)}))

    assert not result.success
    assert "skill:old is lost" in (_claims(result)["old_skills_are_kept"].description or "")


def test_nothing_learned_blocks(unchanged: Finished) -> None:
    result = unchanged.result

    assert not result.success
    assert _red(result) == {"new_skill_is_learned"}
    assert _report(result).blocked_by == ("new_skill_is_learned",)


def test_nothing_learned_can_be_let_through(unchanged: Finished) -> None:
    result = unchanged.judged({"when_not_learned": "warn"})

    assert result.success
    assert _is_warning(_claims(result)["new_skill_is_learned"])


def test_without_a_holdout_nothing_tells_what_was_learned(run: Runs) -> None:
    dataset = {"data_uri": "pvc://rows", "data_split": 1}
    result = run(_pipeline(dataset=dataset))

    assert result.success
    assert _is_warning(_claims(result)["new_skill_is_learned"])
    assert "There is no holdout" in (_claims(result)["new_skill_is_learned"].description or "")


def test_too_few_documents_say_nothing(lost: Finished) -> None:
    result = lost.judged({"min_documents": 101})

    assert result.success
    assert {each.verdict for each in _report(result).comparisons} == {"cannot tell"}
    assert _red(result) == {"new_skill_is_learned"}
    assert _is_warning(_claims(result)["new_skill_is_learned"])


def test_too_few_documents_of_a_required_task_block(passed: Finished) -> None:
    result = passed.judged({"min_documents": 101, "required": ["arc_easy"]})

    assert not result.success
    assert _report(result).blocked_by == ("old_skills_are_kept",)


def test_a_failed_evaluation_says_why_and_where(run: Runs) -> None:
    result = run(evaluator=FakeEvaluator(fails=EvaluationError("Out of GPU memory")))

    failures = _failures(result)
    assert failures.keys() == {"mine__base_scores", "mine__scores"}
    assert "Out of GPU memory. All that was printed is in" in failures["mine__scores"]
    assert _claims(result) == {}


# The launchpad


@pytest.mark.parametrize("tolerance", [0.6, {"arc_easy": 0.6}], ids=["number", "dict"])
def test_a_tolerance_in_the_launchpad_takes_effect(lost: Finished, tolerance: Any) -> None:
    result = lost.judged({"tolerance": tolerance}, in_the_launchpad=True)

    (arc,) = [each for each in _report(result).comparisons if each.task == "arc_easy"]
    assert arc.tolerance == 0.6
    assert arc.verdict != "lost"
    assert result.success


def test_the_tolerance_of_the_file_is_the_default_of_the_launchpad(lost: Finished) -> None:
    result = lost.judged({"tolerance": 0.6})

    assert result.success
    assert _metadata(result, "forgetting_report")["policy"]["tolerance"] == 0.6


def test_other_settings_in_the_launchpad_are_asked(run: Runs) -> None:
    asked = {"tasks": ["piqa"], "limit": 5, "seed": 7}
    evaluator = FakeEvaluator()
    run(evaluator=evaluator, config={"base_scores": asked, "scores": asked})

    assert [job.recipe["tasks"] for job in evaluator.jobs] == [["piqa"], ["piqa"]]
    assert [job.recipe["seed"] for job in evaluator.jobs] == [7, 7]


def test_settings_of_only_one_of_both_are_not_comparable(run: Runs) -> None:
    result = run(config={"scores": {"limit": 5}})
    claim = _claims(result)["scores_are_comparable"]

    assert not result.success
    assert not claim.passed
    assert "arc_easy was asked otherwise" in (claim.description or "")


def test_a_policy_about_a_task_nobody_asked_says_so(passed: Finished) -> None:
    result = passed.judged({"required": ["arc_esay"]}, in_the_launchpad=True)

    failure = _failures(result)["mine__forgetting_report"]
    assert "gate.required names arc_esay, which was not evaluated" in failure


@pytest.mark.parametrize(
    ("asset", "values", "expected"),
    [
        ("forgetting_report", {"tolerance": -1.0}, "tolerance.*greater than or equal to 0"),
        ("forgetting_report", {"tolerance": {"arc_easy": -1}}, "greater than or equal to 0"),
        ("forgetting_report", {"tolerance": "much"}, "tolerance"),
        ("forgetting_report", {"confidence": 95.0}, "confidence: Input should be less than 1"),
        ("forgetting_report", {"when_lost": "ignore"}, "when_lost"),
        ("forgetting_report", {"min_documents": 1}, "min_documents: Input should be greater"),
        ("base_scores", {"limit": 0}, "limit: expected -1 for all"),
        ("scores", {"batch": "large"}, "batch: expected auto"),
        ("scores", {"seed": [1, 2, 3]}, "seed.*expected one number, or four"),
        ("scores", {"tasks": [], "holdout": False}, "nothing to evaluate"),
        ("scores", {"backend": "vllm"}, "set vllm_python"),
        ("scores", {"model_args": {"dtype": "float32"}}, r"set evaluate\.dtype"),
        ("scores", {"device": "gpu"}, "device: expected auto, cpu"),
    ],
)
def test_a_wrong_value_makes_no_run(
    run: Runs, asset: str, values: dict[str, Any], expected: str
) -> None:
    with pytest.raises((ConfigError, dg.DagsterInvalidConfigError), match=f"(?s){expected}"):
        run(config={asset: values})

    assert run.instance.get_runs_count() == 0


# The pages


def test_the_page_of_scores_tells_what_was_found_and_how(passed: Finished) -> None:
    base, tuned = (_metadata(passed.result, which) for which in ("base_scores", "scores"))

    first = next(row.data for row in base["scores"].records if row.data["task"] == "arc_easy")
    assert (first["metric"], first["n"]) == ("acc", "100")
    assert "| arc_easy | acc |" in base["every_score"]
    assert base["holdout/bits_per_byte"] == pytest.approx(0.95)
    assert tuned["holdout/bits_per_byte"] == pytest.approx(0.55)
    assert (base["model"], tuned["model"]) == ("fake://model", "mine/checkpoint")
    assert base["model_hash"] != tuned["model_hash"]
    assert Path(tuned["table"]).read_text().startswith("name,kind,task,metric")
    assert all(Path(place).is_dir() for place in tuned["files"].values())
    assert (tuned["backend"], tuned["device"], tuned["reused"]) == ("fake", "cpu", "none")
    assert tuned["settings"]["tasks"] == ["arc_easy"]
    assert tuned["library_versions"] == {"lm-eval": "0.4.13"}
    assert tuned["notes"] == "none"


@pytest.mark.parametrize("asset", ["base_scores", "scores"])
def test_the_page_of_scores_names_the_columns_and_counts_the_rows_of_its_file(
    passed: Finished, asset: str
) -> None:
    page = _metadata(passed.result, asset)
    head, *rows = Path(page["table"]).read_text().splitlines()

    assert [column.name for column in page["dagster/column_schema"].columns] == head.split(",")
    assert page["dagster/row_count"] == len(rows) > 0
    assert all(column.description for column in page["dagster/column_schema"].columns)


def test_the_page_of_the_report_tells_the_verdict(passed: Finished) -> None:
    page = _metadata(passed.result, "forgetting_report")

    assert (page["verdict"], page["blocked_by"]) == ("passed", "nothing")
    assert page["retention"] == 1.0
    assert "backward_transfer" not in page  # nothing was learned before
    assert page["difference/arc_easy"] == 0
    assert page["difference/holdout"] == pytest.approx(0.4)
    assert "| arc_easy |" in page["comparison"]
    assert "data:image/svg+xml" in page["charts"]
    assert len(page["summary"]) < 1_000  # or the page hides it behind a link
    assert page["dagster/row_count"] == 2
    assert "<html" in Path(page["page"]).read_text()
    assert Path(page["report"]).is_file()


def test_the_page_of_a_blocked_report_tells_by_what(lost: Finished) -> None:
    page = _metadata(lost.result, "forgetting_report")

    assert (page["verdict"], page["blocked_by"]) == ("blocked", "old_skills_are_kept")
    assert page["retention"] == pytest.approx(0.3 / 0.8)


# Chains of pipelines


def _next(name: str = "next", start_from: str = "mine") -> PipelineRecipe:
    return _pipeline(name, start_from=start_from)


def test_a_blocked_checkpoint_is_nothing_to_go_on_from(run: Runs) -> None:
    run(evaluator=FakeEvaluator(_LOST))
    result = run(_pipeline(), _next())

    failure = _failures(result)["next__base_model"]
    assert "mine/forgetting_report blocks this model. old_skills_are_kept: arc_easy is" in failure
    assert "base_scores" not in _made(result)


def test_a_checkpoint_that_passed_is_gone_on_from(run: Runs) -> None:
    run()
    result = run(_pipeline(), _next())

    assert result.success
    assert _metadata(result, "base_model")["verdict"] == "passed"


def test_a_checkpoint_that_is_judged_again_with_another_policy_is_gone_on_from(run: Runs) -> None:
    lost = FakeEvaluator(_LOST)
    run(evaluator=lost)
    run(evaluator=lost, config={"forgetting_report": {"when_lost": "warn"}})

    assert run(_pipeline(), _next()).success


def test_a_checkpoint_that_changed_after_its_report_is_refused(run: Runs) -> None:
    run()
    weights = (run.workspace.root / "mine/final_model/model.safetensors").resolve()
    weights.write_bytes(weights.read_bytes()[::-1])

    result = run(_pipeline(), _next())

    assert "next__base_model" in _failures(result)


def test_a_checkpoint_that_nobody_evaluated_is_gone_on_from_and_said(run: Runs) -> None:
    run()
    for report in (run.workspace.root / "mine/reports").iterdir():
        report.unlink()

    result = run(_pipeline(), _next())

    assert _metadata(result, "base_model")["verdict"] == "none: mine was not evaluated"


def test_a_chain_of_three_asks_all_holdouts_and_fills_the_matrix(run: Runs) -> None:
    first, second, third = _pipeline("first"), _next("second", "first"), _next("third", "second")
    evaluator = FakeEvaluator(
        {"holdout:first": (0.9, 0.7), "holdout:second": (0.9, 0.6), "arc_easy": (0.8, 0.79)}
    )
    lenient = {"forgetting_report": {"when_lost": "warn"}}

    for number, chain in enumerate([(first,), (first, second), (first, second, third)]):
        rows = FakeSource(chats(50, start=100 * number), revision=f"fake:{number}")
        result = run(*chain, evaluator=evaluator, dataset_source=rows, config=lenient)
        assert result.success, _failures(result)

    assert [rows.name for rows in evaluator.jobs[-1].rows] == [
        *("holdout", "holdout:first", "holdout:second")
    ]
    assert evaluator.jobs[-1].rows == evaluator.jobs[-2].rows
    assert len({rows.path for rows in evaluator.jobs[-1].rows}) == 3
    matrix = _report(result, "third").matrix
    assert matrix.steps == ("fake://model", "first", "second", "third")
    assert matrix.skills == ("first", "second", "third")
    after_third = matrix.values[-1]
    assert after_third == pytest.approx((0.65, 0.7, 0.55))
    measured = [[value is not None for value in row] for row in matrix.values]
    assert measured == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
        [True, True, True],
    ]
    assert _metadata(result, "forgetting_report")["backward_transfer"] < 0


# How steps share a machine


def test_what_fills_a_machine_runs_alone() -> None:
    (defs,) = [build_pipeline(_pipeline())]
    tagged = {
        asset.op.name
        for asset in defs.assets or ()
        if isinstance(asset, dg.AssetsDefinition) and COMPUTES in asset.op.tags
    }

    scores = {"mine__base_scores", "mine__scores", "mine__champion_scores"}
    assert tagged == {"mine__training", *scores}
