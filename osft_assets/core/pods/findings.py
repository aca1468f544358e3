"""What a diagnosis says, and how it reads the API's dicts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

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


def time_of(text: str) -> datetime:
    """A time as the API writes it."""
    return datetime.fromisoformat(text)
