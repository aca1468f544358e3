"""The report stage: what was learned and forgotten, judged, and kept as a checkpoint's verdict.

One report a checkpoint, `<workspace>/<pipeline>/reports/<checkpoint's fingerprint>.json`, with a
page beside it; a later stage finds it by the checkpoint it is about to use. The judgement is
`core.gate`; the records, `core.forgetting`.
"""

from pathlib import Path

from osft_assets.core.checkpoint import CHECKPOINT_REVISION, CheckpointRecord
from osft_assets.core.deciding_metric import deciding_metric
from osft_assets.core.errors import EvaluationError
from osft_assets.core.forgetting import (
    ChampionComparison,
    ForgettingReport,
    SkillMatrix,
    TaskComparison,
)
from osft_assets.core.forgetting_arithmetic import backward_transfer, extended, retention
from osft_assets.core.forgetting_page import report_page
from osft_assets.core.gate import judge_task
from osft_assets.core.gate_claims import gate_claims
from osft_assets.core.lineage import fingerprint
from osft_assets.core.model_files import content_fingerprint
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.scores import ChampionScores, ScoresRecord, TaskScores, read_documents
from osft_assets.core.workspace import Workspace

# Raise it when the same scores would be judged otherwise.
CODE_VERSION = "2"


class ReportStage:
    """Judges the checkpoints of one pipeline."""

    def __init__(self, pipeline: str, workspace: Workspace) -> None:
        self._pipeline, self._workspace = pipeline, workspace

    def run(  # noqa: PLR0913 - the scores of three models, and what to make of them
        self,
        base: ScoresRecord,
        tuned: ScoresRecord,
        checkpoint: CheckpointRecord,
        policy: GateRecipe,
        champion: ChampionScores | None = None,
    ) -> ForgettingReport:
        """The report, written where `read_report` finds it."""
        _refuse_other_models(base, tuned, checkpoint)
        against = _against(champion, tuned, policy) if champion else None
        ancestor = self._ancestor(checkpoint.base_model)
        comparisons = tuple(_compared(base, tuned, policy))
        matrix = extended(ancestor, base, tuned, policy)
        report = ForgettingReport(
            pipeline=self._pipeline,
            checkpoint_fingerprint=checkpoint.fingerprint,
            model_fingerprint=tuned.model_fingerprint,
            base_fingerprint=base.model_fingerprint,
            base_uri=base.model_uri,
            fingerprint=_identity(base, tuned, policy, ancestor, champion),
            comparisons=comparisons,
            retention=retention(comparisons),
            backward_transfer=backward_transfer(matrix),
            matrix=matrix,
            claims=gate_claims(base.tasks, tuned.tasks, comparisons, policy),
            policy=policy.model_dump(),
            champion=against,
        )
        path = report_path(self._workspace, self._pipeline, checkpoint.fingerprint)
        page = report_page(report, f"{self._pipeline}/checkpoint {checkpoint.fingerprint}")
        self._workspace.write(path.with_suffix(".html"), page.encode())
        self._workspace.write(path, report.model_dump_json(indent=2).encode())
        return report

    def _ancestor(self, base: ModelRecord) -> SkillMatrix | None:
        """What was measured along the chain, as far as its pipelines were evaluated."""
        if not base.revision.startswith(CHECKPOINT_REVISION):
            return None
        report = read_report(self._workspace, Path(base.uri).parts[0], base.fingerprint)
        return report.matrix if report else None


def report_path(workspace: Workspace, pipeline: str, checkpoint_fingerprint: str) -> Path:
    """Where the verdict on a checkpoint is; its page has the same name."""
    return workspace.pipeline(pipeline) / "reports" / f"{checkpoint_fingerprint}.json"


def read_report(
    workspace: Workspace, pipeline: str, checkpoint_fingerprint: str
) -> ForgettingReport | None:
    """The verdict on a checkpoint, or None when nobody judged it."""
    path = report_path(workspace, pipeline, checkpoint_fingerprint)
    try:
        return ForgettingReport.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise EvaluationError(
            f"{path} is damaged or of another version of the code. Materialize "
            f"{pipeline}/forgetting_report again"
        ) from None


def _refuse_other_models(
    base: ScoresRecord, tuned: ScoresRecord, checkpoint: CheckpointRecord
) -> None:
    """Each of the three can have been materialized at another time."""
    for name, scores, model in (
        ("base_scores", base, checkpoint.base_model),
        ("scores", tuned, checkpoint.model),
    ):
        if content_fingerprint(Path(model.path)) != scores.model_fingerprint:
            raise EvaluationError(
                f"{name} is about {scores.model_uri} as it was when it was evaluated, but "
                f"{checkpoint.pipeline}/checkpoint now has {model.path}, which is another model. "
                f"Materialize {name} again"
            )


def _compared(base: ScoresRecord, tuned: ScoresRecord, policy: GateRecipe) -> list[TaskComparison]:
    """What both were asked alike; that something was not, a claim says."""
    asked = {task.name: task for task in tuned.tasks}
    pairs = [(task, asked[task.name]) for task in base.tasks if task.name in asked]
    return [
        _judged(before, after, base, tuned, policy)
        for before, after in pairs
        if before.fingerprint == after.fingerprint
    ]


def _against(
    champion: ChampionScores, tuned: ScoresRecord, policy: GateRecipe
) -> ChampionComparison | None:
    """Nothing where the champion was not asked, or is this very model."""
    before = champion.scores
    if before is None or before.model_fingerprint == tuned.model_fingerprint:
        return None
    return ChampionComparison(
        name=champion.name,
        version=champion.version,
        comparisons=tuple(_compared(before, tuned, policy)),
    )


def _judged(
    before: TaskScores,
    after: TaskScores,
    base: ScoresRecord,
    tuned: ScoresRecord,
    policy: GateRecipe,
) -> TaskComparison:
    key = deciding_metric(before, policy).key
    documents = (
        read_documents(Path(base.directories[before.name]), key),
        read_documents(Path(tuned.directories[after.name]), key),
    )
    return judge_task(before, after, documents, policy)


def _identity(
    base: ScoresRecord,
    tuned: ScoresRecord,
    policy: GateRecipe,
    ancestor: SkillMatrix | None,
    champion: ChampionScores | None,
) -> str:
    return fingerprint(
        {
            "code": CODE_VERSION,
            "base": base.fingerprint,
            "tuned": tuned.fingerprint,
            "policy": policy.model_dump(),
            "ancestor": ancestor.model_dump() if ancestor else None,
            "champion": champion.fingerprint if champion else None,
        }
    )
