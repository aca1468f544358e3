"""Which rows a model is scored on beside the benchmarks: the holdout, those of the pipelines it
comes from, and the user's own skills. How they are asked is `resources.row_tasks`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from osft_assets.core.dataset import read_version
from osft_assets.core.errors import EvaluationError
from osft_assets.core.evaluation_job import RowsToScore
from osft_assets.core.lineage import file_sha256
from osft_assets.core.model_records import TaughtSkill
from osft_assets.core.ports import DatasetSource
from osft_assets.core.preparation import FILE_NAMES, prepare
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.records import DatasetSplit
from osft_assets.core.rows import RowParser
from osft_assets.core.workspace import Workspace

OWN = "holdout"


def own_holdout(split: DatasetSplit, say: Callable[[str], None]) -> Iterator[RowsToScore]:
    """The rows kept from training: none when all were to be trained on."""
    if split.rows:
        yield RowsToScore(
            name=OWN,
            kind="holdout",
            row_kind=split.kind,
            path=split.path,
            sha256=split.sha256,
            rows=split.rows,
        )
        return
    share = read_version(Path(split.version_path)).recipe["data_split"]
    if share < 1:
        raise EvaluationError(
            f"{split.path} is empty, though data_split is {share:g}: there is nothing to measure "
            "what was learnt with. Materialize the dataset again"
        )
    say("No holdout: data_split is 1, so nothing tells what was learnt.")


def earlier_holdouts(skills: tuple[TaughtSkill, ...], pipeline: str) -> Iterator[RowsToScore]:
    """What the pipelines taught that this one started from."""
    for skill in skills:
        if skill.pipeline == pipeline:
            continue  # its own holdout is there already
        path = Path(skill.holdout_path)
        if not _is_there(path, skill.holdout_sha256):
            raise EvaluationError(
                f"{path}, the holdout of {skill.pipeline} when its checkpoint was trained, is gone "
                f"or was changed. Materialize {skill.pipeline} again, then this pipeline's "
                "base_model"
            )
        yield RowsToScore(
            name=f"{OWN}:{skill.pipeline}",
            kind="earlier",
            row_kind=skill.row_kind,
            path=skill.holdout_path,
            sha256=skill.holdout_sha256,
            rows=skill.holdout_rows,
        )


def own_skills(
    addresses: Mapping[str, str],
    source: DatasetSource,
    workspace: Workspace,
    say: Callable[[str], None],
) -> Iterator[RowsToScore]:
    """Rows from anywhere the dataset stage reads, checked as it does, and kept by content."""
    parent = workspace.root / "_skills"
    for name, address in addresses.items():
        recipe = DatasetRecipe(data_uri=address, data_split=1)
        parser = RowParser("messages")
        found = source.find(recipe)
        with workspace.publish(parent) as draft, closing(found.read()) as batches:
            prepared = prepare(batches, recipe, parser, draft.directory, lambda *_: None)
            draft.name = prepared.train.sha256[:32]
            path = parent / draft.name / FILE_NAMES["train"]
            draft.replaces = not _is_there(path, prepared.train.sha256)
        say(f"Skill {name}: {prepared.train.rows:,} rows from {found.record.uri}")
        yield RowsToScore(
            name=f"skill:{name}",
            kind="skill",
            row_kind="messages",
            path=str(path),
            sha256=prepared.train.sha256,
            rows=prepared.train.rows,
        )


def _is_there(path: Path, sha256: str) -> bool:
    """Whether the file is as it was written."""
    return path.is_file() and file_sha256(path) == sha256
