"""Several processes over one file, and processes that are killed."""

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

import httpx

from resources.local_registry.serving import serving
from tests.local_registry.conftest import Wire, wired
from tests.local_registry.registering import (
    PROCESSES,
    process,
    register_together,
    register_until_killed,
)

MANY = 8


def test_what_was_answered_survives_a_kill(file: Path) -> None:
    """Killed while it goes on registering: nothing told is lost, and the file is sound."""
    started, told = process(register_until_killed, file)
    versions = [told.recv() for _ in range(2)]
    started.kill()
    started.join()
    with suppress(EOFError):
        while True:
            versions.append(told.recv())

    with serving(file) as url, wired(url) as wire:
        for name in versions:
            found = {"name": name, "parentResourceId": "1"}
            version = wire.get("model_version", params=found).json()["id"]
            artifacts = wire.get(f"model_versions/{version}/artifacts").json()["items"]
            assert [artifact["uri"] for artifact in artifacts] == ["u"]
        assert wire.post("registered_models", json={"name": "next"}).status_code == 201
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_processes_at_once_make_one_model_one_version_and_one_artifact(file: Path) -> None:
    all_are_ready = PROCESSES.Barrier(MANY)
    started = [process(register_together, file, all_are_ready) for _ in range(MANY)]

    statuses = [told.recv() for _, told in started]

    for one, _ in started:
        one.join()
    for of_one_kind in zip(*statuses, strict=True):
        assert sorted(of_one_kind) == [201, *[409] * (MANY - 1)]


def test_threads_of_one_process_are_refused_as_processes_are(wire: Wire) -> None:
    answers: list[httpx.Response] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(wire.post("registered_models", json={"name": "m"}))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    assert wire.get("registered_models").json()["size"] == 1


def test_a_write_waits_for_another_process_that_writes(file: Path, wire: Wire) -> None:
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.3, lambda: other.execute("COMMIT")).start()

        assert wire.post("registered_models", json={"name": "m"}).status_code == 201
