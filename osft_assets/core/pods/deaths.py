"""Why a step's pod has died, from its status."""

from osft_assets.core.pods.findings import Asked, Finding, Json, condition, containers
from osft_assets.core.redaction import without_secrets

# Why a kubelet or the cluster ended or refused a whole pod. The same pod may live elsewhere.
_OF_THE_NODE = {
    "Evicted": "was evicted from {node}: {message}",
    "Preempting": "was preempted on {node}: {message}",
    "NodeLost": "was lost with {node}",
    "NodeShutdown": "ended with {node}, which was shut down",
    "Terminated": "ended with {node}, which was shut down",
    "Shutdown": "ended with {node}, which was shut down",
    "NodeAffinity": "was refused by {node}: {message}",
    "UnexpectedAdmissionError": "was refused by {node}: {message}",
}
_LAST_LINES, _LONGEST_WORDS = 5, 600


def death_of(pod: Json, asked: Asked) -> Finding | None:
    """What killed it; None while it lives, and when it ended well."""
    status = pod.get("status") or {}
    ended = [each for each in containers(pod, "terminated") if each.get("exitCode")]
    if status.get("phase") != "Failed" and not ended:
        return None
    if out_of_memory := [each for each in ended if each.get("reason") == "OOMKilled"]:
        return _out_of_memory(out_of_memory[0], asked)
    return _of_the_node(pod, asked) or _disrupted(pod) or _ended(pod, ended)


def _out_of_memory(container: Json, asked: Asked) -> Finding:
    limit = f" ({asked.memory})" if asked.memory else ""
    less = ", or lower train.max_tokens_per_gpu" if asked.section == "pod" else ""
    return Finding(
        f"Its pod's memory ran out: the container {container['name']} was OOMKilled. Raise "
        f"{asked.setting('memory')}{limit}{less}. What is in /dev/shm counts too",
        may_pass=True,
    )


def _of_the_node(pod: Json, asked: Asked) -> Finding | None:
    status = pod["status"]
    reason = str(status.get("reason", ""))
    how = _OF_THE_NODE.get(reason)
    if reason.startswith("OutOf"):  # OutOfcpu, OutOfmemory, OutOfnvidia.com/gpu
        how = "was refused by {node}, which had no room any more: {message}"
    if how is None:
        return None
    node = pod["spec"].get("nodeName", "its node")
    message = _short(str(status.get("message", "the node did not say why")))
    more = f". Raise {asked.setting('memory')}" if "memory" in message.lower() else ""
    return Finding(f"Its pod {how.format(node=node, message=message)}{more}", may_pass=True)


def _disrupted(pod: Json) -> Finding | None:
    found = condition(pod, "DisruptionTarget")
    if not found:
        return None
    why = _short(str(found.get("message") or found.get("reason", "")))
    node = pod["spec"].get("nodeName", "its node")
    return Finding(f"Its pod on {node} was disrupted: {why}", may_pass=True)


def _ended(pod: Json, ended: list[Json]) -> Finding:
    """A container that ended by itself, before the step could say why."""
    if not ended:
        status = pod["status"]
        why = " ".join(str(status.get(key, "")) for key in ("reason", "message")).strip()
        return Finding(f"Its pod failed: {_short(why) or 'the cluster does not say why'}")
    container = ended[0]
    said = _short(str(container.get("message", "")))
    if container.get("reason") in ("StartError", "ContainerCannotRun"):
        return Finding(
            f"The container {container['name']} cannot be started: {said}. Check the image: it "
            "must hold this project and its Python"
        )
    words = f": {said}" if said else ". Look at the log of its pod"
    code = container["exitCode"]
    return Finding(f"The container {container['name']} ended with exit code {code}{words}")


def _short(message: str) -> str:
    """The end of it, where an exception stands, without what may be secret."""
    lines = [line for line in message.strip().splitlines() if line.strip()][-_LAST_LINES:]
    return without_secrets("\n".join(lines))[-_LONGEST_WORDS:].rstrip(".")
