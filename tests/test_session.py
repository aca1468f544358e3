"""The chain from a Python session: the pipeline's own assets, one step at a time."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from osft_assets.core.errors import (
    ConfigError,
    DatasetError,
    EvaluationError,
    OsftError,
    RegistryError,
    TrainingError,
)
from osft_assets.core.workspace import Workspace
from osft_assets.session import FineTuning
from tests.commands import ROOT
from tests.fakes import (
    FakeEvaluator,
    FakePrompter,
    FakeRegistry,
    FakeSource,
    FakeTrainer,
    chats,
    fake_resources,
)

pytestmark = pytest.mark.filterwarnings("ignore:Parameter `execution_type`")  # Dagster's own


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def session(workspace: Workspace, name: str = "notes", **given: Any) -> FineTuning:
    """With fakes, of which `given` replaces some; everything else is an attribute."""
    kinds = fake_resources(workspace)
    fakes = {key: given.pop(key) for key in list(given) if key in kinds}
    made = fake_resources(workspace, **fakes)
    del made["workspace"]
    attributes = {"dataset": {"data_uri": "org/rows"}, "says": False} | given
    return FineTuning(name, workspace=workspace.root, resources=made, **attributes)


def test_the_chain_in_four_steps(workspace: Workspace) -> None:
    notes = session(workspace)

    data, checkpoint, report, entry = (
        notes.prepare(),
        notes.train(),
        notes.evaluate(),
        notes.register(),
    )

    assert data.counts.read == 50
    assert (
        data.counts.train == len(data.rows(100)) == len(data.train_path.read_text().split("\n")) - 1
    )
    assert checkpoint.path.is_relative_to(workspace.root / "notes")
    assert (checkpoint.first_loss, checkpoint.final_loss) == (4.0, 1.0)
    assert report.passed
    assert report.page.exists()
    assert (entry.name, entry.version) == ("notes-model", "1.0.0")
    assert entry.card.startswith("---\n")


def test_a_step_runs_those_before_it_that_were_not_run_and_no_others(workspace: Workspace) -> None:
    source, trainer = FakeSource(chats(50)), FakeTrainer()
    notes = session(workspace, dataset_source=source, trainer=trainer)

    notes.register()
    notes.evaluate()

    assert len(source.recipes) == 1
    assert len(trainer.jobs) == 1


def test_what_was_made_by_another_session_is_not_made_again(workspace: Workspace) -> None:
    trainer = FakeTrainer()
    session(workspace, trainer=trainer).train()

    again = session(workspace, trainer=trainer).train()

    assert len(trainer.jobs) == 1
    assert again.path.exists()


def test_new_rows_are_trained_on_after_they_were_prepared(workspace: Workspace) -> None:
    source, trainer = FakeSource(chats(50)), FakeTrainer()
    notes = session(workspace, dataset_source=source, trainer=trainer)
    notes.register()
    source.rows, source.revision = chats(80), "fake:2"

    data = notes.prepare()
    notes.register()

    assert data.counts.read == 80
    assert len(trainer.jobs) == 2


def test_a_blocked_model_has_a_report_with_the_words_of_the_gate(workspace: Workspace) -> None:
    notes = session(workspace, evaluator=FakeEvaluator({"holdout": (0.5, 0.5)}))

    report = notes.evaluate()

    assert not report.passed
    assert [reason.partition(":")[0] for reason in report.blocked_by] == ["new_skill_is_learned"]
    assert "Blocked:" in repr(report)


def test_a_blocked_model_is_not_registered(workspace: Workspace) -> None:
    registry = FakeRegistry()
    notes = session(
        workspace, evaluator=FakeEvaluator({"holdout": (0.5, 0.5)}), model_registry=registry
    )

    with pytest.raises(EvaluationError, match="new_skill_is_learned"):
        notes.register()

    assert registry.registrations == []


def test_a_blocked_model_is_registered_for_a_reason(workspace: Workspace) -> None:
    notes = session(workspace, evaluator=FakeEvaluator({"holdout": (0.5, 0.5)}))

    entry = notes.register(force="the questions are too hard")

    assert entry.version == "1.0.0"
    assert entry.record.forced_because == "the questions are too hard"


def test_no_registry_is_a_result(workspace: Workspace) -> None:
    entry = session(workspace, registry="skip").register()

    assert entry.version == ""
    assert "Nothing was registered" in repr(entry)


def test_broken_rows_are_one_error_with_their_places(workspace: Workspace) -> None:
    rows = [*chats(9), {"messages": [{"role": "bot", "content": "hi"}]}]

    with pytest.raises(DatasetError, match=r"rows\.jsonl line 10: .*bot") as raised:
        session(workspace, dataset_source=FakeSource(rows)).train()

    assert "Traceback" not in str(raised.value)
    assert "dagster" not in str(raised.value).lower()


def test_a_check_that_blocks_is_an_error(workspace: Workspace) -> None:
    trainer = FakeTrainer(certificate=None)

    with pytest.raises(TrainingError, match="checkpoint: frozen_subspace_was_kept does not hold"):
        session(workspace, trainer=trainer).evaluate()


def test_a_registry_that_is_down_is_an_error_before_training(workspace: Workspace) -> None:
    trainer = FakeTrainer()
    down = FakeRegistry(fails=RegistryError("nobody answers"))

    with pytest.raises(RegistryError, match="nobody answers"):
        session(workspace, trainer=trainer, model_registry=down).train()

    assert trainer.jobs == []


def test_what_nobody_foresaw_keeps_its_trace(workspace: Workspace) -> None:
    broken = FakeTrainer(fails=ZeroDivisionError("of the fake"))

    with pytest.raises(OsftError) as raised:
        session(workspace, trainer=broken).train()

    assert str(raised.value) == "training: ZeroDivisionError: of the fake"
    assert "fakes.py" in raised.value.__notes__[0]


def test_an_interrupt_is_one(workspace: Workspace) -> None:
    notes = session(workspace, trainer=FakeTrainer(fails=KeyboardInterrupt()))

    with pytest.raises(KeyboardInterrupt, match="training was interrupted, and kept nothing"):
        notes.evaluate()


def test_a_step_can_be_tried_again_after_it_failed(workspace: Workspace) -> None:
    trainer = FakeTrainer(fails=TrainingError("out of memory"))
    notes = session(workspace, trainer=trainer)
    with pytest.raises(TrainingError, match="out of memory"):
        notes.train()
    trainer.fails = None

    assert notes.evaluate().passed


def test_warnings_come_with_the_result(workspace: Workspace) -> None:
    data = session(workspace, dataset_source=FakeSource(chats(5))).prepare()

    assert any("rows_fill_a_batch does not hold" in warning for warning in data.warnings)
    assert "rows_fill_a_batch" in repr(data)


def test_questions_are_put_to_the_base_and_then_to_both(workspace: Workspace) -> None:
    prompter = FakePrompter()
    notes = session(workspace, prompter=prompter)

    before = notes.ask("What is OSFT?")
    checkpoint = notes.train()
    after = notes.ask("What is OSFT?", "And SFT?", max_new_tokens=7)

    assert (before.base, before.tuned) == (("model 1: What is OSFT?",), ())
    assert after.tuned == ("model 2: What is OSFT?", "model 2: And SFT?")
    assert prompter.jobs[1].model_paths[1] == str(checkpoint.path)
    assert prompter.jobs[1].max_new_tokens == 7
    assert "model 2: And SFT?" in after._repr_html_()


def test_results_show_tables_and_pictures_in_a_notebook(workspace: Workspace) -> None:
    notes = session(workspace)

    pages = [step()._repr_html_() for step in (notes.prepare, notes.train, notes.evaluate)]

    assert ["data:image/svg+xml" in page for page in pages] == [True, True, True]
    assert "What is 1" in pages[0]
    assert "4 to 1" in pages[1]
    assert "holdout" in pages[2]
    assert not [page for page in pages if "![" in page]


def test_rows_cannot_put_markup_into_a_notebook(workspace: Workspace) -> None:
    rows = [row | {} for row in chats(20)]
    for row in rows:
        row["messages"][0]["content"] += "<script>alert(1)</script>"

    page = session(workspace, dataset_source=FakeSource(rows)).prepare()._repr_html_()

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_scores_are_a_data_frame(workspace: Workspace) -> None:
    report = session(workspace).evaluate()

    scores = report.scores.set_index("task")
    assert scores.loc["holdout", "verdict"] == "improved"
    assert scores.loc["holdout", "documents"] == FakeEvaluator.DOCUMENTS


def test_a_run_that_is_kept_shows_up_where_dagster_keeps_them(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))

    session(workspace).prepare()

    with dg.DagsterInstance.get() as instance:
        assert [run.job_name for run in instance.get_runs()] == ["notes_pipeline"]
        assert instance.get_latest_materialization_event(dg.AssetKey(["notes", "train_split"]))


def test_it_says_how_it_goes_on(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    session(workspace, says=True).train()

    said = capsys.readouterr().out
    assert said.startswith("base_model\n")
    assert "step 4 of 4: loss 1.0000" in said


def test_it_can_be_silent(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    session(workspace).train()

    assert capfd.readouterr() == ("", "")


def test_a_chain_of_two_sessions(workspace: Workspace) -> None:
    first = session(workspace, "first")
    first.register()

    second = session(workspace, "second", start_from=first)
    report = second.evaluate()

    assert second.prepare().base_model.path == str(first.train().path)
    assert report.record.matrix.steps[-1].startswith("second")


def test_a_chain_whose_beginning_was_not_trained_says_so(workspace: Workspace) -> None:
    second = session(workspace, "second", start_from=session(workspace, "first"))

    with pytest.raises(Exception, match="Materialize first/checkpoint first"):
        second.train()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"trian": {}}, r"FineTuning\('notes'\): attributes.trian: there is no such setting"),
        ({"train": {"num_epoch": 2}}, r"FineTuning\('notes'\): attributes.train.num_epoch: there"),
        ({"dataset": {"data_split": 2}}, r"attributes.dataset.data_split: .* \(found 2\)"),
        ({"start_from": "nobody"}, "notes starts from nobody"),
        ({"name": "demo"}, r"defines the pipeline demo already. FineTuning\('demo'\) is"),
        ({"name": "Notes"}, "lower-case letters"),
    ],
)
def test_a_wrong_setting_is_refused_at_once(
    workspace: Workspace, given: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        session(workspace, **given)


def test_a_token_is_refused_without_being_repeated(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="the name of an environment variable") as raised:
        session(workspace, dataset={"hf_token": "hf_hunter2hunter2"})

    assert "hunter2" not in str(raised.value)


def test_a_pipeline_of_the_code_location_is_known_by_its_name(workspace: Workspace) -> None:
    demo = FineTuning("demo", workspace=workspace.root, says=False)

    assert demo.prepare().counts.read == 206


def test_an_unknown_name_is_answered_with_those_there_are(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match=r"no pipeline 'dmeo', but demo, .*osft, sft"):
        FineTuning("dmeo", workspace=workspace.root)


def test_a_file_elsewhere_describes_a_pipeline(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "weekly.yaml"
    file.write_text(
        "type: osft_assets.component.FineTunePipeline\n"
        "attributes:\n"
        "  name: weekly\n"
        "  dataset:\n"
        '    data_uri: "{{ context.project_root }}/osft_assets/defs/demo/new_facts.jsonl"\n'
        "  base_model: fake\n"
    )
    fakes = fake_resources(workspace)
    kept = {key: fakes[key] for key in ("model_source", "model_inspector")}

    weekly = FineTuning.from_yaml(file, workspace=workspace.root, resources=kept, says=False)

    assert weekly.name == "weekly"
    assert weekly.prepare().counts.read == 206


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "is no YAML"),
        ("name: x", "has no attributes"),
        ("attributes: {}\n---\nattributes: {}\n", "has 2 pipelines"),
        (None, "read"),
    ],
)
def test_a_file_that_describes_none_is_refused(
    tmp_path: Path, text: str | None, expected: str
) -> None:
    file = tmp_path / "weekly.yaml"
    if text:
        file.write_text(text)

    with pytest.raises(ConfigError, match=rf"weekly\.yaml .*{expected}"):
        FineTuning.from_yaml(file)


def test_a_file_here_can_be_named_from_here(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text("")
    source = FakeSource(chats(50))

    session(workspace, dataset="rows.jsonl", dataset_source=source).prepare()
    session(workspace, dataset=Path("rows.jsonl"), dataset_source=source).prepare()
    session(workspace, dataset="org/rows", dataset_source=source).prepare()

    here = str(tmp_path / "rows.jsonl")
    assert [recipe.data_uri for recipe in source.recipes] == [here, here, "org/rows"]


def test_importing_it_imports_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "datasets", "training_hub", "lm_eval", "pandas", "pyarrow")
    code = f"import sys, osft_assets.session; print([n for n in {heavy} if n in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "DAGSTER_HOME": ""},
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert done.stdout.strip() == "[]", done.stderr
