"""Several runs at the same registry at once: eight processes, each with its own local server."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from osft_assets.core.champion import champion_name, history_of
from osft_assets.core.workspace import Workspace
from tests.registry.children import (
    amend_together,
    forking,
    promote_together,
    register_together,
    use_barrier,
)
from tests.registry.middleman import Asked, Reply, forward, middleman
from tests.registry.registrations import Place

EIGHT = 8


@pytest.fixture
def processes() -> Iterator[ProcessPoolExecutor]:
    context = forking()
    barrier = context.Barrier(EIGHT)
    with ProcessPoolExecutor(
        EIGHT, mp_context=context, initializer=use_barrier, initargs=(barrier,)
    ) as pool:
        yield pool


def test_the_same_weights_of_eight_runs_are_one_version(
    processes: ProcessPoolExecutor, workspace: Workspace, local: Place
) -> None:
    made = list(processes.map(register_together, [workspace.root] * EIGHT, ["same"] * EIGHT))

    local.name = "tuned"
    (version,) = local.read().versions
    (artifact,) = local.artifacts(version.version_id)
    assert {(one.version, one.version_id, one.artifact_id) for one in made} == {
        ("1.0.0", version.version_id, artifact.id)
    }
    assert 1 <= sum(one.created for one in made) <= 2  # the version, and its artifact


def test_different_weights_of_eight_runs_are_eight_patches(
    processes: ProcessPoolExecutor, workspace: Workspace, local: Place
) -> None:
    weights = [f"weights-{number}" for number in range(EIGHT)]

    made = list(processes.map(register_together, [workspace.root] * EIGHT, weights))

    local.name = "tuned"
    kept = {one.version: one.properties["model_fingerprint"] for one in local.read().versions}
    assert sorted(kept) == [f"1.0.{number}" for number in range(EIGHT)]
    assert {one.version: one.fingerprint for one in made} == kept
    assert all(one.created for one in made)


def test_no_property_of_eight_runs_is_lost(
    processes: ProcessPoolExecutor, workspace: Workspace, local: Place
) -> None:
    local.name = "tuned"
    local.register()
    names = [f"run-{number}" for number in range(EIGHT)]

    list(processes.map(amend_together, [workspace.root] * EIGHT, names))

    assert set(local.read().properties) == set(names)


def test_no_promotion_of_eight_runs_is_missing_from_the_history(
    processes: ProcessPoolExecutor, workspace: Workspace, local: Place
) -> None:
    local.name = "tuned"
    versions = [local.register(f"weights-{number}").version for number in range(EIGHT)]

    list(processes.map(promote_together, [workspace.root] * EIGHT, versions))

    model, history = local.read(), history_of(local.read())
    assert sorted(change.version for change in history) == versions
    assert champion_name(model) == history[-1].version


def test_a_property_that_another_writer_overwrote_is_written_again(
    server: str, at: Callable[..., Place]
) -> None:
    direct = at(server)
    direct.register()

    def overwrites(asked: Asked) -> Reply:
        reply = forward(server, asked)
        if asked.method == "PATCH" and asked.writes == 1:
            theirs = b'{"customProperties": {"theirs": {"bool_value": true, "metadataType": '
            forward(server, _like(asked, theirs + b'"MetadataBoolValue"}}}'))
        return reply

    with middleman(overwrites) as running:
        place = at(running.url)
        place.name = direct.name

        assert place.amend(ours=True).properties == {"ours": True, "theirs": True}


def test_a_property_that_never_stays_is_an_error(server: str, at: Callable[..., Place]) -> None:
    direct = at(server)
    direct.register()

    def forgets(asked: Asked) -> Reply:
        body = b'{"customProperties": {}}' if asked.method == "PATCH" else asked.body
        return forward(server, _like(asked, body))

    with middleman(forgets) as running:
        place = at(running.url)
        place.name = direct.name
        with pytest.raises(Exception, match=f"does not keep ours of the model {direct.name}"):
            place.amend(ours=True)


def _like(asked: Asked, body: bytes) -> Asked:
    return Asked(asked.method, asked.path, asked.headers, body, asked.writes)
