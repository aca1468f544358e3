"""What is asked of a model: the recipe's tasks and our rows, made ready before the model is loaded.

A name that leads nowhere, a data set that cannot be had, examples that would give the answers away:
all of it is found here. Each `Asked` is evaluated and kept by itself.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from osft_assets.core.errors import ConfigError
from osft_assets.core.lineage import fingerprint
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.scores import TaskKind
from resources import mmlu_dev
from resources.evaluated_model import Pairs
from resources.evaluation_errors import explained
from resources.task_manager import task_manager
from resources.task_names import TaskNames
from resources.task_places import Definition, definition_of, directories_of

# Raise it when a change to how we evaluate gives other scores.
CODE_VERSION = "2"


@dataclass(frozen=True)
class Asked:
    """One task, or one group that has a score of its own. `item` is lm-eval's object."""

    name: str
    kind: TaskKind
    item: Any
    pairs: Pairs = "lm-eval"
    caveat: str = ""

    @property
    def parts(self) -> dict[str, Any]:
        """The tasks it consists of."""
        if hasattr(self.item, "get_all_tasks"):
            return {task.task_name: task for task in self.item.get_all_tasks()}
        return {self.item.task_name: self.item}

    def fingerprint(self, settings: Mapping[str, Any], limit: int | None) -> str:
        """Of the definition, the documents and the settings; not of the model."""
        aggregates = getattr(self.item, "aggregate_metric_list", None)
        return fingerprint(
            {
                "code": CODE_VERSION,
                "settings": settings,
                "aggregates": str(aggregates),
                "parts": {name: _identity(task, limit) for name, task in self.parts.items()},
            }
        )


def benchmarks(recipe: EvaluationRecipe, names: TaskNames) -> list[Asked]:
    """The recipe's tasks. A group without a score of its own stands for its parts."""
    definitions = [definition_of(spec) for spec in recipe.tasks]
    manager = task_manager(directories_of(definitions, names))
    found: dict[str, Asked] = {}
    for definition in definitions:
        for asked in _loaded(definition, manager):
            _refuse_leaking_examples(asked, recipe)
            found[asked.name] = asked
    return list(found.values())


def _loaded(definition: Definition, manager: Any) -> Iterator[Asked]:
    spec, config = definition
    if spec == mmlu_dev.NAME:
        yield Asked(mmlu_dev.NAME, "benchmark", mmlu_dev.mmlu_dev(), caveat=mmlu_dev.CAVEAT)
        return
    shown = spec if isinstance(spec, str) else config.get("task") or config.get("group")
    try:
        made = manager._load_spec(definition.loadable)  # noqa: SLF001 - load() flattens
    except Exception as problem:  # noqa: BLE001 - of lm-eval, datasets, and the network
        raise explained(problem, f"task {shown}") from problem
    for item in made if isinstance(made, list) else [made]:
        yield from _scored(item)


def _scored(item: Any) -> Iterator[Asked]:
    if hasattr(item, "get_all_tasks"):
        if item.has_aggregation:
            yield Asked(item.name, "benchmark", item)
            return
        for part in item:
            yield from _scored(part)
    else:
        yield Asked(item.task_name, "benchmark", item)


def _refuse_leaking_examples(asked: Asked, recipe: EvaluationRecipe) -> None:
    """Without a split for them, lm-eval draws the examples from the questions themselves."""
    if not recipe.num_fewshot:
        return
    for name, task in asked.parts.items():
        own = task.config.fewshot_config
        has_examples = own is not None and (own.split is not None or own.samples is not None)
        if not (has_examples or task.has_training_docs() or task.has_validation_docs()):
            raise ConfigError(
                f"evaluate.num_fewshot is {recipe.num_fewshot}, but {name} has no split to take "
                "examples from: they would be the questions themselves. Leave it out, or give the "
                "task a fewshot_split"
            )


def without_effect(recipe: EvaluationRecipe, every: Sequence[Asked]) -> Iterator[str]:
    """Settings that these tasks do not listen to, in a sentence each."""
    tasks = {name: task for asked in every for name, task in asked.parts.items()}
    if recipe.num_fewshot is not None:
        fixed = sorted(
            name
            for asked in every
            if asked.kind == "benchmark"
            for name, task in asked.parts.items()
            if task.config.num_fewshot == 0 and recipe.num_fewshot
        )
        if fixed:
            yield f"num_fewshot has no effect on {_some(fixed)}: their definition says 0"
    answers = [t for t in tasks.values() if t.OUTPUT_TYPE == "generate_until"]
    if recipe.gen_kwargs and not answers and all(a.kind == "benchmark" for a in every):
        yield "gen_kwargs have no effect: none of the tasks lets the model write"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _identity(task: Any, limit: int | None) -> dict[str, str]:
    shots = task.config.num_fewshot or 0
    examples = (task.fewshot_docs() or []) if shots else []
    return {
        "version": str(task.VERSION),
        "class": type(task).__qualname__,
        "config": _digest([task.dump_config()]),
        "documents": _digest(task.eval_docs, limit),
        "examples": _digest(examples),
    }


def _digest(values: Any, limit: int | None = None) -> str:
    digest = hashlib.sha256()
    for number, value in enumerate(values):
        if limit is not None and number >= limit:
            break
        digest.update(json.dumps(value, sort_keys=True, default=_stable).encode() + b"\n")
    return digest.hexdigest()


def _stable(value: Any) -> str:
    """Never an address in memory: the same definition must hash the same tomorrow."""
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    name = getattr(value, "__qualname__", None)
    return name if name else f"{type(value).__qualname__} {value}"
