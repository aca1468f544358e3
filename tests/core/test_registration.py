"""The registry stage: what passed is registered with all that is known of it; nothing else is."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.checkpoint import MODEL, CheckpointRecord, read_version
from osft_assets.core.checkpoint_lineage import LINEAGE_FILE, read_lineage
from osft_assets.core.errors import ConfigError, EvaluationError, RegistryError
from osft_assets.core.forgetting_report import report_path
from osft_assets.core.model_files import content_fingerprint
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registration import AskedBy, RegistrationStage
from osft_assets.core.registry_entry import RegistryEntry
from osft_assets.core.registry_records import Registration
from osft_assets.core.training_claims import judge
from osft_assets.core.workspace import Workspace
from tests.core import training_parts
from tests.core.registry_parts import RUN, judged
from tests.fakes import FINDINGS, FakeModelStore, FakeRegistry

_REMOTE = "https://registry.example"


class Desk:
    """Registers checkpoints of one workspace in one registry."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.registry, self.store = FakeRegistry(), FakeModelStore()
        self.said: list[str] = []

    def __call__(self, checkpoint: CheckpointRecord, **settings: Any) -> RegistryEntry:
        asked_by = AskedBy(RUN, "c0ffee")
        stage = RegistrationStage(self.workspace, self.registry, self.store, asked_by)
        return stage.run(checkpoint, RegistryRecipe(**settings), self.said.append)

    @property
    def asked(self) -> Registration:
        return self.registry.registrations[-1]


class ChangingStore(FakeModelStore):
    """Somebody else is at work while it copies."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def publish(self, directory: Path, target: str, name: str, say: Callable[[str], None]) -> str:
        address = super().publish(directory, target, name, say)
        self._meanwhile()
        return address


@pytest.fixture
def register(workspace: Workspace) -> Desk:
    return Desk(workspace)


# What is registered


def test_a_checkpoint_that_passed_is_registered_under_the_pipelines_name(register: Desk) -> None:
    entry = register(judged(register.workspace))

    assert entry.registered
    assert (entry.registered.name, entry.registered.version) == ("lessons-model", "1.0.0")
    assert (entry.verdict, entry.forced_because) == ("passed", "")


def test_every_setting_reaches_the_registry(register: Desk) -> None:
    settings = {
        "reg_name": "teacher",
        "reg_version": "2.1.0",
        "reg_author": "ann",
        "owner": "team",
        "description": "for tests",
        "format_name": "onnx",
        "format_version": "1.2",
    }

    register(judged(register.workspace), **settings)

    asked = register.asked
    assert (asked.name, asked.version, asked.author) == ("teacher", "2.1.0", "ann")
    assert (asked.owner, asked.description) == ("team", "for tests")
    assert (asked.format_name, asked.format_version) == ("onnx", "1.2")


def test_without_an_owner_the_author_is_the_owner(register: Desk) -> None:
    register(judged(register.workspace), reg_author="ann")

    assert register.asked.owner == "ann"


def test_a_description_is_made_of_what_was_done(register: Desk) -> None:
    register(judged(register.workspace))

    assert register.asked.description == (
        "OSFT of hf://tiny/model on 8 rows of fake://rows. Gate: passed."
    )


def test_the_version_says_from_what_it_was_made_and_how_it_did(register: Desk) -> None:
    checkpoint = judged(register.workspace)

    register(checkpoint)

    told = register.asked.properties
    assert told["pipeline_name"] == "lessons"
    assert told["checkpoint_fingerprint"] == checkpoint.fingerprint
    assert (told["base_model"], told["base_model_revision"]) == ("hf://tiny/model", "abc")
    assert (told["dataset"], told["train_sha256"]) == ("fake://rows", "content of train")
    assert (told["git_commit"], told["version/training-hub"]) == ("c0ffee", "0.11.2")
    assert told["osft/worst_leak"] == pytest.approx(1e-5)
    assert (told["score/arc_easy"], told["score/arc_easy/base"]) == (0.61, 0.62)
    assert (told["score/arc_easy/stderr"], told["score/arc_easy/verdict"]) == (0.01, "kept")
    assert (told["verdict"], told["retention"]) == ("passed", 0.973)
    assert json.loads(str(told["recipe"])) == {}


def test_what_was_not_measured_is_left_out(register: Desk) -> None:
    outcome = training_parts.outcome(certificate=None)

    register(judged(register.workspace, algorithm="sft", outcome=outcome))

    assert not any(name.startswith("osft/") for name in register.asked.properties)


def test_the_run_that_made_it_is_the_source_of_the_model(register: Desk) -> None:
    register(judged(register.workspace))

    assert register.asked.source == RUN


# Where it is


def test_a_model_in_a_local_workspace_is_at_the_path_of_its_files(register: Desk) -> None:
    checkpoint = judged(register.workspace)

    entry = register(checkpoint)

    assert entry.registered
    assert entry.registered.uri == Path(checkpoint.model.path).as_uri()


@pytest.mark.parametrize("address", ["pvc://claim", "s3://bucket/osft", "file:///mnt/shared"])
def test_elsewhere_the_workspace_has_another_name(workspace: Workspace, address: str) -> None:
    register = Desk(Workspace(workspace.root, address))
    checkpoint = judged(register.workspace)

    register(checkpoint, address=_REMOTE)

    below = f"lessons/checkpoints/{checkpoint.fingerprint}/model"
    assert register.asked.uri == f"{address}/{below}"


def test_a_registry_elsewhere_is_not_given_a_path_of_this_machine(register: Desk) -> None:
    with pytest.raises(ConfigError, match="cannot load file://.*Set the environment variable OSFT"):
        register(judged(register.workspace), address=_REMOTE)

    assert not register.registry.registrations


def test_a_model_that_is_copied_elsewhere_is_registered_there_with_its_card(
    register: Desk,
) -> None:
    checkpoint = judged(register.workspace)

    register(checkpoint, address=_REMOTE, publish_to="s3://bucket/models/")

    assert register.asked.uri == f"s3://bucket/models/lessons/{register.asked.fingerprint}"
    assert "README.md" in register.store.published[register.asked.uri]


def test_other_weights_of_the_same_settings_are_copied_to_a_place_of_their_own(
    register: Desk,
) -> None:
    for weights in (b"one", b"other"):
        checkpoint = judged(register.workspace, weights=weights)
        register(checkpoint, publish_to="s3://bucket/models")
        shutil.rmtree(checkpoint.version_path)

    assert len(register.store.published) == 2


def test_what_may_not_be_registered_is_not_copied_either(register: Desk) -> None:
    with pytest.raises(EvaluationError):
        register(judged(register.workspace, blocked=True), publish_to="s3://bucket/models")

    assert not register.store.published


@pytest.mark.parametrize(
    "address",
    [
        *("/mnt/x", "pvc://", "gs://bucket", "pvc://a b", "file://x", "file:///"),
        *("pvc://claim/../x", "file:///mnt/..", "s3://bucket?x=1", "pvc://u:p@claim", "s3://b/a#b"),
    ],
)
def test_a_name_of_the_workspace_that_no_server_understands_is_refused(
    workspace: Workspace, address: str
) -> None:
    with pytest.raises(ConfigError, match="OSFT_WORKSPACE_URI is"):
        Workspace(workspace.root, address)


@pytest.mark.parametrize("address", ["s3://key:s3cret@bucket", "s3://bucket/x?token=s3cret"])
def test_a_name_of_the_workspace_with_a_credential_is_refused(
    workspace: Workspace, address: str
) -> None:
    with pytest.raises(ConfigError, match="carries a credential") as refused:
        Workspace(workspace.root, address)

    assert "s3cret" not in str(refused.value)


def test_a_workspace_behind_a_link_has_the_same_address(register: Desk, tmp_path: Path) -> None:
    checkpoint = judged(register.workspace)
    (tmp_path / "link").symlink_to(register.workspace.root)

    Desk(Workspace(tmp_path / "link", "pvc://claim"))(checkpoint)

    place = Workspace(tmp_path / "link", "pvc://claim").address_of(Path(checkpoint.model.path))
    assert place == f"pvc://claim/lessons/checkpoints/{checkpoint.fingerprint}/model"


def test_a_checkpoint_of_a_workspace_that_was_copied_is_not_called_by_the_copys_address(
    register: Desk, tmp_path: Path
) -> None:
    checkpoint = judged(register.workspace)
    shutil.copytree(register.workspace.root, tmp_path / "copy")

    with pytest.raises(ConfigError, match="is not in the workspace .* Was the workspace moved"):
        Desk(Workspace(tmp_path / "copy", "pvc://claim"))(checkpoint)


# The gate, once more


def test_a_blocked_checkpoint_is_not_registered(register: Desk) -> None:
    with pytest.raises(EvaluationError, match="blocks this model.*arc_easy is lost"):
        register(judged(register.workspace, blocked=True))

    assert not register.registry.registrations


def test_a_checkpoint_that_nobody_judged_is_not_registered(register: Desk) -> None:
    checkpoint = judged(register.workspace)
    report_path(register.workspace, "lessons", checkpoint.fingerprint).unlink()

    with pytest.raises(EvaluationError, match="Nobody judged checkpoint"):
        register(checkpoint)


@pytest.mark.parametrize("settings", [{}, {"force": "I know"}])
def test_weights_changed_since_they_were_judged_are_not_registered(
    register: Desk, settings: dict[str, str]
) -> None:
    checkpoint = judged(register.workspace)
    (Path(checkpoint.model.path) / "model.safetensors").write_bytes(b"others")

    with pytest.raises(EvaluationError, match="forgetting_report is about model"):
        register(checkpoint, **settings)


@pytest.mark.parametrize("name", ["consolidated.safetensors", "pytorch_model.bin", "onnx/a.onnx"])
def test_files_that_nobody_judged_are_not_registered(register: Desk, name: str) -> None:
    checkpoint = judged(register.workspace)
    stranger = Path(checkpoint.model.path) / name
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_bytes(b"others")

    with pytest.raises(EvaluationError, match=f"nobody judged: {name}. Move it elsewhere"):
        register(checkpoint)


def test_what_a_volume_hides_among_the_files_is_nobodys_business(register: Desk) -> None:
    checkpoint = judged(register.workspace)
    (Path(checkpoint.model.path) / ".nfs0001").write_bytes(b"still open")

    assert register(checkpoint).registered


def test_weights_changed_while_they_were_copied_are_not_registered(register: Desk) -> None:
    checkpoint = judged(register.workspace)
    model = Path(checkpoint.model.path)
    register.store = ChangingStore(lambda: (model / "model.safetensors").write_bytes(b"others"))

    with pytest.raises(EvaluationError, match="forgetting_report is about model"):
        register(checkpoint, publish_to="s3://bucket/models")

    assert not register.registry.registrations


def test_a_checkpoint_that_vanishes_meanwhile_is_not_registered(register: Desk) -> None:
    checkpoint = judged(register.workspace)
    register.store = ChangingStore(lambda: shutil.rmtree(checkpoint.version_path))

    with pytest.raises(EvaluationError, match="forgetting_report is about model"):
        register(checkpoint, publish_to="s3://bucket/models")

    assert not register.registry.registrations


def test_a_forced_registration_keeps_the_reason(register: Desk) -> None:
    entry = register(judged(register.workspace, blocked=True), force="the benchmark is broken")

    told = register.asked.properties
    assert (entry.verdict, entry.forced_because) == ("blocked", "the benchmark is broken")
    assert (told["verdict"], told["blocked_by"]) == ("blocked", "old_skills_are_kept")
    assert told["forced_because"] == "the benchmark is broken"
    assert "It was forced: the benchmark is broken." in Path(entry.card_path).read_text()
    lineage = read_lineage(Path(entry.lineage_path).parent)
    assert lineage
    assert lineage.forced_because == "the benchmark is broken"


def test_a_blank_reason_is_none(register: Desk) -> None:
    with pytest.raises(EvaluationError, match="blocks this model"):
        register(judged(register.workspace, blocked=True), force="  ")


def test_forcing_what_is_not_blocked_is_refused(register: Desk) -> None:
    with pytest.raises(ConfigError, match="force is set, but .* blocks nothing"):
        register(judged(register.workspace), force="to be sure")


# Skipping, repeating, failing


def test_a_skipped_registration_is_an_entry_that_says_so(register: Desk) -> None:
    entry = register(judged(register.workspace), skip=True)

    assert entry.registered is None
    assert not register.registry.registrations
    assert register.said == ["registry.skip is set: nothing is registered."]


def test_the_same_checkpoint_again_is_the_same_entry(register: Desk) -> None:
    checkpoint = judged(register.workspace)

    first, second = register(checkpoint), register(checkpoint)

    assert first.registered
    assert second.registered
    assert (first.registered.created, second.registered.created) == (True, False)
    assert first.fingerprint == second.fingerprint


def test_other_weights_are_the_next_version(register: Desk) -> None:
    register(judged(register.workspace))
    entry = register(judged(register.workspace, fingerprint="e" * 32, weights=b"other"))

    assert entry.registered
    assert entry.registered.version == "1.0.1"


def test_a_registry_that_fails_leaves_a_checkpoint_that_is_kept(register: Desk) -> None:
    checkpoint = judged(register.workspace)
    register.registry.fails = RegistryError("it is down")

    with pytest.raises(RegistryError, match="it is down"):
        register(checkpoint)

    lineage = read_lineage(Path(checkpoint.version_path))
    assert lineage
    assert lineage.registered is None


def test_a_registry_that_fails_later_leaves_what_is_known_of_the_version(register: Desk) -> None:
    checkpoint = judged(register.workspace)
    entry = register(checkpoint)
    register.registry.fails = RegistryError("it is down")

    with pytest.raises(RegistryError, match="it is down"):
        register(checkpoint)

    lineage = read_lineage(Path(checkpoint.version_path))
    assert lineage
    assert lineage.registered == entry.registered


# What stays beside the checkpoint


def test_the_lineage_leads_from_the_entry_back_to_the_rows(register: Desk) -> None:
    checkpoint = judged(register.workspace)

    entry = register(checkpoint)

    lineage = read_lineage(Path(checkpoint.version_path))
    assert lineage
    assert entry.lineage_path.endswith(LINEAGE_FILE)
    assert lineage.registered == entry.registered
    assert lineage.base_model.uri == "hf://tiny/model"
    assert lineage.trained.train_sha256 == "content of train"
    assert (lineage.run, lineage.git_commit) == (RUN, "c0ffee")
    assert Path(lineage.report_path).is_file()


def test_a_damaged_lineage_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / LINEAGE_FILE).write_text("{}")

    with pytest.raises(RegistryError, match="lineage.json is damaged.*Materialize registry_entry"):
        read_lineage(tmp_path)


def test_the_card_changes_nothing_about_the_model(register: Desk) -> None:
    checkpoint = judged(register.workspace)
    directory, model = Path(checkpoint.version_path), Path(checkpoint.model.path)
    before = content_fingerprint(model)
    version = read_version(directory)

    register(checkpoint)

    assert (directory / MODEL / "README.md").is_file()
    assert content_fingerprint(model) == before
    assert judge(directory, version, FINDINGS)["files_are_as_written"].seen["files"] == 2
