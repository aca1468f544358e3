"""The registry stage: a checkpoint that passed the gate becomes a version in a model registry.

The verdict is read here once more, for exactly this checkpoint, whatever run made it. The registry
is behind the port `ModelRegistry`; which version is best is `core.champion`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.checkpoint import (
    MODEL,
    CheckpointRecord,
    CheckpointVersion,
    read_version,
    strange_files,
)
from osft_assets.core.checkpoint_card import checkpoint_card
from osft_assets.core.checkpoint_lineage import LINEAGE_FILE, lineage_of
from osft_assets.core.errors import ConfigError, EvaluationError
from osft_assets.core.forgetting import ForgettingReport
from osft_assets.core.forgetting_report import read_report, report_path
from osft_assets.core.gate_claims import refuse_blocked, refuse_other_model
from osft_assets.core.model_files import README, content_fingerprint
from osft_assets.core.ports import ModelRegistry, ModelStore
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registered_properties import properties
from osft_assets.core.registry_entry import RegistryEntry, model_name
from osft_assets.core.registry_preflight import unreachable
from osft_assets.core.registry_records import (
    RegisteredVersion,
    Registration,
    RunSource,
)
from osft_assets.core.workspace import Workspace

_FORCE = "or register it all the same, with a reason: osft-assets register PIPELINE --force REASON"

_LISTED = 10


@dataclass(frozen=True)
class AskedBy:
    """The run that registers, and the commit of its code, if known."""

    run: RunSource
    git_commit: str


@dataclass(frozen=True)
class _Case:
    """One checkpoint with its verdict, and how it is to be registered."""

    checkpoint: CheckpointRecord
    version: CheckpointVersion
    report: ForgettingReport
    recipe: RegistryRecipe


class RegistrationStage:
    """Registers the checkpoints of one pipeline."""

    def __init__(
        self, workspace: Workspace, registry: ModelRegistry, store: ModelStore, asked_by: AskedBy
    ) -> None:
        self._workspace, self._registry, self._store = workspace, registry, store
        self._run, self._git_commit = asked_by.run, asked_by.git_commit

    def run(
        self, checkpoint: CheckpointRecord, recipe: RegistryRecipe, say: Callable[[str], None]
    ) -> RegistryEntry:
        """The entry of this checkpoint, made now or before; EvaluationError when it is blocked."""
        version = read_version(Path(checkpoint.version_path))
        _refuse_strange_files(checkpoint, version)
        case = _Case(checkpoint, version, self._verdict(checkpoint, recipe), recipe)
        if recipe.skip:
            say("registry.skip is set: nothing is registered.")
            return _entry(case, None)
        if problem := unreachable(recipe, self._workspace):
            raise ConfigError(problem)
        self._begin_lineage(case)
        self._write_card(case)
        registration = self._registration(case, self._published(case, say))
        # Again: copying takes long, and nothing was spared from pruning while it was judged.
        _refuse_other_weights(case.report, checkpoint)
        registered = self._registry.register(recipe, registration, say)
        self._write_lineage(case, registered)
        return _entry(case, registered)

    def _verdict(self, checkpoint: CheckpointRecord, recipe: RegistryRecipe) -> ForgettingReport:
        """The report on exactly these weights, which passed, or are forced for a reason."""
        place = f"{checkpoint.pipeline}/forgetting_report"
        report = read_report(self._workspace, checkpoint.pipeline, checkpoint.fingerprint)
        if report is None:
            raise EvaluationError(
                f"Nobody judged checkpoint {checkpoint.fingerprint}: {place} is about another one. "
                "Materialize base_scores, scores and forgetting_report, then this again"
            )
        _refuse_other_weights(report, checkpoint)
        if not recipe.force:
            refuse_blocked(report, _FORCE)
        elif not report.blocked_by:
            raise ConfigError(
                f"registry.force is set, but {place} blocks nothing. Remove it from the launchpad"
            )
        return report

    def _published(self, case: _Case, say: Callable[[str], None]) -> str:
        """What a server can load the model from."""
        directory, target = Path(case.checkpoint.model.path), case.recipe.publish_to
        if not target:
            return self._workspace.address_of(directory)
        # By its weights: the same settings, trained again or elsewhere, may give others.
        name = f"{case.checkpoint.pipeline}/{case.report.model_fingerprint}"
        return self._store.publish(directory, target, name, say)

    def _registration(self, case: _Case, uri: str) -> Registration:
        version, report, recipe = case.version, case.report, case.recipe
        return Registration(
            name=model_name(version.pipeline, recipe),
            version=recipe.reg_version,
            author=recipe.reg_author,
            owner=recipe.owner or recipe.reg_author,
            description=recipe.description or _description(version, report),
            format_name=recipe.format_name,
            format_version=recipe.format_version,
            uri=uri,
            fingerprint=report.model_fingerprint,
            properties=properties(version, report, self._git_commit, recipe.force),
            source=self._run,
        )

    def _write_card(self, case: _Case) -> None:
        card = checkpoint_card(case.version, case.report, self._git_commit, case.recipe.force)
        self._workspace.write(_card_path(case.checkpoint), card.encode())

    def _begin_lineage(self, case: _Case) -> None:
        """What an earlier registration left says more, and stays until this one is through."""
        if not _lineage_path(case.checkpoint).exists():
            self._write_lineage(case, None)

    def _write_lineage(self, case: _Case, registered: RegisteredVersion | None) -> None:
        checkpoint = case.checkpoint
        lineage = lineage_of(
            case.version,
            case.report,
            report_path=report_path(self._workspace, checkpoint.pipeline, checkpoint.fingerprint),
            run=self._run,
            git_commit=self._git_commit,
            forced_because=case.recipe.force,
            registered=registered,
        )
        content = lineage.model_dump_json(indent=2).encode()
        self._workspace.write(_lineage_path(checkpoint), content)


def _refuse_strange_files(checkpoint: CheckpointRecord, version: CheckpointVersion) -> None:
    """They would be copied, and some servers would load them instead."""
    strange = strange_files(Path(checkpoint.version_path), version)
    if strange:
        raise EvaluationError(
            f"{checkpoint.model.path} holds what training did not write, and nobody judged: "
            f"{', '.join(strange[:_LISTED])}. Move it elsewhere"
        )


def _refuse_other_weights(report: ForgettingReport, checkpoint: CheckpointRecord) -> None:
    refuse_other_model(report, content_fingerprint(Path(checkpoint.model.path)))


def _entry(case: _Case, registered: RegisteredVersion | None) -> RegistryEntry:
    checkpoint = case.checkpoint
    return RegistryEntry(
        pipeline=checkpoint.pipeline,
        checkpoint_fingerprint=checkpoint.fingerprint,
        model_fingerprint=case.report.model_fingerprint,
        verdict=case.report.verdict,
        forced_because=case.recipe.force,
        registered=registered,
        card_path=str(_card_path(checkpoint)) if registered else "",
        lineage_path=str(_lineage_path(checkpoint)) if registered else "",
    )


def _card_path(checkpoint: CheckpointRecord) -> Path:
    return Path(checkpoint.version_path) / MODEL / README


def _lineage_path(checkpoint: CheckpointRecord) -> Path:
    return Path(checkpoint.version_path) / LINEAGE_FILE


def _description(version: CheckpointVersion, report: ForgettingReport) -> str:
    rows = version.outcome.rows.trained
    outcome = f"blocked by {', '.join(report.blocked_by)}" if report.blocked_by else "passed"
    return (
        f"{version.algorithm.upper()} of {version.base_model.uri} on {rows:,} rows of "
        f"{version.train_uri}. Gate: {outcome}."
    )
