"""The report stage: judged once, kept with its checkpoint, read again by who goes on from it."""

from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.checkpoint import CHECKPOINT_REVISION, CheckpointRecord
from osft_assets.core.errors import ConfigError, EvaluationError
from osft_assets.core.forgetting import ForgettingReport
from osft_assets.core.forgetting_report import ReportStage, read_report, report_path
from osft_assets.core.model_records import ModelRecord, TaughtSkill
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.scores import ChampionScores, ScoresRecord
from osft_assets.core.workspace import Workspace
from tests.core.test_evaluation import model_in, taught
from tests.core.test_evaluation import run as evaluate
from tests.fakes import FakeEvaluator

BASE_RIGHT, TUNED_RIGHT = {"holdout": (0.1, 0.1)}, {"holdout": (0.9, 0.9)}


def checkpoint(
    base: ModelRecord, tuned: ModelRecord, pipeline: str = "lessons", **values: Any
) -> CheckpointRecord:
    told: dict[str, Any] = {
        "pipeline": pipeline,
        "algorithm": "osft",
        "version_path": tuned.path,
        "fingerprint": "c1",
        "base_model": base,
        "model": tuned,
    }
    return CheckpointRecord(**told | values)


class Chapter:
    """A base, a checkpoint and the scores of both, on disk."""

    def __init__(
        self,
        workspace: Workspace,
        skills: tuple[TaughtSkill, ...] = (),
        fingerprint: str = "base 1",
        base_right: dict[str, tuple[float, float]] = BASE_RIGHT,
        tuned_right: dict[str, tuple[float, float]] = TUNED_RIGHT,
        base_asked: dict[str, Any] | None = None,
        tuned_asked: dict[str, Any] | None = None,
    ) -> None:
        self.workspace = workspace
        models = workspace.root / "models"
        self.base_model = model_in(
            models / "base", b"before", skills=skills, fingerprint=fingerprint
        )
        if skills:
            made_here = {
                "uri": "first/checkpoint",
                "revision": f"{CHECKPOINT_REVISION}{fingerprint}",
            }
            self.base_model = self.base_model.model_copy(update=made_here)
        self.tuned_model = model_in(models / "tuned", b"after", skills=skills)
        self.base = self.scores_of(self.base_model, "base_scores", base_right, base_asked)
        self.tuned = self.scores_of(self.tuned_model, "scores", tuned_right, tuned_asked)

    def scores_of(self, model: ModelRecord, which: Any, right: Any, asked: Any) -> ScoresRecord:
        evaluator = FakeEvaluator(right)
        return evaluate(self.workspace, evaluator, model, which, **asked or {}).record

    def judged(
        self,
        policy: GateRecipe | None = None,
        champion: ChampionScores | None = None,
        **values: Any,
    ) -> ForgettingReport:
        made = checkpoint(self.base_model, self.tuned_model, **values)
        stage = ReportStage("lessons", self.workspace)
        return stage.run(self.base, self.tuned, made, policy or GateRecipe(), champion)


def test_a_report_is_written_with_its_page_and_read_again(workspace: Workspace) -> None:
    report = Chapter(workspace).judged()

    path = report_path(workspace, "lessons", "c1")
    assert path == workspace.root / "lessons/reports/c1.json"
    assert read_report(workspace, "lessons", "c1") == report
    assert "<html" in path.with_suffix(".html").read_text()
    assert report.blocked_by == ()


def test_what_was_lost_is_in_the_verdict(workspace: Workspace) -> None:
    lost = TUNED_RIGHT | {"arc_easy": (0.3, 0.3)}

    report = Chapter(workspace, tuned_right=lost).judged()

    assert {each.task: each.verdict for each in report.comparisons} == {
        "holdout": "improved",
        "arc_easy": "lost",
    }
    assert report.blocked_by == ("old_skills_are_kept",)
    assert report.retention == pytest.approx(0.3 / 0.8)


def test_the_champion_is_compared_document_by_document_and_decides_nothing(
    workspace: Workspace,
) -> None:
    chapter = Chapter(workspace)
    better = chapter.scores_of(
        model_in(workspace.root / "models/champion", b"the best"),
        "champion_scores",
        {"holdout": (1.0, 1.0)},
        None,
    )

    report = chapter.judged(champion=ChampionScores(name="m", version="1.0.0", scores=better))

    assert report.champion
    found = {each.task: each for each in report.champion.comparisons}
    assert found["holdout"].difference.method == "paired"
    assert (found["holdout"].verdict, report.blocked_by) == ("lost", ())


@pytest.mark.parametrize("is_asked", [True, False])
def test_a_champion_that_is_this_very_model_is_compared_with_nothing(
    workspace: Workspace, is_asked: bool
) -> None:
    chapter = Chapter(workspace)
    itself = chapter.tuned if is_asked else None

    report = chapter.judged(champion=ChampionScores(name="m", version="1.0.0", scores=itself))

    assert report.champion is None


def test_the_verdict_on_a_checkpoint_that_nobody_judged_is_none(workspace: Workspace) -> None:
    Chapter(workspace).judged()

    assert read_report(workspace, "lessons", "c2") is None
    assert read_report(workspace, "others", "c1") is None


@pytest.mark.parametrize("content", ["", "{", '{"pipeline": "lessons"}', "\0\0"], ids=repr)
def test_a_damaged_report_says_so(workspace: Workspace, content: str) -> None:
    Chapter(workspace).judged()
    report_path(workspace, "lessons", "c1").write_text(content)

    with pytest.raises(EvaluationError, match=r"c1\.json is damaged .* lessons/forgetting_report"):
        read_report(workspace, "lessons", "c1")


@pytest.mark.parametrize("which", ["base_scores", "scores"])
def test_a_model_that_changed_since_it_was_evaluated_is_refused(
    workspace: Workspace, which: str
) -> None:
    chapter = Chapter(workspace)
    model = chapter.base_model if which == "base_scores" else chapter.tuned_model
    (Path(model.path) / "model.safetensors").write_bytes(b"trained since")

    with pytest.raises(EvaluationError, match=f"{which} is about .*Materialize {which} again"):
        chapter.judged()

    assert read_report(workspace, "lessons", "c1") is None


def test_a_model_that_is_gone_is_refused(workspace: Workspace) -> None:
    chapter = Chapter(workspace)
    for file in Path(chapter.base_model.path).iterdir():
        file.unlink()

    with pytest.raises(EvaluationError, match="Materialize base_scores again"):
        chapter.judged()


def test_documents_that_are_gone_are_an_error(workspace: Workspace) -> None:
    chapter = Chapter(workspace)
    (Path(chapter.tuned.directories["arc_easy"]) / "documents.jsonl").unlink()

    with pytest.raises(EvaluationError, match=r"documents\.jsonl is missing or damaged"):
        chapter.judged()


def test_tasks_asked_differently_are_not_compared_and_the_claim_fails(
    workspace: Workspace,
) -> None:
    report = Chapter(workspace, base_asked={"limit": 5}).judged()

    claims = {claim.name: claim for claim in report.claims}
    assert report.comparisons == ()
    assert not claims["scores_are_comparable"].passed
    assert "arc_easy was asked otherwise" in claims["scores_are_comparable"].reason
    assert "scores_are_comparable" in report.blocked_by


def test_a_task_asked_of_only_one_is_not_compared_and_the_claim_fails(
    workspace: Workspace,
) -> None:
    report = Chapter(workspace, tuned_asked={"tasks": []}).judged()

    assert [each.task for each in report.comparisons] == ["holdout"]
    assert "scores_are_comparable" in report.blocked_by
    assert any("arc_easy was asked of only one" in claim.reason for claim in report.claims)


def test_a_policy_about_a_task_that_was_not_evaluated_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match=r"gate\.required names arc_esay"):
        Chapter(workspace).judged(GateRecipe(required=["arc_esay"]))


def test_the_same_scores_and_policy_have_the_same_fingerprint(workspace: Workspace) -> None:
    chapter = Chapter(workspace)

    assert chapter.judged() == chapter.judged()
    assert chapter.judged(GateRecipe(tolerance=0.3)).fingerprint != chapter.judged().fingerprint


# The chain


def test_without_an_ancestor_the_base_is_the_first_step(workspace: Workspace) -> None:
    matrix = Chapter(workspace).judged().matrix

    assert matrix.steps == ("hf://tiny/model", "lessons")
    assert matrix.skills == ("lessons",)
    assert matrix.metrics == ("bits_per_byte,none",)
    assert [row for (row,) in matrix.values] == pytest.approx([0.95, 0.55])


def first_chapter(workspace: Workspace) -> ForgettingReport:
    """What `first` reported of its own checkpoint, `c0`."""
    chapter = Chapter(workspace)
    base, tuned = (
        record.model_copy(update={"pipeline": "first"}) for record in (chapter.base, chapter.tuned)
    )
    made = checkpoint(chapter.base_model, chapter.tuned_model, "first", fingerprint="c0")
    return ReportStage("first", workspace).run(base, tuned, made, GateRecipe())


def test_the_matrix_of_the_ancestor_is_extended(workspace: Workspace) -> None:
    earlier = first_chapter(workspace)
    forgotten = TUNED_RIGHT | {"holdout:first": (0.5, 0.5)}
    remembered = BASE_RIGHT | {"holdout:first": (0.9, 0.9)}

    report = Chapter(workspace, (taught(workspace, "first"),), "c0", remembered, forgotten).judged()

    matrix = report.matrix
    assert matrix.steps == ("hf://tiny/model", "first", "lessons")
    assert matrix.skills == ("first", "lessons")
    assert [row[0] for row in matrix.values[:2]] == [row[0] for row in earlier.matrix.values]
    assert matrix.values[0][1] is None  # lessons was not yet asked of the very first model
    assert matrix.values[1][1] == pytest.approx(0.95)
    assert matrix.values[2] == pytest.approx((0.75, 0.55))
    assert report.backward_transfer == pytest.approx(0.55 - 0.75)


def test_another_report_of_the_ancestor_changes_the_fingerprint(workspace: Workspace) -> None:
    chapter = Chapter(workspace, (taught(workspace, "first"),), "c0")
    alone = chapter.judged()
    Path(chapter.base_model.path).rename(workspace.root / "kept")
    Path(chapter.tuned_model.path).rename(workspace.root / "kept too")
    first_chapter(workspace)

    after = Chapter(workspace, (taught(workspace, "first"),), "c0").judged()

    assert alone.matrix.steps == ("first/checkpoint", "lessons")
    assert after.matrix.steps == ("hf://tiny/model", "first", "lessons")
    assert after.fingerprint != alone.fingerprint


def test_a_report_on_another_checkpoint_of_the_ancestor_is_not_extended(
    workspace: Workspace,
) -> None:
    first_chapter(workspace)

    report = Chapter(workspace, (taught(workspace, "first"),), "another").judged()

    assert report.matrix.steps == ("first/checkpoint", "lessons")


def test_a_damaged_report_of_the_ancestor_is_an_error(workspace: Workspace) -> None:
    first_chapter(workspace)
    report_path(workspace, "first", "c0").write_text("{")

    with pytest.raises(EvaluationError, match="Materialize first/forgetting_report again"):
        Chapter(workspace, (taught(workspace, "first"),), "c0").judged()
