"""Where the definitions of tasks are: lm-eval's own by name, the user's in YAML files.

A task's data files are looked for beside its definition.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from osft_assets.core.errors import ConfigError
from resources import mmlu_dev
from resources.task_names import TaskNames, part_names

_YAML = (".yaml", ".yml")


class TaskPlaces:
    """Where lm-eval must look for what the tasks name."""

    def __init__(self, specs: Sequence[str | dict[str, Any]], names: TaskNames) -> None:
        self._specs, self._names = specs, names

    def directories(self) -> list[Path]:
        """The directories to read; a name that leads nowhere is refused."""
        wanted: list[str] = []
        own: list[Path] = []
        for spec in self._specs:
            if isinstance(spec, dict):
                wanted += part_names(spec) if "group" in spec else []
            elif spec.endswith(_YAML):
                wanted += self._parts_of_file(spec, own)
            elif spec != mmlu_dev.NAME:
                self._names.check(spec, [mmlu_dev.NAME])
                wanted.append(spec)
        return [*(self._names.directories(wanted) if wanted else []), *own]

    def _parts_of_file(self, spec: str, own: list[Path]) -> list[str]:
        """A group's parts may be in files beside it."""
        config = _read_yaml(spec)
        if "group" not in config:
            return []
        own.append(Path(spec).parent)
        return part_names(config)


def _read_yaml(spec: str, *, resolve_functions: bool = False) -> dict[str, Any]:
    from lm_eval.tasks._yaml_loader import load_yaml

    path = Path(spec)
    if not path.is_file():
        raise ConfigError(
            f"evaluate.tasks: {spec} does not exist where this step runs. Give an absolute path"
        )
    try:
        config: dict[str, Any] = load_yaml(path, resolve_func=resolve_functions)
    except Exception as problem:  # noqa: BLE001 - of yaml, and of the code it names
        raise ConfigError(f"evaluate.tasks: {spec} cannot be read: {problem}") from None
    if not isinstance(config, dict) or not config.keys() & {"task", "group"}:
        raise ConfigError(f"evaluate.tasks: {spec} has neither task nor group. Expected one")
    return config


def loadable(spec: str | dict[str, Any]) -> str | dict[str, Any]:
    """What lm-eval can load. It takes a group's file for a task, so that goes by its name; a task
    file's data files are beside it, where lm-eval would look in the current directory.
    """
    if isinstance(spec, dict) or not spec.endswith(_YAML):
        return spec
    config = _read_yaml(spec, resolve_functions=True)
    if "group" in config:
        return str(config["group"])
    arguments = config.get("dataset_kwargs") or {}
    files = arguments.get("data_files")
    if not files:
        return spec
    found = _absolute(files, Path(spec).resolve().parent)
    return {**config, "dataset_kwargs": {**arguments, "data_files": found}}


def _absolute(files: Any, directory: Path) -> Any:
    if isinstance(files, Mapping):
        return {key: _absolute(value, directory) for key, value in files.items()}
    if isinstance(files, list):
        return [_absolute(value, directory) for value in files]
    return str(directory / files) if (directory / files).exists() else files
