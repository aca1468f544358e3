"""Plays the Kubernetes API for TrainJobs, on a port of this machine: the test is its controller.

Objects are kept as an API server keeps them: what the dialect of the installed Trainer does not
know is pruned, without a word. Requests can be refused, cut off, and acted upon.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.deployment.crds import schema

NAMESPACE = "team"
JOBS = f"/apis/trainer.kubeflow.org/v1alpha1/namespaces/{NAMESPACE}/trainjobs"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What one request asked for."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    authorization: str

    @property
    def is_a_dry_run(self) -> bool:
        return self.query.get("dryRun") == "All"


@dataclass
class Fault:
    """What happens to the next requests that it is for. Status 0: the line is cut."""

    method: str
    path: str  # a part of it
    status: int = 0
    times: int = 1
    message: str = "it is not to be"
    cut_after: int = 0  # bytes of the answer; acted upon all the same

    def is_for(self, request: Request) -> bool:
        return self.times > 0 and request.method == self.method and self.path in request.path


@dataclass
class FakeApi:
    """`now`: the cluster's clock. `dialect`: of the installed Trainer; empty: there is none."""

    now: Callable[[], datetime]
    dialect: Any = "2.3"
    knows_grace: bool = True
    jobs: dict[str, Json] = field(default_factory=dict)
    pods: dict[str, Json] = field(default_factory=dict)
    logs: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    reads_until_gone: int = 0  # how long a deletion takes
    before: Callable[[Request], None] = lambda _: None
    after: Callable[[Request], None] = lambda _: None

    busy: int = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """A request that is being answered, whether or not somebody still hears it."""
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1

    # The controller's hand

    @property
    def name(self) -> str:
        """Of the only TrainJob."""
        [name] = self.jobs
        return name

    def condition(
        self, kind: str, message: str = "", status: bool = True, reason: str = ""
    ) -> None:
        found = {"type": kind, "status": str(status), "message": message, "reason": reason or kind}
        found["lastTransitionTime"] = stamp(self.now())
        for job in self.jobs.values():
            conditions = job.setdefault("status", {}).setdefault("conditions", [])
            conditions[:] = [each for each in conditions if each["type"] != kind] + [found]

    def add_pods(self, count: int = 2, phase: str = "Running", **status: Any) -> None:
        for rank in range(count):
            self.set_pod(rank, {"phase": phase, **status})

    def set_pod(self, rank: int, status: Json, suffix: str = "abcde", **metadata: Any) -> None:
        name = f"{self.name}-node-0-{rank}-{suffix}"
        old = self.pods.get(name, {}).get("metadata", {})
        labels = {
            "jobset.sigs.k8s.io/jobset-name": self.name,
            "jobset.sigs.k8s.io/replicatedjob-name": "node",
            "batch.kubernetes.io/job-completion-index": str(rank),
        }
        told = {"name": name, "namespace": NAMESPACE, "labels": labels}
        told |= {"creationTimestamp": stamp(self.now())} | old | metadata
        self.pods[name] = {"metadata": told, "spec": {"nodeName": "machine-1"}, "status": status}

    def end_pod(self, rank: int, exit_code: int, reason: str = "Error", **more: Any) -> None:
        state = {"terminated": {"exitCode": exit_code, "reason": reason, **more}}
        phase = "Failed" if exit_code else "Succeeded"
        statuses = [{"name": "node", "image": "trainer:1", "state": state}]
        self.set_pod(rank, {"phase": phase, "containerStatuses": statuses})

    def say(self, *lines: str, rank: int = 0, suffix: str = "abcde") -> None:
        log = self.logs.setdefault(f"{self.name}-node-0-{rank}-{suffix}", [])
        log.extend((self.now(), line) for line in lines)

    def warn(self, name: str, message: str) -> None:
        told = {"involvedObject": {"name": name}, "type": "Warning", "message": message}
        self.events.append(told | {"lastTimestamp": stamp(self.now())})

    def remove(self, name: str) -> None:
        """Somebody else deletes it."""
        self.jobs.pop(name, None)
        for pod in [pod for pod in self.pods if pod.startswith(f"{name}-node")]:
            del self.pods[pod]

    # The server's side

    def answer(self, request: Request) -> tuple[int, bytes]:
        if request.path.startswith(JOBS):
            return self._of_jobs(request)
        if request.path == f"{CORE}/pods":
            return _json(200, {"items": self._selected(request.query["labelSelector"])})
        if request.path == f"{CORE}/events":
            wanted = request.query["fieldSelector"].split(",")[0].partition("=")[2]
            found = [one for one in self.events if one["involvedObject"]["name"] == wanted]
            return _json(200, {"items": found})
        return self._log(request)

    def _of_jobs(self, request: Request) -> tuple[int, bytes]:
        name = request.path[len(JOBS) + 1 :]
        if not self.dialect:
            return _refusal(404, "the server could not find the requested resource")
        if request.method == "POST":
            return self._create(request)
        if name not in self.jobs:
            return _refusal(404, f'trainjobs.trainer.kubeflow.org "{name}" not found')
        if request.method == "DELETE":
            assert request.body["propagationPolicy"] == "Foreground"
            self.deleted.append(name)
            self.jobs[name]["metadata"]["deletionTimestamp"] = stamp(self.now())
        found = self.jobs[name]
        if found["metadata"].get("deletionTimestamp"):
            self.reads_until_gone -= 1
            if self.reads_until_gone < 0:
                self.remove(name)
        return _json(200, found)

    def _create(self, request: Request) -> tuple[int, bytes]:
        name = request.body["metadata"]["name"]
        if name in self.jobs:
            return _refusal(409, f'trainjobs.trainer.kubeflow.org "{name}" already exists')
        made = deepcopy(request.body)
        _prune(made, _known(self.dialect))
        if not self.knows_grace:
            _drop(made, "terminationGracePeriodSeconds")
        made["metadata"]["creationTimestamp"] = stamp(self.now())
        if not request.is_a_dry_run:
            self.created.append(name)
            self.jobs[name] = made
        return _json(201, made)

    def _selected(self, selector: str) -> list[Json]:
        wanted = dict(part.split("=") for part in selector.split(","))
        return [
            pod for pod in self.pods.values() if wanted.items() <= pod["metadata"]["labels"].items()
        ]

    def _log(self, request: Request) -> tuple[int, bytes]:
        name = request.path.removeprefix(f"{CORE}/pods/").removesuffix("/log")
        if name not in self.pods:
            return _refusal(404, f'pods "{name}" not found')
        assert request.query["container"] == "node"
        since = request.query.get("sinceTime")
        start = datetime.fromisoformat(since) if since else None
        lines = [
            f"{stamp(time, 'nanoseconds')} {line}"
            for time, line in self.logs.get(name, [])
            if start is None or time >= start
        ]
        return 200, "".join(f"{line}\n" for line in lines).encode()


def stamp(time: datetime, form: str = "seconds") -> str:
    """As the API writes times: whole seconds, but for a log."""
    digits = f"{time.microsecond:06d}123" if form == "nanoseconds" else ""
    return f"{time:%Y-%m-%dT%H:%M:%S}{'.' if digits else ''}{digits}Z"


@contextmanager
def served(api: FakeApi) -> Iterator[str]:
    """The address of this API."""

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            with api.at_work():
                self.respond_at_work()

        def respond_at_work(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            request = Request(
                self.command,
                parts.path,
                {name: values[-1] for name, values in parse_qs(parts.query).items()},
                json.loads(self.rfile.read(length) or "null"),
                self.headers.get("authorization", ""),
            )
            api.requests.append(request)
            api.before(request)
            fault = next((each for each in api.faults if each.is_for(request)), None)
            if fault:
                fault.times -= 1
            if fault and not fault.cut_after:
                if fault.status:
                    self.send(*_refusal(fault.status, fault.message))
                self.close_connection = True
                return
            answer = api.answer(request)
            api.after(request)
            self.send(*answer, cut_after=fault.cut_after if fault else None)

        def send(self, status: int, content: bytes, cut_after: int | None = None) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(content[:cut_after])
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Nothing: the requests are remembered."""

        do_GET = do_POST = do_DELETE = respond  # noqa: N815 - the names http.server looks for

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@lru_cache
def _known(dialect: Any) -> Json:
    """Made of hundreds of types, which takes a second."""
    return schema("TrainJob", dialect)


def _prune(value: Any, known: Json) -> None:
    if known.get("x-kubernetes-preserve-unknown-fields"):
        return
    if isinstance(value, dict) and "properties" in known:
        for name in [name for name in value if name not in known["properties"]]:
            del value[name]
        for name, each in value.items():
            _prune(each, known["properties"][name])
    elif isinstance(value, list):
        for each in value:
            _prune(each, known.get("items", {}))


def _drop(value: Any, name: str) -> None:
    if isinstance(value, dict):
        value.pop(name, None)
        for each in value.values():
            _drop(each, name)
    elif isinstance(value, list):
        for each in value:
            _drop(each, name)


def _json(status: int, value: Any) -> tuple[int, bytes]:
    return status, json.dumps(value).encode()


def _refusal(status: int, message: str) -> tuple[int, bytes]:
    return _json(status, {"kind": "Status", "status": "Failure", "message": message})
