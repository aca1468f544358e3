"""Where base models may come from: one typed value per kind of address, and the parser.

Nothing is opened here; the adapters in `resources/` do that. S3 addresses and paths are those of
`core.sources`. An address that carries a credential is refused: it would be stored with the run.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from osft_assets.core.errors import ConfigError
from osft_assets.core.redaction import credentials_in, looks_like_a_token, quoted
from osft_assets.core.sources import (
    HUB_REPOSITORY,
    LocalPath,
    S3Location,
    WorkspacePath,
    parse_file,
    parse_s3,
    parse_workspace,
)

_HUB_NAME = re.compile(rf"(?P<repository>{HUB_REPOSITORY})(@(?P<revision>[^\s@:]+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PART = r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*"  # of a repository's name, as registries define it
_IMAGE = re.compile(
    rf"(?P<registry>localhost|[A-Za-z0-9.-]*[.][A-Za-z0-9-]+|[A-Za-z0-9.-]+(?=:\d))(?P<port>:\d+)?"
    rf"/(?P<repository>{_PART}(/{_PART})*)"
    r"(:(?P<tag>\w[\w.-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_SCHEMES = "hf://, s3://, pvc://, oci:// or file://"
_KNOWN = f"{_SCHEMES}, org/name of the Hugging Face Hub, or an absolute path"


@dataclass(frozen=True)
class HubModel:
    """A model repository on the Hugging Face Hub."""

    repository: str
    revision: str = ""

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a commit, which never changes."""
        return bool(_COMMIT.fullmatch(self.revision))

    def __str__(self) -> str:
        return f"hf://{self.repository}{f'@{self.revision}' if self.revision else ''}"


@dataclass(frozen=True)
class OciImage:
    """An image in a container registry, with a model below `/models`."""

    repository: str  # with the registry
    tag: str = ""
    digest: str = ""  # decides, when both are there

    @property
    def reference(self) -> str:
        """The image as container tools name it: by its digest when that is known."""
        return f"{self.repository}{f'@{self.digest}' if self.digest else f':{self.tag}'}"

    def __str__(self) -> str:
        return f"oci://{self.reference}"


ModelLocation = HubModel | S3Location | OciImage | WorkspacePath | LocalPath


def parse_model_location(base_model: str) -> ModelLocation:
    """The typed address of a model."""
    text = base_model.strip()
    found = credentials_in(text)
    if looks_like_a_token(text):
        found = [*found, "what looks like a token"]
    if text.startswith("pvc://") and "@" in text.partition("://")[2].partition("/")[0]:
        found = [*found, "what looks like a password"]
    if found:
        raise ConfigError(
            f"base_model carries {' and '.join(found)}, and would be stored with the run. Take it "
            "out: tokens, keys and pull secrets are read from environment variables"
        )
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _bare(text)
    if scheme not in _PARSERS:
        raise ConfigError(f"base_model has the scheme {scheme!r}, expected {_KNOWN}.{_hint(text)}")
    return _PARSERS[scheme](text, rest)


def _hint(text: str) -> str:
    scheme, _, rest = text.partition("://")
    if scheme.lower() in _PARSERS:
        return f" Schemes are lower case: {scheme.lower()}://."
    if rest.startswith("huggingface.co/"):
        return " For a page of the Hub, write org/name."
    return ""


def _bare(text: str) -> ModelLocation:
    if text.startswith("/"):
        return LocalPath(Path(text))
    if text.startswith((".", "~")) or text.count("/") > 1 and "@" not in text:
        raise ConfigError(
            f"base_model {quoted(text)} looks like a relative path. Give an absolute one, or "
            "pvc://PATH, relative to the workspace"
        )
    return _hub(text, text)


def _hub(text: str, rest: str) -> ModelLocation:
    match = _HUB_NAME.fullmatch(rest)
    if not match:
        raise ConfigError(
            f"base_model {quoted(text)} is not org/name or org/name@revision, nor {_SCHEMES}"
        )
    if "/" not in match["repository"] and "/" in (match["revision"] or ""):
        raise ConfigError("base_model looks like token@org/name. Set HF_TOKEN instead")
    return HubModel(match["repository"], match["revision"] or "")


def _image(text: str, rest: str) -> ModelLocation:
    match = _IMAGE.fullmatch(rest)
    if not match:
        raise ConfigError(
            f"base_model {quoted(text)} is not oci://registry/repository:tag or "
            "oci://registry/repository@sha256:DIGEST (64 hexadecimal digits)"
        )
    repository = f"{match['registry']}{match['port'] or ''}/{match['repository']}"
    if match["digest"]:
        return OciImage(repository, digest=match["digest"])
    return OciImage(repository, match["tag"] or "latest")


_PARSERS: Mapping[str, Callable[[str, str], ModelLocation]] = {
    "hf": _hub,
    "oci": _image,
    "s3": partial(parse_s3, knob="base_model"),
    "pvc": partial(parse_workspace, knob="base_model"),
    "file": partial(parse_file, knob="base_model"),
}
