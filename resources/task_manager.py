"""lm-eval's maker of tasks, which looks for a file's data beside that file.

lm-eval itself looks in the current directory, which is nobody's choice where a step runs. Where the
files are: `resources.task_places`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def task_manager(directories: Sequence[Path]) -> Any:
    """It knows the tasks in these directories, and no others."""
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._factory import TaskFactory

    manager = TaskManager(include_defaults=False, include_path=list(directories))
    manager._factory = type("Factory", (_Factory, TaskFactory), {})()  # noqa: SLF001 - no argument
    return manager


_Theirs: Any = object


class _Factory(_Theirs):  # type: ignore[misc] # lm-eval's, which is not imported with this module
    """All that is read from a file comes through here: tasks, groups and their parts."""

    def _load_full_config(self, entry: Any, overrides: Any = None) -> dict[str, Any]:
        config: dict[str, Any] = super()._load_full_config(entry, overrides)
        return _beside(config, entry.yaml_path.resolve().parent) if entry.yaml_path else config


def _beside(config: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """The same, with the data files that are in the directory; a group's parts may be inline."""
    found = dict(config)
    arguments = config.get("dataset_kwargs") or {}
    if files := arguments.get("data_files"):
        found["dataset_kwargs"] = {**arguments, "data_files": _absolute(files, directory)}
    if isinstance(parts := config.get("task"), list):
        found["task"] = [_beside(p, directory) if isinstance(p, Mapping) else p for p in parts]
    return found


def _absolute(files: Any, directory: Path) -> Any:
    """Those that are not there may be in a repository on the Hub."""
    if isinstance(files, Mapping):
        return {key: _absolute(value, directory) for key, value in files.items()}
    if isinstance(files, list):
        return [_absolute(value, directory) for value in files]
    is_there = not Path(files).is_absolute() and any(directory.glob(files))
    return str(directory / files) if is_there else files
