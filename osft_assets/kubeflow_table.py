"""Writes the tables of docs/kubeflow.md from the recipes: `make docs`. A test fails while they are
stale.

The words around them are the file's own.
"""

import re
import sys
from pathlib import Path
from typing import get_origin

from osft_assets.core.flat_config import flat_default
from osft_assets.core.old_meanings import CHANGED, GONE
from osft_assets.core.old_parameters import COMPONENT_PARAMETERS, PIPELINE_PARAMETERS, OldParameter
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.settings_table import shown, words

_TABLES = re.compile(
    r"(?<=<!-- tables: made by `make docs` -->\n).*?(?=<!-- end of tables -->)", re.S
)
_TEXT = {dict: ", or text `KEY=VAL,KEY=VAL`", list: ", or text `a,b`"}
_HEAD = "| parameter | now | type | default | what changed |\n|---|---|---|---|---|\n"


def kubeflow_tables() -> str:
    """The parameters of both pipelines, of the components, and what became of the rest."""
    osft, sft = _pipeline("osft"), _pipeline("sft")
    parts = [
        ("The OSFT pipeline: the job `osft_pipeline`", osft, PIPELINE_PARAMETERS["osft"]),
        ("The SFT pipeline: the job `sft_pipeline`", sft, PIPELINE_PARAMETERS["sft"]),
        ("The components, with OSFT", osft, _of(osft, COMPONENT_PARAMETERS)),
        ("The components, with SFT", sft, _of(sft, COMPONENT_PARAMETERS)),
    ]
    tables = [
        f"### {title}\n\n{_HEAD}" + "\n".join(_row(pipeline, each) for each in parameters)
        for title, pipeline, parameters in parts
    ]
    gone = "\n".join(f"| `{name}` | {instead} |" for name, instead in GONE.items())
    head = "| parameter | instead |\n|---|---|\n"
    return "\n\n".join(["", *tables, f"### No longer there\n\n{head}{gone}"]).lstrip("\n") + "\n\n"


def with_tables(page: str) -> str:
    """The page with its tables as they are now."""
    return _TABLES.sub(lambda _: "\n" + kubeflow_tables(), page)


def _pipeline(algorithm: str) -> PipelineRecipe:
    return PipelineRecipe.model_validate({"name": algorithm, "algorithm": algorithm})


def _of(pipeline: PipelineRecipe, table: tuple[OldParameter, ...]) -> list[OldParameter]:
    """Those that the algorithm has."""
    return [
        each for each in table if each.field in type(getattr(pipeline, each.section)).model_fields
    ]


def _row(pipeline: PipelineRecipe, old: OldParameter) -> str:
    field = type(getattr(pipeline, old.section)).model_fields[old.field]
    cells = (
        f"`{old.name}`",
        f"`{old.place}`",
        words(field.annotation) + _TEXT.get(get_origin(field.annotation), ""),
        f"`{shown(flat_default(pipeline, old))}`",
        CHANGED.get(old.place, ""),
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_tables(page.read_text()))
