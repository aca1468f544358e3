"""Settings of one run, from a file or from NAME=VALUE, as the run config of its job; and, in a few
lines, why Dagster refuses some.

Which job takes what is `osft_assets.parameters`; the commands are in `osft_assets.commands`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import dagster as dg
import yaml
from dagster._config.errors import (
    EvaluationError,
    FieldNotDefinedErrorData,
    FieldsNotDefinedErrorData,
    RuntimeMismatchErrorData,
)

from osft_assets.core.errors import OsftError
from osft_assets.core.flat_config import SECTIONS
from osft_assets.core.old_parameters import PIPELINE_PARAMETERS
from osft_assets.core.suggestions import did_you_mean
from osft_assets.parameters import ops_config

_Path = tuple[str, ...]


class _Loader(yaml.SafeLoader):
    """Reads 1e-5 as a number, which YAML 1.1 does not."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+"), list("-+0123456789")
)


def read_yaml(text: str) -> Any:
    """YAML or JSON; ValueError repeats none of it."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ValueError(f"this is neither YAML nor JSON{where}") from None


def read_settings(path: Path) -> dict[str, Any]:
    """The run config in a file."""
    try:
        found = read_yaml(path.read_text())
    except (ValueError, OSError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise click.ClickException(f"{path}: {reason}.") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise click.ClickException(f"{path}: expected NAME: VALUE pairs.")
    return found


def with_settings(
    job: dg.JobDefinition, config: Mapping[str, Any], settings: Sequence[str]
) -> dict[str, Any]:
    """The run config with NAME=VALUE put where the job looks for it."""
    merged, places = dict(config), _places(job)
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise click.UsageError("--set: expected NAME=VALUE, and found no '='.")
        if name not in places:
            raise click.UsageError(
                f"--set: {job.name} has no setting {name!r}.{did_you_mean(name, places)}"
            )
        for path in places[name]:
            _put(merged, path, _value(text, _schema(job, path).given_name))
    return merged


def _places(job: dg.JobDefinition) -> dict[str, list[_Path]]:
    """Where in the run config each setting is: more than once where several steps take it."""
    pipeline = job.name.removesuffix("_pipeline")
    if job.config_mapping is None:
        return _nested_places(job, pipeline)
    places: dict[str, list[_Path]] = {}
    for name in _fields(job, ()):
        if name in SECTIONS:
            places |= {f"{name}.{each}": [(name, each)] for each in _fields(job, (name,))}
        else:
            places[name] = [(name,)]
    flat = PIPELINE_PARAMETERS[pipeline]
    return places | {each.place: [(each.name,)] for each in flat if each.name in places}


def _nested_places(job: dg.JobDefinition, pipeline: str) -> dict[str, list[_Path]]:
    places: dict[str, list[_Path]] = {}
    for section in SECTIONS:
        for path in _leaves({"ops": ops_config(pipeline, {section: {"": None}})}):
            for name, field in _fields(job, path[:-1]).items():
                if not isinstance(field.config_type, dg.Shape):  # another section
                    places.setdefault(f"{section}.{name}", []).append((*path[:-1], name))
    return places


def _leaves(tree: Mapping[str, Any]) -> Iterator[_Path]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from ((key, *path) for path in _leaves(value))
        else:
            yield (key,)


def _schema(job: dg.JobDefinition, path: Sequence[str]) -> Any:
    kind: Any = job.run_config_schema.config_type
    for part in path:
        field = getattr(kind, "fields", {}).get(part)
        kind = field.config_type if field else None
    return kind


def _fields(job: dg.JobDefinition, path: Sequence[str]) -> Mapping[str, dg.Field]:
    return getattr(_schema(job, path), "fields", {})


def _value(text: str, kind: str | None) -> Any:
    """As YAML reads it, but text where text is expected: names may look like numbers."""
    if not text or kind == "String":
        return text
    try:
        return read_yaml(text)
    except ValueError:
        return text


def _put(config: dict[str, Any], path: _Path, value: Any) -> None:
    *parents, name = path
    for parent in parents:
        inner = config.get(parent)
        config[parent] = dict(inner) if isinstance(inner, Mapping) else {}
        config = config[parent]
    config[name] = value


def refusal(job: dg.JobDefinition, problem: BaseException) -> str:
    """Why there is no run, a line a problem; empty when the cause is none of the user's.

    Dagster's own sentences list every setting there is, and repeat the value.
    """
    cause: BaseException | None = problem
    while cause:
        if isinstance(cause, OsftError):
            return str(cause)
        if isinstance(cause, dg.DagsterInvalidConfigError):
            known = list(_places(job))
            return "\n".join(line for each in cause.errors for line in _lines(each, known))
        cause = cause.__cause__
    return ""


def _lines(problem: EvaluationError, known: list[str]) -> Iterator[str]:
    place = ".".join(str(getattr(each, "field_name", "")) for each in problem.stack.entries)
    match problem.error_data:
        case FieldNotDefinedErrorData(field_name=name):
            names = [name]
        case FieldsNotDefinedErrorData(field_names=several):
            names = list(several)
        case RuntimeMismatchErrorData(config_type_snap=kind):
            yield f"{place}: expected {kind.given_name or kind.kind.value.lower()}."
            return
        case _:
            yield problem.message
            return
    for name in names:
        where = f"{place}: " if place else ""
        yield f"{where}there is no setting {name!r} here.{did_you_mean(name, known)}"
