"""What is wrong with a YAML file, in lines short enough for a terminal.

For what Dagster, pydantic and the YAML parser raise while files are read; our own errors, of
`core.errors`, are short already. No value of a setting is repeated: it may be a password.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from traceback import walk_tb

import yaml
from dagster.components.resolved.errors import ResolutionException
from dagster_shared.check import CheckError
from dagster_shared.error import DagsterError
from pydantic import ValidationError

from osft_assets.core.errors import OsftError

_TEMPLATE_AT = re.compile(r"(?P<file>.+):(?P<line>\d+) - (?P<key>\S+)\n")
_OURS = "A pipeline is of type osft_assets.component.FineTunePipeline"
_ROOT = Path(__file__).parents[1]


def short_lines(problem: BaseException) -> str:
    """The file, the key and what is wrong with it; empty when the cause is none of the user's."""
    chain = list(_chain(problem))
    for cause in chain:
        if isinstance(cause, OsftError):
            return str(cause)
    return next(filter(None, map(_told, chain)), "")


def _chain(problem: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = problem
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _told(problem: BaseException) -> str:
    match problem:
        case ValidationError():
            return _wrong_values(problem)
        case yaml.MarkedYAMLError():
            return _wrong_form(problem)
        case ResolutionException():
            return _wrong_template(problem)
    file = _being_read(problem)
    return f"{file}: {_wrong_file(problem)}." if file and _wrong_file(problem) else ""


def _wrong_values(problem: ValidationError) -> str:
    """One line a problem; none when it is not Dagster's, which knows the place in the file."""
    lines = []
    for line in problem.errors(include_url=False, include_input=False):
        at = line.get("ctx", {}).get("source_position")
        if at is None:
            return ""
        key = str(line["loc"][0]).removesuffix(f" at {at}")
        message = line["msg"].removeprefix("Value error, ").rstrip(".")
        if line["type"] == "extra_forbidden" and problem.title == "ComponentFileModel":
            message = "there is no such key beside type and attributes. Settings are indented"
        where = f"{_shown(at.filename)}:{at.start.line}: {key}".removesuffix(": ")
        lines.append(f"{where}: {message}.")
    return "\n".join(lines)


def _wrong_form(problem: yaml.MarkedYAMLError) -> str:
    mark = problem.problem_mark
    if mark is None:
        return ""
    message = problem.problem or ""
    if re.search("alias|anchor|tag", message):  # which is quoted, and may be a password
        message = re.split(" ['\"]", message)[0] + ". Put text that begins with *, & or ! in quotes"
    elif "\\t" in message:
        message += ". Indent with spaces, not with tabs"
    elif problem.context_mark and str(problem.context).startswith("while "):
        message += f", {problem.context} that begins in line {problem.context_mark.line + 1}"
    return f"{_shown(mark.name)}:{mark.line + 1}: this is no YAML: {message}."


def _wrong_template(problem: ResolutionException) -> str:
    if found := _TEMPLATE_AT.match(str(problem)):
        return (
            f"{_shown(found['file'])}:{found['line']}: {found['key']}: what is between two braces "
            "cannot be evaluated. A variable of the environment is {{ env.NAME }}."
        )
    return ""


def _wrong_file(problem: BaseException) -> str:
    """What Dagster says of a whole file, or nothing when our code is to blame."""
    message = " ".join(str(problem).split()).rstrip(".")
    match problem:
        case UnicodeDecodeError() | yaml.YAMLError():
            return "this is no YAML: it is not all text in UTF-8"
        case CheckError() if "No components found" in message:
            return "it is empty. Expected type and attributes"
        case DagsterError():
            return "" if _broken_import(problem) else f"type: {message}. {_OURS}"
        case ValueError() if message.startswith("Invalid component type name"):
            return f"type: {message}. {_OURS}"
    return ""


def _broken_import(problem: DagsterError) -> bool:
    """The module that `type` names is there, and imports another that is not."""
    cause = problem.__cause__ or problem.__context__
    return isinstance(cause, ImportError) and f"`{cause.name}" not in str(problem)


def _being_read(problem: BaseException) -> str:
    """The file that Dagster's loader was reading: these errors do not say."""
    frames = [frame for frame, _ in walk_tb(problem.__traceback__)]
    paths = [frame.f_locals.get("component_def_path") for frame in frames]
    return next((_shown(str(path)) for path in reversed(paths) if path), "")


def _shown(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path)
