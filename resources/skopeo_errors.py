"""What skopeo says when it fails, in our words and without secrets; and what to do about it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from osft_assets.core.errors import OsftError, RegistryError, SourceError, WorkspaceError
from osft_assets.core.model_sources import OciImage
from resources.pull_secret import PullSecret, pull_secret, push_secret

_MESSAGE = re.compile(r'msg="((?:[^"\\]|\\.)*)"')
_QUERY = re.compile(r"\?[^\s\"'\\]+")  # registries redirect to signed addresses
_LONGEST_MESSAGE = 400
_REFUSED = r"unauthorized|denied|authentication required|\b40[13]\b"
_NOT_FOUND = r"manifest unknown|name unknown|not found|\b404\b"
_PASSES = (
    r"connection (refused|reset)|time-?out|timed out|no such host|unexpected EOF|"
    r"too many requests|\b(429|50[0-4])\b"
)
# What skopeo says, in part, and what to do about it.
_REMEDIES = {
    _NOT_FOUND: "Check the name and the tag.",
    "policy.json": "Install containers-common, which brings /etc/containers/policy.json.",
    "no image found in": "It has no variant for this machine. Name one by its digest.",
}


@dataclass(frozen=True)
class Purpose:
    """What a registry is asked for: whose secret it is shown, and what its errors say."""

    error: type[OsftError]
    done: str
    secret_holds: str
    instead: str
    secret: Callable[[Mapping[str, str]], PullSecret]


PULL = Purpose(
    SourceError,
    "read",
    "a pull secret for this registry",
    "copy the model to pvc://, s3:// or the Hub and name that",
    pull_secret,
)
PUSH = Purpose(
    RegistryError,
    "written",
    "credentials that may write there",
    "set registry.publish_to to s3://bucket/prefix",
    push_secret,
)


def may_be_absent(said: str) -> bool:
    """Whether it says that there is no such image; some registries refuse to say it."""
    return bool(re.search(f"{_REFUSED}|{_NOT_FOUND}", _message(said), re.I))


def explained(image: OciImage, said: str, secret: PullSecret, purpose: Purpose) -> OsftError:
    """The error to raise when skopeo failed with this output."""
    message = _message(said)
    if purpose is PULL and "no space left on device" in message:
        return WorkspaceError(f"No room to download {image}. Nothing was kept. Free some")
    shown = _QUERY.sub("?***", secret.hidden_in(" ".join(message.split())))[-_LONGEST_MESSAGE:]
    login = f"Check the name, and that {secret.variable} holds {purpose.secret_holds}."
    remedies = {_REFUSED: login, **_REMEDIES}
    found = (remedy for words, remedy in remedies.items() if re.search(words, message, re.I))
    remedy = next(found, "Check the address and the network.")
    may_pass = not re.search(f"{_REFUSED}|{_NOT_FOUND}", message, re.I) and re.search(
        _PASSES, message, re.I
    )
    return purpose.error(
        f"{image} cannot be {purpose.done}: {shown.rstrip('.')}. {remedy}", transient=bool(may_pass)
    )


def _message(said: str) -> str:
    return " ".join(_MESSAGE.findall(said)[-1:] or [said]).replace('\\"', '"')
