"""Which rows a model is scored on: the holdout, those of the chain, and the user's own skills."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.dataset import DatasetStage, split_record
from osft_assets.core.errors import DatasetError, EvaluationError
from osft_assets.core.evaluation_job import RowsToScore
from osft_assets.core.evaluation_rows import earlier_holdouts, own_holdout, own_skills
from osft_assets.core.model_records import TaughtSkill
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.records import DatasetSplit
from osft_assets.core.workspace import Workspace
from tests.fakes import FakeSource, chat, chats


def holdout_of(workspace: Workspace, share: float) -> DatasetSplit:
    recipe = DatasetRecipe(data_uri="pvc://rows", data_split=share)
    stage = DatasetStage(PipelineRecipe(name="lessons"), workspace, FakeSource(chats(50)))
    return split_record(stage.run(recipe, lambda _: None), "holdout")


def taught(directory: Path, pipeline: str) -> TaughtSkill:
    """A pipeline's holdout on disk, and the record of it."""
    path = directory / f"{pipeline}.jsonl"
    path.write_text(f"rows of {pipeline}\n")
    return TaughtSkill(
        pipeline=pipeline,
        holdout_path=str(path),
        holdout_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        holdout_rows=7,
        row_kind="documents",
    )


def skills(
    workspace: Workspace,
    source: FakeSource,
    said: list[str] | None = None,
    **addresses: str,
) -> list[RowsToScore]:
    say = ([] if said is None else said).append
    return list(own_skills(addresses, source, workspace, say))


# The own holdout


def test_the_rows_kept_from_training_are_asked(workspace: Workspace) -> None:
    split, said = holdout_of(workspace, 0.8), list[str]()

    (rows,) = own_holdout(split, said.append)

    assert (rows.name, rows.kind, rows.row_kind) == ("holdout", "holdout", "messages")
    assert (rows.path, rows.sha256, rows.rows) == (split.path, split.sha256, split.rows)
    assert said == []


def test_a_share_of_one_is_no_holdout_and_said(workspace: Workspace) -> None:
    said: list[str] = []

    assert list(own_holdout(holdout_of(workspace, 1), said.append)) == []
    assert said == ["No holdout: data_split is 1, so nothing tells what was learnt."]


def test_an_empty_holdout_that_should_have_rows_is_an_error(workspace: Workspace) -> None:
    split = holdout_of(workspace, 0.8).model_copy(update={"rows": 0})

    with pytest.raises(EvaluationError, match=r"eval.jsonl is empty, though data_split is 0\.8"):
        list(own_holdout(split, lambda _: None))


# Those of the chain


def test_the_holdouts_of_all_ancestors_are_asked_in_their_order(tmp_path: Path) -> None:
    chain = (taught(tmp_path, "first"), taught(tmp_path, "second"))

    found = list(earlier_holdouts(chain, "third"))

    assert [(rows.name, rows.kind, rows.rows) for rows in found] == [
        ("holdout:first", "earlier", 7),
        ("holdout:second", "earlier", 7),
    ]
    assert [rows.path for rows in found] == [skill.holdout_path for skill in chain]
    assert {rows.row_kind for rows in found} == {"documents"}


def test_the_own_holdout_is_not_asked_twice(tmp_path: Path) -> None:
    chain = (taught(tmp_path, "first"), taught(tmp_path, "second"))

    assert [rows.name for rows in earlier_holdouts(chain, "second")] == ["holdout:first"]


def test_a_model_from_elsewhere_has_no_earlier_holdouts() -> None:
    assert list(earlier_holdouts((), "first")) == []


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_text("other rows\n")])
def test_an_earlier_holdout_that_is_gone_or_changed_is_an_error(
    tmp_path: Path, change: Any
) -> None:
    skill = taught(tmp_path, "first")
    change(Path(skill.holdout_path))

    with pytest.raises(EvaluationError, match="the holdout of first .* is gone or was changed"):
        list(earlier_holdouts((skill,), "second"))


# The user's own


def test_a_skill_comes_through_the_dataset_source_whole(workspace: Workspace) -> None:
    source, said = FakeSource(chats(12)), list[str]()

    (rows,) = skills(workspace, source, said, old="pvc://old.jsonl")

    assert [recipe.data_uri for recipe in source.recipes] == ["pvc://old.jsonl"]
    assert (rows.name, rows.kind, rows.row_kind, rows.rows) == (
        *("skill:old", "skill", "messages"),
        12,
    )
    content = Path(rows.path).read_bytes()
    assert hashlib.sha256(content).hexdigest() == rows.sha256
    assert len([json.loads(line) for line in content.splitlines()]) == 12
    assert said == ["Skill old: 12 rows from fake://rows"]


def test_a_skill_is_kept_by_its_content(workspace: Workspace) -> None:
    (first,) = skills(workspace, FakeSource(chats(12)), old="pvc://old.jsonl")
    (again,) = skills(workspace, FakeSource(chats(12)), known="pvc://elsewhere.jsonl")
    (other,) = skills(workspace, FakeSource(chats(13)), old="pvc://old.jsonl")

    assert again.path == first.path
    assert other.path != first.path
    kept = {path.name for path in (workspace.root / "_skills").iterdir() if path.is_dir()}
    assert {first.sha256[:32], other.sha256[:32]} == {n for n in kept if not n.startswith(".")}


def test_bad_rows_of_a_skill_are_refused_and_nothing_is_kept(workspace: Workspace) -> None:
    source = FakeSource([*chats(5), {"messages": "none"}, chat("", "")])

    with pytest.raises(DatasetError, match=r"rows\.jsonl line 6"):
        skills(workspace, source, old="pvc://old.jsonl")

    assert not list((workspace.root / "_skills").glob("[!.]*/train.jsonl"))


def test_an_empty_skill_is_refused(workspace: Workspace) -> None:
    with pytest.raises(DatasetError):
        skills(workspace, FakeSource([]), old="pvc://old.jsonl")


def test_a_skill_that_was_damaged_on_disk_is_written_anew(workspace: Workspace) -> None:
    (first,) = skills(workspace, FakeSource(chats(12)), old="pvc://old.jsonl")
    Path(first.path).write_text("damaged\n")

    (again,) = skills(workspace, FakeSource(chats(12)), old="pvc://old.jsonl")

    assert hashlib.sha256(Path(again.path).read_bytes()).hexdigest() == again.sha256
