"""The two ways in which releases of Trainer let a TrainJob change the pods of its runtime.

Both call themselves v1alpha1. An API server prunes what it does not know, without a word: the pods
would have no workspace. So what comes back from a dry run is compared with what was sent.
"""

from collections.abc import Iterator
from typing import Any

from osft_assets.core.pods.findings import Json
from osft_assets.core.train_jobs.request import NODE

NEWEST, OLDER = "spec.runtimePatches", "spec.podTemplateOverrides"
# Of Trainer 2.1 and before, and of some later ones. Only ours when nobody asked for it.
GRACE = "terminationGracePeriodSeconds"


def older(body: Json) -> Json:
    """The same for Trainer 2.1 and before."""
    spec = {name: value for name, value in body["spec"].items() if name != "runtimePatches"}
    overrides = [{"targetJobs": [{"name": NODE}], **pod_template_of(body)}]
    return {**body, "spec": {**spec, "podTemplateOverrides": overrides}}


def pod_template_of(body: Json) -> Json:
    """What a TrainJob says of its pods, in either dialect."""
    if overrides := body["spec"].get("podTemplateOverrides"):
        return {name: value for name, value in overrides[0].items() if name != "targetJobs"}
    [patch] = body["spec"]["runtimePatches"]
    [nodes] = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    found: Json = nodes["template"]["spec"]["template"]
    return found


def lost_fields(sent: Any, kept: Any, place: str = "") -> Iterator[str]:
    """What of `sent` is not in `kept`. Values may be written another way; nothing may vanish."""
    if isinstance(sent, dict):
        for name, value in sent.items():
            there = f"{place}.{name}" if place else name
            if value in ({}, [], "", None):
                continue
            if not isinstance(kept, dict) or name not in kept:
                yield there
            else:
                yield from lost_fields(value, kept[name], there)
    elif isinstance(sent, list):
        for number, value in enumerate(sent):
            there = f"{place}[{number}]"
            found = _same(value, number, kept)
            yield from [there] if found is None else lost_fields(value, found, there)


def _same(item: Any, number: int, kept: Any) -> Any:
    """The item of a list that has the same name, or else the same place."""
    if not isinstance(kept, list):
        return None
    if isinstance(item, dict) and "name" in item:
        return next((each for each in kept if each.get("name") == item["name"]), None)
    return kept[number] if number < len(kept) else None
