"""What stands in the way of a training on Kubernetes: a verdict on each thing that was looked at.

Judgement only. Looking is `resources.cluster_probes`; the same for one machine, `core.diagnosis`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from osft_assets.core.diagnosis import Finding

Right = tuple[str, str, str]  # group, resource, verb
# What runs and the control plane do in their namespace, as deployment/manifests/rbac.yaml allows,
# and for what.
NEEDED_RIGHTS: dict[Right, str] = {
    ("batch", "jobs", "create"): "starting runs and steps",
    ("batch", "jobs", "get"): "finding a step again after its run moved",
    ("batch", "jobs", "list"): "telling why a run died",
    ("batch", "jobs", "delete"): "cancelling",
    ("batch", "jobs/status", "get"): "following runs and steps",
    ("", "pods", "get"): "finding the pod of a run",
    ("", "pods", "list"): "telling why a step failed or waits",
    ("", "pods", "delete"): "cancelling",
    ("", "pods/log", "get"): "telling why a run died",
    ("", "events", "list"): "telling why a step waits",
}
# By the names that deployment/ gives them.
SECRETS = {
    "osft-postgresql": "Dagster's database",
    "osft-tokens": "the registry, and private data and models",
    "osft-log-bucket": "logs in S3",
}
WORKSPACE_CLAIM = "osft-workspace"
_ELSEWHERE = "Ask somebody who may, or run this with another kubeconfig"


@dataclass(frozen=True)
class Reached:
    """The API, and as whom. `problem` when it did not answer."""

    whom: str = ""
    version: str = ""
    namespace: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Sight:
    """One object that was looked for. `is_hidden`: we may not look."""

    is_there: bool = False
    is_hidden: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Claim:
    """The claim of the workspace."""

    sight: Sight
    name: str = WORKSPACE_CLAIM
    phase: str = ""
    modes: tuple[str, ...] = ()
    size: str = ""


@dataclass(frozen=True)
class Pods:
    """Those with one label: how many are ready of how many, and what the first one is made of."""

    sight: Sight
    there: int = 0
    ready: int = 0
    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gpus:
    """What nodes offer, by the name of the resource."""

    sight: Sight
    nodes: int = 0
    offered: Mapping[str, int] = field(default_factory=dict)


def judge_cluster(reached: Reached) -> Finding:
    """Whether anybody answers."""
    if reached.problem:
        remedy = "Set KUBECONFIG, or run this in a pod of the deployment"
        return Finding("cluster", "FAIL", reached.problem, remedy)
    return Finding("cluster", "ok", f"Kubernetes {reached.version}, as {reached.whom}")


def judge_namespace(name: str, sight: Sight) -> Finding:
    """Whether there is one to deploy to."""
    unseen = _unseen("namespace", name, sight)
    if unseen or sight.is_there:
        return unseen or Finding("namespace", "ok", name)
    remedy = "kubectl apply -k deployment/manifests, or another --namespace"
    return Finding("namespace", "FAIL", f"there is no {name}", remedy)


def judge_rights(missing: Sequence[Right], whom: str, problem: str = "") -> Finding:
    """Whether runs could be started, followed and ended by who asks."""
    if problem:
        return Finding("permissions", "warn", problem, _ELSEWHERE)
    if not missing:
        return Finding("permissions", "ok", f"{whom} may do all {len(NEEDED_RIGHTS)} things")
    lost = "; ".join(
        f"{verb} {what} ({NEEDED_RIGHTS[group, what, verb]})" for group, what, verb in missing
    )
    remedy = "kubectl apply -f deployment/manifests/rbac.yaml, and use the account osft-run"
    return Finding("permissions", "FAIL", f"{whom} may not {lost}", remedy)


def judge_claim(claim: Claim) -> Finding:
    """Whether pods of several nodes can write to the workspace."""
    name = "workspace"
    if unseen := _unseen(name, claim.name, claim.sight):
        return unseen
    if not claim.sight.is_there:
        remedy = "kubectl apply -f deployment/manifests/workspace.yaml"
        return Finding(name, "FAIL", f"there is no claim {claim.name}", remedy)
    told = f"{claim.name}: {claim.phase}, {' and '.join(claim.modes)}, {claim.size or 'no size'}"
    if claim.phase != "Bound":
        remedy = f"kubectl describe pvc {claim.name}: no storage class offers it, or no pod used it"
        return Finding(name, "warn", told, remedy)
    if "ReadWriteMany" not in claim.modes:
        remedy = "Use a storage class with ReadWriteMany, or keep all pods on one node"
        return Finding(name, "warn", told, remedy)
    return Finding(name, "ok", told)


def judge_secret(name: str, sight: Sight) -> Finding:
    """By name. What it holds is not asked for."""
    title = f"secret {name}"
    unseen = _unseen(title, name, sight)
    if unseen or sight.is_there:
        return unseen or Finding(title, "ok", "there")
    told = f"not there; it is for {SECRETS.get(name, 'pods that name it')}"
    return Finding(title, "FAIL", told, "Make it: deployment/README.md, step 2")


def judge_gpus(gpus: Gpus) -> Finding:
    """Whether a step that asks for a GPU could ever start."""
    if unseen := _unseen("GPUs", "nodes", gpus.sight):
        return unseen
    if not gpus.offered:
        remedy = "Install the GPU operator or device plugin; until then such steps wait"
        return Finding("GPUs", "warn", f"none on {gpus.nodes} node(s)", remedy)
    told = ", ".join(f"{many} {name}" for name, many in sorted(gpus.offered.items()))
    return Finding("GPUs", "ok", f"{told} on {gpus.nodes} node(s)")


def judge_code_server(pods: Pods) -> list[Finding]:
    """Whether it runs, and which images it starts steps with."""
    if unseen := _unseen("code server", "pods", pods.sight):
        return [unseen]
    if not pods.there:
        remedy = "helm upgrade --install dagster ...: deployment/README.md, step 4"
        return [Finding("code server", "FAIL", "there is none", remedy)]
    if not pods.ready:
        logs = "kubectl logs -l component=user-deployments"
        return [Finding("code server", "FAIL", "it is not ready", logs)]
    return [Finding("code server", "ok", pods.image), _executor(pods), _trainer(pods)]


def _executor(pods: Pods) -> Finding:
    chosen = pods.environment.get("OSFT_EXECUTOR", "")
    if chosen == "k8s":
        return Finding("executor", "ok", "k8s: each step is a pod")
    told = f"OSFT_EXECUTOR is {chosen or 'not set'}: steps share the run's pod, without a GPU"
    return Finding("executor", "FAIL", told, "Set OSFT_EXECUTOR=k8s in helm/values.yaml")


def _trainer(pods: Pods) -> Finding:
    if image := pods.environment.get("OSFT_TRAINER_IMAGE", ""):
        return Finding("trainer image", "ok", image)
    remedy = "Set OSFT_TRAINER_IMAGE in helm/values.yaml, or pod: {image: ...} in each pipeline"
    return Finding("trainer image", "warn", "OSFT_TRAINER_IMAGE is not set", remedy)


def judge_registry_pods(pods: Pods) -> Finding:
    """Whether the registry that deployment/ brings would answer."""
    name = "registry"
    if unseen := _unseen(name, "pods", pods.sight):
        return unseen
    if not pods.there:
        remedy = "registry: {address: ...} names it in each pipeline; `osft-assets doctor` asks it"
        return Finding(name, "warn", "not in this namespace: another one must be named", remedy)
    if not pods.ready:
        return Finding(name, "FAIL", "it is not ready", "kubectl logs deployment/osft-registry")
    return Finding(name, "ok", "ready: address http://osft-registry:8080")


def _unseen(title: str, what: str, sight: Sight) -> Finding | None:
    if sight.is_hidden:
        return Finding(title, "warn", f"we may not look at {what}", _ELSEWHERE)
    return Finding(title, "warn", sight.problem, "Try again") if sight.problem else None
