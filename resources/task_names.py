"""Which tasks lm-eval knows by name, without its own scan of 14,000 YAML files.

That scan takes 7 seconds, every time. Here it is made once and kept as a list of names and files,
by lm-eval's version; afterwards only the directories of the tasks that are asked for are read
(measured on 2 cores: 0.03 s for the list, under 0.3 s for the directories).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Any

from osft_assets.core.errors import ConfigError
from osft_assets.core.workspace import Workspace
from resources.worker_main import say

# What a name leads to: the directory below lm_eval/tasks, and the names of its parts.
Known = Mapping[str, Mapping[str, Any]]


class TaskNames:
    """The names that lm-eval was installed with."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._path = workspace.root / "_lm_eval" / f"tasks-{version('lm_eval')}.json"
        self._read: Known | None = None

    @property
    def known(self) -> Known:
        """Every name; scanned for when nobody has yet."""
        if self._read is None:
            self._read = self._kept() or self._scanned()
        return self._read

    def check(self, name: str, others: Iterable[str] = ()) -> None:
        """Refuse a name that leads nowhere, before a model is loaded."""
        if name in self.known:
            return
        close = get_close_matches(name, [*self.known, *others], n=3, cutoff=0.6)
        advice = f"Did you mean {', '.join(close)}" if close else "`lm-eval ls tasks` lists them"
        raise ConfigError(f"evaluate.tasks: there is no task {name!r}. {advice}")

    def directories(self, names: Iterable[str]) -> list[Path]:
        """What TaskManager must read to know these names and all their parts.

        The last one wins when two define the same name; in lm-eval's own scan it is the first.
        """
        root = _tasks_root()
        found = {self.known[name]["directory"] for name in self._with_parts(names)}
        return [root / directory for directory in sorted(found - {""}, reverse=True)]

    def _with_parts(self, names: Iterable[str]) -> Iterator[str]:
        seen: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in seen or name not in self.known:
                continue  # a group may define its parts inline
            seen.add(name)
            waiting += self.known[name]["parts"]
            yield name

    def _kept(self) -> Known | None:
        try:
            read: Known = json.loads(self._path.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return read

    def _scanned(self) -> Known:
        say("Listing lm-eval's tasks: some seconds, once.")
        from lm_eval.tasks import TaskManager

        index = TaskManager().task_index
        known = {name: _entry(entry) for name, entry in index.items()}
        self._workspace.write(self._path, json.dumps(known).encode())
        return known


def part_names(config: Mapping[str, Any]) -> list[str]:
    """The names of the tasks that a group is made of."""
    parts = config.get("task")
    found = []
    for part in parts if isinstance(parts, list) else [parts]:
        name = part.get("task") or part.get("group") if isinstance(part, Mapping) else part
        found += [name] if isinstance(name, str) else []
    return found


def _entry(entry: Any) -> dict[str, Any]:
    directory = ""
    if entry.yaml_path:
        directory = entry.yaml_path.relative_to(_tasks_root()).parts[0]
    parts = sorted(entry.tags) if entry.kind.name == "TAG" else []
    if entry.kind.name == "GROUP":
        parts = part_names(entry.cfg or {})
    return {"directory": directory, "parts": parts}


def _tasks_root() -> Path:
    import lm_eval.tasks

    return Path(lm_eval.tasks.__file__).parent
