"""Where data may come from: one typed value per kind of address, and the parser.

Nothing is opened here; the adapters in `resources/` do that. An address that carries a credential
is refused: it would be stored with the run. `env:NAME` names a variable that holds it instead.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from osft_assets.core.errors import ConfigError
from osft_assets.core.redaction import credentials_in, quoted, redact

HUB_REPOSITORY = r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?"
_HUB_NAME = re.compile(rf"(?P<repo>{HUB_REPOSITORY})(:(?P<config>[^@/]+))?(@(?P<revision>\S+))?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_DATA_SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".gz", ".zst")
_SCHEMES = "hf://, s3://, http://, https://, pvc:// or file://"
_KNOWN = f"{_SCHEMES}, an absolute path, or env:NAME"


@dataclass(frozen=True)
class HubDataset:
    """A dataset repository on the Hugging Face Hub."""

    repository: str
    config: str = ""
    revision: str = ""

    def __str__(self) -> str:
        config = f":{self.config}" if self.config else ""
        return f"hf://{self.repository}{config}{f'@{self.revision}' if self.revision else ''}"


@dataclass(frozen=True)
class S3Location:
    """One object, or every object below a prefix that ends with a slash."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class WebLocation:
    """A web address. `url` may hold a credential, so only the redacted form is ever shown."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        return redact(self.url)


@dataclass(frozen=True)
class WorkspacePath:
    """A file or directory below the workspace (the mounted volume)."""

    relative: str

    def __str__(self) -> str:
        return f"pvc://{self.relative}"


@dataclass(frozen=True)
class LocalPath:
    """A file or directory elsewhere on this machine; only read."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


Location = HubDataset | S3Location | WebLocation | WorkspacePath | LocalPath


def resolve_location(data_uri: str, environment: Mapping[str, str]) -> Location:
    """The typed address, looked up in the environment when it is `env:NAME`."""
    location = parse_location(data_uri)
    if location is not None:
        return location
    name = data_uri.strip().removeprefix("env:")
    value = environment.get(name, "").strip()
    if not value:
        raise ConfigError(
            f"data_uri is env:{name}, but {name} is not set. Set it where the dataset step runs"
        )
    # The variable may hold a secret: no message repeats it, and what has no scheme is no address.
    with suppress(ConfigError):
        if "://" in value:
            return _parse(value)
    raise ConfigError(f"The value of {name} is not an address. Expected {_SCHEMES}")


def parse_location(data_uri: str) -> Location | None:
    """The typed address; None for `env:NAME`, which only the environment can tell."""
    text = data_uri.strip()
    if text.startswith("env:"):
        _check_variable_name(text.removeprefix("env:"))
        return None
    found = credentials_in(text)
    if found:
        raise ConfigError(
            f"data_uri carries {' and '.join(found)}, and would be stored with the run. Put the "
            "whole address in an environment variable and set data_uri to env:THAT_VARIABLE"
        )
    return _parse(text)


def _check_variable_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ConfigError("data_uri: expected the name of an environment variable after env:")


def _parse(text: str) -> Location:
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _bare(text)
    if scheme not in _PARSERS:
        lower = scheme.lower()
        hint = f" Schemes are lower case: {lower}://." if lower in _PARSERS else ""
        raise ConfigError(f"data_uri has the scheme {scheme!r}, expected {_KNOWN}.{hint}")
    return _PARSERS[scheme](text, rest)


def _bare(text: str) -> Location:
    if text.startswith("/"):
        return LocalPath(Path(text))
    if text.startswith((".", "~")) or text.endswith(_DATA_SUFFIXES):
        raise ConfigError(
            f"data_uri {quoted(text)} looks like a relative path. Give an absolute one, or "
            "pvc://PATH"
        )
    return _hub(text, text)


def _hub(text: str, rest: str) -> Location:
    match = _HUB_NAME.fullmatch(rest)
    if not match:
        raise ConfigError(f"data_uri {quoted(text)} is not hf://org/name[:config][@revision]")
    if "/" not in match["repo"] and "/" in (match["revision"] or ""):
        raise ConfigError("data_uri looks like user:token@org/name. Set HF_TOKEN instead")
    return HubDataset(match["repo"], match["config"] or "", match["revision"] or "")


def parse_s3(text: str, rest: str, knob: str = "data_uri") -> S3Location:
    """The address `text`, which is `rest` after its scheme; `knob` is the setting it was in."""
    bucket, _, key = rest.partition("/")
    if not _BUCKET.fullmatch(bucket) or "?" in key:
        raise ConfigError(
            f"{knob} {quoted(text)} is not s3://bucket/key, or s3://bucket/prefix/ for many files"
        )
    return S3Location(bucket, key)


def _web(text: str, _rest: str) -> Location:
    try:
        parts = urlsplit(text)
        host = parts.hostname
        _ = parts.port  # not a number when a password holds a '/', which must not pass for a path
    except ValueError:  # its message may repeat the address
        host = None
    if not host:
        raise ConfigError("data_uri has no valid host. Expected https://host/path")
    return WebLocation(text)


def parse_workspace(text: str, rest: str, knob: str = "data_uri") -> WorkspacePath:
    """Likewise."""
    relative = rest.strip("/")
    if not relative:
        raise ConfigError(f"{knob} names no file. Expected pvc://path, relative to the workspace")
    if "\0" in relative:
        raise ConfigError(f"{knob} holds a NUL character. Remove it")
    if ".." in PurePosixPath(relative).parts:
        raise ConfigError(f"{knob} {quoted(text)} leaves the workspace. Remove '..'")
    return WorkspacePath(relative)


def parse_file(text: str, rest: str, knob: str = "data_uri") -> LocalPath:
    """Likewise."""
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not slash:
        raise ConfigError(
            f"{knob} {quoted(text)} names another machine. Expected file:///absolute/path"
        )
    return LocalPath(Path("/" + unquote(path)))


_PARSERS: Mapping[str, Callable[[str, str], Location]] = {
    **dict.fromkeys(("http", "https"), _web),
    **{"hf": _hub, "s3": parse_s3, "pvc": parse_workspace, "file": parse_file},
}
