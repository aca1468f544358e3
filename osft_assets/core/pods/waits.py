"""Why a step's pod does not start: no node has room, no image comes, something it needs is missing.

What cannot get better by itself is lost at once; what may, when its time is over.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from osft_assets.core.pods.findings import (
    Asked,
    Finding,
    Json,
    containers,
    one_line,
    time_of,
)

_PULLING = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError")
_NEVER = ("InvalidImageName", "ErrImageNeverPull")
# What a registry answers to a wrong name or a wrong login. Anything else may be a bad minute of it.
_WRONG_IMAGE = re.compile(
    r"not found|unauthorized|denied|forbidden|manifest unknown|does not exist|invalid reference"
    r"|no match for platform|authentication required|\b40[134]\b",
    re.IGNORECASE,
)
_BAD_MINUTES = 5


def wait_of(pod: Json, warnings: Sequence[str], asked: Asked, now: datetime) -> Finding | None:
    """What it waits for; None once it runs."""
    if (pod.get("status") or {}).get("phase") != "Pending":
        return None
    for container in containers(pod, "waiting"):
        if found := _of_a_container(container, pod, warnings, asked, now):
            return found
    gate = _scheduling(pod)
    if gate.get("reason") == "SchedulingGated":  # a queue holds it back: hours are nothing unusual
        return Finding("Its pod waits in a queue: it has scheduling gates", is_lost=False)
    words = _words(gate, warnings)
    if late(pod, asked, now):
        return Finding(
            f"Its pod did not start within {asked.start_timeout_minutes:g} minutes "
            f"({asked.setting('start_timeout_minutes')}). {words or 'The cluster does not say why'}"
            f". Ask for less, make room, or wait longer"
        )
    return Finding(words, is_lost=False) if words else None


def late(thing: Json, asked: Asked, now: datetime) -> bool:
    """Whether a pod, or a job without one, is older than it may get without starting."""
    limit = asked.start_timeout_minutes
    return bool(limit) and _age(thing, now) > timedelta(minutes=limit)


def _of_a_container(
    container: Json, pod: Json, warnings: Sequence[str], asked: Asked, now: datetime
) -> Finding | None:
    reason, said = container.get("reason", ""), one_line(container.get("message", ""))
    if reason in _NEVER or reason in _PULLING:
        return _of_an_image(container, _why_not_pulled(container, warnings), pod, asked, now)
    if reason == "CreateContainerConfigError":
        return Finding(
            f"The container {container['name']} cannot be made: {said}. Create what is missing in "
            f"the namespace {pod['metadata'].get('namespace', '')}, or correct "
            f"{asked.setting('env_secrets')}"
        )
    if reason in ("CreateContainerError", "RunContainerError"):
        is_lost = _since_it_was_placed(pod, now) > timedelta(minutes=_BAD_MINUTES)
        return Finding(f"The container {container['name']} cannot be made: {said}", is_lost)
    return None


def _why_not_pulled(container: Json, warnings: Sequence[str]) -> str:
    """Between two tries the container says no more than that it waits: the events say why."""
    said = [each for each in warnings if each.startswith("Failed to pull image")]
    told = container.get("message", "") or container["reason"]
    return one_line(said[-1] if said and told.startswith("Back-off") else told)


def _of_an_image(container: Json, said: str, pod: Json, asked: Asked, now: datetime) -> Finding:
    words = f"The image {container['image']} cannot be pulled: {said}"
    is_wrong = container["reason"] in _NEVER or _WRONG_IMAGE.search(said)
    if is_wrong or _since_it_was_placed(pod, now) > timedelta(minutes=_BAD_MINUTES):
        return Finding(
            f"{words}. Correct {asked.setting('image')} or OSFT_TRAINER_IMAGE; for a private "
            f"registry, {asked.setting('pull_secret')}"
        )
    return Finding(words, is_lost=False)


def _words(scheduling: Json, warnings: Sequence[str]) -> str:
    if scheduling.get("status") == "False" and scheduling.get("message"):
        return f"Its pod waits for a node: {one_line(scheduling['message'])}"
    return f"Its pod does not start: {one_line(warnings[-1])}" if warnings else ""


def _scheduling(pod: Json) -> Json:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return next((dict(each) for each in conditions if each.get("type") == "PodScheduled"), {})


def _since_it_was_placed(pod: Json, now: datetime) -> timedelta:
    placed = _scheduling(pod).get("lastTransitionTime")
    return now - time_of(placed) if placed else _age(pod, now)


def _age(thing: Json, now: datetime) -> timedelta:
    return now - time_of(thing["metadata"]["creationTimestamp"])
