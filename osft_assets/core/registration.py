"""The registry stage: a checkpoint that passed the gate becomes a version in a model registry.

The verdict is read here once more, for exactly this checkpoint, whatever run made it. The registry
is behind the port `ModelRegistry`; which version is best is `core.champion`.
"""

from collections.abc import Callable
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
from osft_assets.core.ports import ModelRegistry
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registered_properties import properties
from osft_assets.core.registry_entry import RegistryEntry, model_name
from osft_assets.core.registry_records import (
    RegisteredVersion,
    Registration,
    RunSource,
)
from osft_assets.core.workspace import Workspace

_ONLY_HERE = "file://"


class RegistrationStage:
    """Registers the checkpoints of one pipeline. `run` is who asks for it."""

    def __init__(
        self, workspace: Workspace, registry: ModelRegistry, run: RunSource, git_commit: str
    ) -> None:
        self._workspace, self._registry = workspace, registry
        self._run, self._git_commit = run, git_commit

    def run(
        self, checkpoint: CheckpointRecord, recipe: RegistryRecipe, say: Callable[[str], None]
    ) -> RegistryEntry:
        """The entry of this checkpoint, made now or before; EvaluationError when it is blocked."""
        version = read_version(Path(checkpoint.version_path))
        report = self._verdict(checkpoint, recipe)
        if recipe.skip:
            say("registry.skip is set: nothing is registered.")
            return self._entry(checkpoint, report, recipe, None)
        uri = self._address_of(checkpoint, recipe)
        self._write_card(checkpoint, version, report)
        self._write_lineage(checkpoint, version, report, None)
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

    def _address_of(self, checkpoint: CheckpointRecord, recipe: RegistryRecipe) -> str:
        """What a server can load the model from."""
        uri = self._workspace.address_of(Path(checkpoint.model.path))
        if uri.startswith(_ONLY_HERE) and recipe.server and not self._workspace.address:
            raise ConfigError(
                f"{recipe.server} is read from other machines, which cannot load {uri}. Set the "
                "environment variable OSFT_WORKSPACE_URI to what they call the workspace: "
                "pvc://claim/path, s3://bucket/prefix, or file:///path where all see the same one"
            )
        return uri

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
