"""What a diagnosis says, and how it reads the API's dicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from osft_assets.core.redaction import without_secrets

Json = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """What was found of a step. `is_lost`: it will do no more. `may_pass`: another try may do."""

    words: str
    is_lost: bool = True
    may_pass: bool = False


@dataclass(frozen=True)
class Asked:
    """What was asked of the pod, for the words: in which section, or in none for a light step."""

    section: str = ""
    memory: str = ""
    start_timeout_minutes: float = 120.0

    def setting(self, name: str) -> str:
        """Where it is set."""
        return f"{self.section}.{name}" if self.section else "what the deployment says of its pods"


def condition(thing: Json, kind: str) -> Json:
    """A condition that holds, of a pod or a job; empty when it does not."""
    for each in (thing.get("status") or {}).get("conditions") or []:
        if each.get("type") == kind and each.get("status") == "True":
            return dict(each)
    return {}


def containers(pod: Json, state: str) -> list[Json]:
    """The containers that are in a state, each as its name and what is said of the state."""
    status = pod.get("status") or {}
    listed = [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]
    return [
        {"name": each.get("name", ""), "image": each.get("image", ""), **each["state"][state]}
        for each in listed
        if (each.get("state") or {}).get(state)
    ]


def is_waiting(pods: Sequence[Json]) -> bool:
    """Whether some pod is yet to start, or to be made: then events may say why."""
    return not pods or any((pod.get("status") or {}).get("phase") == "Pending" for pod in pods)


def told_by(events: Sequence[Json]) -> list[str]:
    """What events say, the newest last."""
    ordered = sorted(events, key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime")))
    return [str(event["message"]) for event in ordered if event.get("message")]


def one_line(message: str) -> str:
    """The API's words for a sentence of ours, without what may be secret."""
    return without_secrets(" ".join(message.split())).rstrip(".")


def time_of(text: str) -> datetime:
    """A time as the API writes it."""
    return datetime.fromisoformat(text)
