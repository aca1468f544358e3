"""What `pod.more` may hold: fields of a Kubernetes pod that have no setting of their own.

A list of what is allowed, since a new Kubernetes brings new fields and some give power over the
node. Types and names inside the fields are checked by `osft_assets.pod_spec_check`, which has
Kubernetes' own models.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator

from osft_assets.core.recipes.pod_values import holds_a_secret, texts_in

_ALLOWED = frozenset(
    {
        *("affinity", "topologySpreadConstraints", "schedulerName", "schedulingGates"),
        *("preemptionPolicy", "runtimeClassName", "overhead", "resourceClaims"),
        *("hostAliases", "dnsPolicy", "dnsConfig", "enableServiceLinks", "hostname", "subdomain"),
        *("securityContext", "shareProcessNamespace"),
        *("terminationGracePeriodSeconds", "activeDeadlineSeconds"),
    }
)
_SETTINGS = {
    "nodeSelector": "node_selector",
    "tolerations": "tolerations",
    "serviceAccountName": "service_account",
    "serviceAccount": "service_account",
    "priorityClassName": "priority_class",
    "imagePullSecrets": "pull_secret",
    "volumes": "volumes, for claims",
    "resources": "cpu, memory and gpu",
}
# They leave the pod, wherever they stand.
_PRIVILEGES = frozenset(
    {
        *("hostNetwork", "hostPID", "hostIPC", "hostUsers", "hostPath", "hostProcess"),
        *("privileged", "allowPrivilegeEscalation", "capabilities", "procMount", "sysctls"),
        *("seLinuxOptions", "windowsOptions", "appArmorProfile", "seccompProfile"),
    }
)
_IN_THE_DEPLOYMENT = "Whoever runs the deployment can set it there, for all pods"


def _further_fields(values: dict[str, Any]) -> dict[str, Any]:
    for name in _keys(values):
        if _camel(name) in _PRIVILEGES:
            raise ValueError(
                f"{name} gives a pod power over its node, or takes a limit away. "
                f"{_IN_THE_DEPLOYMENT}"
            )
    for name in values:
        if instead := _SETTINGS.get(_camel(name)):
            raise ValueError(f"{name} has settings of its own: {instead}")
        if _camel(name) not in _ALLOWED:
            raise ValueError(
                f"{name} is not allowed here. Allowed are {', '.join(sorted(_ALLOWED))}. "
                f"{_IN_THE_DEPLOYMENT}"
            )
    if any(map(holds_a_secret, texts_in(values))):
        raise ValueError("it holds a secret, and everybody who sees the pod could read it")
    return values


def _camel(name: str) -> str:
    return {"hostPid": "hostPID", "hostIpc": "hostIPC"}.get(
        found := re.sub(r"_([a-z])", lambda part: part[1].upper(), name), found
    )


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from (str(key), *_keys(each))
    elif isinstance(value, list):
        for each in value:
            yield from _keys(each)


FurtherFields = Annotated[dict[str, Any], AfterValidator(_further_fields)]
