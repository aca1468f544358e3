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
from osft_assets.core.registry_records import (
    RegisteredVersion,
    Registration,
    RunSource,
)
from osft_assets.core.workspace import Workspace


@dataclass(frozen=True)
class AskedBy:
    """The run that registers, and the commit of its code, if known."""

    run: RunSource
    git_commit: str


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
        report = self._verdict(checkpoint, recipe)
        if recipe.skip:
            say("registry.skip is set: nothing is registered.")
            return self._entry(checkpoint, report, recipe, None)
        self._refuse_unreachable(checkpoint, recipe)
        self._write_card(checkpoint, version, report)
        self._write_lineage(checkpoint, version, report, None)
        uri = self._published(checkpoint, recipe, say)
        registration = self._registration(version, report, recipe, uri)
        registered = self._registry.register(recipe, registration, say)
        self._write_lineage(checkpoint, version, report, registered)
        return self._entry(checkpoint, report, recipe, registered)

    def _verdict(self, checkpoint: CheckpointRecord, recipe: RegistryRecipe) -> ForgettingReport:
        """The report on exactly these weights, which passed, or are forced for a reason."""
        place = f"{checkpoint.pipeline}/forgetting_report"
        report = read_report(self._workspace, checkpoint.pipeline, checkpoint.fingerprint)
        if report is None:
            raise EvaluationError(
                f"Nobody judged checkpoint {checkpoint.fingerprint}: {place} is about another one. "
                "Materialize base_scores, scores and forgetting_report, then this again"
            )
        refuse_other_model(report, content_fingerprint(Path(checkpoint.model.path)))
        if not recipe.force:
            refuse_blocked(report)
        elif not report.blocked_by:
            raise ConfigError(
                f"registry.force is set, but {place} blocks nothing. Remove it from the launchpad"
            )
        return report

    def _refuse_unreachable(self, checkpoint: CheckpointRecord, recipe: RegistryRecipe) -> None:
        """A path of this machine means nothing to whoever reads a registry elsewhere."""
        stays_here = not recipe.publish_to and not self._workspace.address
        if recipe.server and stays_here:
            uri = self._workspace.address_of(Path(checkpoint.model.path))
            raise ConfigError(
                f"{recipe.server} is read from other machines, which cannot load {uri}. Set the "
                "environment variable OSFT_WORKSPACE_URI to what they call the workspace "
                "(pvc://claim/path, s3://bucket/prefix, file:///path where all see the same one), "
                "or registry.publish_to to where the model shall be copied"
            )

    def _published(
        self, checkpoint: CheckpointRecord, recipe: RegistryRecipe, say: Callable[[str], None]
    ) -> str:
        """What a server can load the model from."""
        directory = Path(checkpoint.model.path)
        if not recipe.publish_to:
            return self._workspace.address_of(directory)
        name = f"{checkpoint.pipeline}/{checkpoint.fingerprint}"
        return self._store.publish(directory, recipe.publish_to, name, say)

    def _registration(
        self,
        version: CheckpointVersion,
        report: ForgettingReport,
        recipe: RegistryRecipe,
        uri: str,
    ) -> Registration:
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

    def _write_card(
        self, checkpoint: CheckpointRecord, version: CheckpointVersion, report: ForgettingReport
    ) -> None:
        card = checkpoint_card(version, report, self._git_commit)
        self._workspace.write(_card_path(checkpoint), card.encode())

    def _write_lineage(
        self,
        checkpoint: CheckpointRecord,
        version: CheckpointVersion,
        report: ForgettingReport,
        registered: RegisteredVersion | None,
    ) -> None:
        lineage = lineage_of(
            version,
            report,
            report_path=report_path(self._workspace, version.pipeline, version.fingerprint),
            run=self._run,
            git_commit=self._git_commit,
            registered=registered,
        )
        content = lineage.model_dump_json(indent=2).encode()
        self._workspace.write(_lineage_path(checkpoint), content)

    def _entry(
        self,
        checkpoint: CheckpointRecord,
        report: ForgettingReport,
        recipe: RegistryRecipe,
        registered: RegisteredVersion | None,
    ) -> RegistryEntry:
        return RegistryEntry(
            pipeline=checkpoint.pipeline,
            checkpoint_fingerprint=checkpoint.fingerprint,
            model_fingerprint=report.model_fingerprint,
            verdict="blocked" if report.blocked_by else "passed",
            forced_because=recipe.force,
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
