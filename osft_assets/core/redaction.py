"""What may be shown of a location: everything but its credentials.

Presigned links carry their permission in the query, old-fashioned URLs a password before the @.
Neither may reach a log, a record, the run config or an error message. Parsing locations for use is
`core.sources`.
"""

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

_CREDENTIAL_NAME = re.compile(
    r"signature|token|secret|passw|credential|access.?key|api.?key|^auth"
    r"|^(sig|pwd|pass|key|jwt|sid|code)$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"([A-Za-z0-9]+://)?[\w./~ -]*")
_HIDDEN = "***"


def redact(location: str) -> str:
    """A valid location without its user, its password, its fragment and the values of its query."""
    if "://" not in location:
        return location
    try:
        parts = urlsplit(location)
    except ValueError:  # a malformed host; Python 3.12 repeats it in the message
        return f"{location.partition('://')[0]}://{_HIDDEN}"
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{_HIDDEN}@{host}" if _has_user(parts) else parts.netloc
    return urlunsplit((parts.scheme, netloc, parts.path, _hidden(parts.query), ""))


def quoted(text: str) -> str:
    """Text that is no valid location, shown only when it cannot hide a password."""
    return repr(text) if _HARMLESS.fullmatch(text) else "(not shown: it may hold a credential)"


def credentials_in(location: str) -> list[str]:
    """Where the location carries a credential, in words that repeat none of it."""
    if "://" not in location:
        return []
    try:
        parts = urlsplit(location)
    except ValueError:
        return []
    found = ["a user name or password before the @"] if _has_user(parts) else []
    names = [name for part in (parts.query, parts.fragment) for name in _names_with_values(part)]
    secret = [name for name in names if _CREDENTIAL_NAME.search(name)]
    return found + [f"the query parameter {name}" for name in secret]


def _names_with_values(query: str) -> list[str]:
    return [name for name, value in parse_qsl(query.replace(";", "&")) if value]


def _has_user(parts: SplitResult) -> bool:
    # hf://name@revision and pvc://data@2024: no host follows the @ there.
    return parts.scheme not in ("hf", "pvc") and "@" in parts.netloc


def _hidden(query: str) -> str:
    parts = [part for part in re.split("[&;]", query) if part]
    return "&".join(
        f"{part.partition('=')[0]}={_HIDDEN}" if "=" in part else _HIDDEN for part in parts
    )


# What tokens of well-known services look like: Hugging Face, GitHub, GitLab, AWS, OpenAI, keys.
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(hf_|ghp_|github_pat_|glpat-|sk-|AKIA)[A-Za-z0-9_-]{8,}|-----BEGIN "
)


_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>)\]]+")


def without_secrets(text: str) -> str:
    """A text of somebody else's, whose addresses and tokens are shown as far as they may be."""
    return _TOKEN.sub(_HIDDEN, _ADDRESS.sub(lambda found: redact(found[0]), text))


def looks_like_a_token(text: str) -> bool:
    """Whether some service would take this for a credential."""
    return bool(_TOKEN.search(text))
