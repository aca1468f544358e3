"""Which scores may be deleted: those of models that are nowhere any more."""

from pathlib import Path

import pytest

from osft_assets.core.model_files import content_fingerprint
from osft_assets.core.pruning import remove
from osft_assets.core.unused_scores import unused_scores
from osft_assets.core.workspace import Workspace
from tests.models import model, write_model


def scores(workspace: Workspace, fingerprint: str) -> Path:
    """Of one task, 500 bytes."""
    directory = workspace.root / "_scores" / fingerprint
    (directory / "arc_easy-0123").mkdir(parents=True)
    (directory / "arc_easy-0123/scores.json").write_bytes(b"x" * 500)
    return directory


def write(workspace: Workspace, path: str, text: str) -> None:
    (workspace.root / path).parent.mkdir(parents=True, exist_ok=True)
    (workspace.root / path).write_text(text)


def name(number: int) -> str:
    return f"{number:032x}"


def listed(workspace: Workspace) -> list[Path]:
    return [removal.path for removal in unused_scores(workspace)]


def test_scores_of_a_model_that_nothing_names_may_go(workspace: Workspace) -> None:
    directory = scores(workspace, name(1))

    [removal] = unused_scores(workspace)

    assert (removal.path, removal.size_bytes) == (directory, 500)
    assert removal.reason == "scores of a model that nothing uses"
    assert remove([removal]) == 500
    assert unused_scores(workspace) == []


@pytest.mark.parametrize("record", ["scores", "base_scores", "forgetting_report"])
def test_scores_that_a_record_names_stay(record: str, workspace: Workspace) -> None:
    scores(workspace, name(1))
    write(workspace, f"lessons/records/{record}.json", f'{{"model_fingerprint": "{name(1)}"}}')

    assert listed(workspace) == []


def test_scores_of_a_checkpoint_and_its_base_stay_as_long_as_it_is_there(
    workspace: Workspace,
) -> None:
    tuned, base = scores(workspace, name(1)), scores(workspace, name(2))
    report = f'{{"model_fingerprint": "{name(1)}", "base_fingerprint": "{name(2)}"}}'
    write(workspace, "lessons/reports/abc.json", report)
    checkpoint = workspace.root / "lessons/checkpoints/abc"
    checkpoint.mkdir(parents=True)

    assert listed(workspace) == []
    checkpoint.rmdir()
    assert listed(workspace) == [tuned, base]


@pytest.mark.parametrize(
    ("record", "text"),
    [("base_model", '{{"path": "{0}"}}'), ("checkpoint", '{{"model": {{"path": "{0}"}}}}')],
)
def test_scores_of_a_model_that_is_being_evaluated_stay(
    record: str, text: str, workspace: Workspace
) -> None:
    place = write_model(workspace.root / "there", model())
    write(workspace, f"lessons/records/{record}.json", text.format(place))
    scores(workspace, content_fingerprint(place))
    old = scores(workspace, name(1))

    assert listed(workspace) == [old]


def test_a_record_that_is_no_json_spares_nothing_and_breaks_nothing(workspace: Workspace) -> None:
    old = scores(workspace, name(1))
    write(workspace, "lessons/records/scores.json", "{")

    assert listed(workspace) == [old]


def test_a_workspace_where_nothing_was_evaluated_has_no_scores(workspace: Workspace) -> None:
    assert listed(workspace) == []


def test_other_files_beside_the_scores_are_not_touched(workspace: Workspace) -> None:
    scores(workspace, name(1))
    write(workspace, f"_scores/.{name(1)}.lock", "")
    write(workspace, "_scores/notes.txt", "")

    assert listed(workspace) == [workspace.root / "_scores" / name(1)]
