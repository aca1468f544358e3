"""Where the definitions of tasks are: lm-eval's own by name, the user's in YAML files.

What they say is read here once, to refuse what cannot be asked; lm-eval makes tasks of them in
`resources.task_manager`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from osft_assets.core.errors import ConfigError
from resources import mmlu_dev
from resources.task_names import TaskNames, part_names

_YAML = (".yaml", ".yml")


class Definition(NamedTuple):
    """One of evaluate.tasks, and what it says; a name of lm-eval's says nothing itself."""

    spec: str | dict[str, Any]
    config: Mapping[str, Any]

    @property
    def file(self) -> Path | None:
        """Where it is written down."""
        is_file = isinstance(self.spec, str) and self.spec.endswith(_YAML)
        return Path(str(self.spec)) if is_file else None

    @property
    def loadable(self) -> str | dict[str, Any]:
        """What lm-eval can load: it takes a group's file for a task, so that goes by its name."""
        return str(self.config["group"]) if self.file and "group" in self.config else self.spec


def definition_of(spec: str | dict[str, Any]) -> Definition:
    """What a task of the recipe is; ConfigError when its file cannot be read."""
    if isinstance(spec, dict):
        return Definition(spec, spec)
    return Definition(spec, _read_yaml(spec) if spec.endswith(_YAML) else {})


def directories_of(definitions: Iterable[Definition], names: TaskNames) -> list[Path]:
    """Where lm-eval must look for what they name; a name that leads nowhere is refused.

    A group's parts may be in files beside it.
    """
    wanted: list[str] = []
    own: list[Path] = []
    for each in definitions:
        if "group" in each.config:
            wanted += part_names(each.config)
            own += [each.file.parent] if each.file else []
        elif isinstance(each.spec, str) and not each.file and each.spec != mmlu_dev.NAME:
            names.check(each.spec, [mmlu_dev.NAME])
            wanted.append(each.spec)
    return [*(names.directories(wanted) if wanted else []), *own]


def _read_yaml(spec: str) -> dict[str, Any]:
    from lm_eval.tasks._yaml_loader import load_yaml

    path = Path(spec)
    if not path.is_file():
        raise ConfigError(
            f"evaluate.tasks: {spec} does not exist where this step runs. Give an absolute path"
        )
    try:
        config: dict[str, Any] = load_yaml(path, resolve_func=False)
    except Exception as problem:  # noqa: BLE001 - of yaml, and of the files it includes
        raise ConfigError(f"evaluate.tasks: {spec} cannot be read: {problem}") from None
    if not isinstance(config, dict) or not config.keys() & {"task", "group"}:
        raise ConfigError(f"evaluate.tasks: {spec} has neither task nor group. Expected one")
    return config
