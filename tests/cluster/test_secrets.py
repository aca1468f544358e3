"""After all the others: no secret is anywhere but in its Secret."""

import base64
import json
from collections.abc import Iterator

import pytest

from tests.cluster.dagster_api import Dagster
from tests.cluster.deployed import PLANTED
from tests.cluster.runs import everything

VALUES = [value for secret in PLANTED.values() for value in secret.values()]


@pytest.fixture(scope="module")
def said(dagster: Dagster) -> dict[str, str]:
    """All that can be read: objects (events too), logs of pods, logs of runs."""
    return dict(_said(dagster))


def _said(dagster: Dagster) -> Iterator[tuple[str, str]]:
    cluster = dagster.cluster
    for kind, found in everything(cluster):
        if kind != "Secret":
            yield f"{kind}/{found['metadata']['name']}", json.dumps(found, default=str)
        if kind == "Pod" and (found.get("status") or {}).get("phase") != "Pending":
            name = found["metadata"]["name"]
            yield f"log of {name}", cluster.api().read_namespaced_pod_log(name, cluster.namespace)
    for run in dagster.asked("query { runsOrError { ... on Runs { results { runId } } } }")[
        "runsOrError"
    ]["results"]:
        yield f"run {run['runId']}", dagster.told(run["runId"])


@pytest.mark.parametrize("value", VALUES)
def test_no_object_event_or_log_has_a_secret(said: dict[str, str], value: str) -> None:
    forms = (value, base64.b64encode(value.encode()).decode())

    assert len(said) > 20
    assert not [place for place, text in said.items() if any(form in text for form in forms)]


def test_what_is_looked_for_would_be_found(dagster: Dagster) -> None:
    """The Secrets themselves have it: so the search can fail."""
    secrets = [found for kind, found in everything(dagster.cluster) if kind == "Secret"]
    text = json.dumps(secrets, default=str)

    for value in VALUES:
        assert base64.b64encode(value.encode()).decode() in text
