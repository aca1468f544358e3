"""From the arguments of `FineTuning`, or a YAML file, to a checked recipe.

The settings are those of a `defs.yaml`, and are checked by the same classes; a session adds only
that a `Path` may stand wherever text may, and that files can be named from where one is.
"""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import yaml

from osft_assets.component import FineTunePipeline
from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.pipeline import PipelineRecipe

_ROOT = Path(__file__).parents[2]
# By itself, it stands for the first setting of its section.
_ADDRESSES = {"dataset": "data_uri", "base_model": "base_model"}


def recipe_of(attributes: Mapping[str, Any], place: str) -> PipelineRecipe:
    """Every setting, checked; `place` is what errors name."""
    given = {name: _plain(value) for name, value in attributes.items()}
    for section, setting in _ADDRESSES.items():
        if isinstance(given.get(section), str):
            given[section] = {setting: _absolute(given[section])}
    return FineTunePipeline(given).recipe(place)


def attributes_in(file: Path) -> dict[str, Any]:
    """What a `defs.yaml` says, with its templates filled in."""
    try:
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except OSError as problem:
        raise ConfigError(f"{file} cannot be read: {problem.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(f"{file} is no YAML. `dg check yaml` says where, for defs/") from None
    if len(documents) > 1:
        raise ConfigError(f"{file} has {len(documents)} pipelines. Expected a file with one")
    document = documents[0] if documents else None
    if not isinstance(document, dict) or not isinstance(document.get("attributes"), dict):
        raise ConfigError(f"{file} has no attributes. Expected what a pipeline's defs.yaml has")
    context = dg.ResolutionContext.default().with_scope(
        context=SimpleNamespace(project_root=str(_ROOT))
    )
    return dict(context.resolve_value(document["attributes"]))


def _plain(value: Any) -> Any:
    """Paths as text, from the root on: a worker may be somewhere else."""
    match value:
        case Path():
            return str(value.expanduser().absolute())
        case Mapping():
            return {key: _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
    return value


def _absolute(address: str) -> str:
    """Of a file that is here; everything else is an address as it stands."""
    path = Path(address).expanduser()
    is_here = path.is_file() or (path / "config.json").is_file()
    return str(path.absolute()) if is_here else address
