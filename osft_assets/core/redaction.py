"""What may be shown of a location: everything but its credentials.

Presigned links carry their permission in the query, old-fashioned URLs a password before the @.
Neither may reach a log, a record, the run config or an error message. Parsing locations for use is
`core.sources`.
"""

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

_CREDENTIAL_PARAMETER = re.compile(
    r"signature|^sig$|token|secret|passw|^pwd$|credential|access.?key|api.?key|^auth|^key$|^jwt$",
    re.IGNORECASE,
)
_HIDDEN = "***"


def redact(location: str) -> str:
    """The location without its user, its password, its fragment and the values of its query."""
    if "://" not in location:
        return location
    try:
        parts = urlsplit(location)
    except ValueError:  # a malformed host; Python 3.12 repeats it in the message
        return f"{location.partition('://')[0]}://{_HIDDEN}"
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{_HIDDEN}@{host}" if _has_user(parts) else parts.netloc
    return urlunsplit((parts.scheme, netloc, parts.path, "&".join(_hidden(parts.query)), ""))


def credentials_in(location: str) -> list[str]:
    """Where the location carries a credential, in words that repeat none of it."""
    if "://" not in location:
        return []
    try:
        parts = urlsplit(location)
    except ValueError:
        return []
    found = ["a user name or password before the @"] if _has_user(parts) else []
    names = [name for name, value in parse_qsl(parts.query) if value]
    return found + [
        f"the query parameter {name}" for name in names if _CREDENTIAL_PARAMETER.search(name)
    ]


def _has_user(parts: SplitResult) -> bool:
    # hf://name@revision: what follows the @ is a revision, not a host.
    return parts.scheme != "hf" and "@" in parts.netloc


def _hidden(query: str) -> list[str]:
    return [
        f"{part.partition('=')[0]}={_HIDDEN}" if "=" in part else _HIDDEN
        for part in query.split("&")
        if part
    ]
