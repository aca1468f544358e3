"""Which requests the local registry answers, and how.

All that the API has for models, versions and artifacts. Serving environments and inference services
are not there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from resources.local_registry.bodies import artifact_kind, changed, created
from resources.local_registry.kinds import (
    ARTIFACT,
    MODEL,
    MODEL_ARTIFACT,
    VERSION,
    Kinds,
    in_words,
)
from resources.local_registry.listing import listing
from resources.local_registry.refusals import wrong
from resources.local_registry.rows import Shown, checked_id
from resources.local_registry.store import Store


@dataclass(frozen=True)
class Call:
    """What was asked: the id in the path (or none), the parameters, the body."""

    record: str
    query: Mapping[str, str]
    body: Shown


Answer = tuple[HTTPStatus, Shown]
Act = Callable[[Store, Call], Answer]
# The names that requests have for columns.
_COLUMNS = {"name": "name", "externalId": "external_id"}
_MADE_HERE = ("id", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch")


def endpoints() -> list[tuple[str, str, Act]]:
    """Method, path and what answers it."""
    return [
        *_for_each("registered_model", MODEL),
        *_for_each("model_version", VERSION),
        *_for_each("model_artifact", MODEL_ARTIFACT),
        *_for_each("artifact", ARTIFACT),
        ("POST", "registered_models", _create_model),
        ("GET", "registered_models/{record}/versions", partial(_list_below, MODEL, VERSION)),
        ("POST", "registered_models/{record}/versions", _create_version_of_model),
        ("POST", "model_versions", _create_version),
        ("GET", "model_versions/{record}/artifacts", partial(_list_below, VERSION, ARTIFACT)),
        ("POST", "model_versions/{record}/artifacts", _put_artifact),
        ("POST", "model_artifacts", _create_model_artifact),
        ("POST", "artifacts", _create_artifact),
    ]


def _for_each(name: str, kinds: Kinds) -> Iterable[tuple[str, str, Act]]:
    return [
        ("GET", name, partial(_find, kinds)),
        ("GET", f"{name}s", partial(_list, kinds)),
        ("GET", f"{name}s/{{record}}", partial(_get, kinds)),
        ("PATCH", f"{name}s/{{record}}", partial(_change, kinds)),
    ]


def _get(kinds: Kinds, store: Store, call: Call) -> Answer:
    return HTTPStatus.OK, store.get(kinds, call.record)


def _find(kinds: Kinds, store: Store, call: Call) -> Answer:
    equal: dict[str, str | int] = _named(call)
    parent = call.query.get("parentResourceId", "")
    if parent and kinds != MODEL:
        equal["parent"] = checked_id(parent, "parent")
    if "external_id" not in equal and not ("name" in equal and (kinds == MODEL or parent)):
        needed = "name" if kinds == MODEL else "name and parentResourceId"
        raise wrong(f"to find a {in_words(kinds)}, give {needed}, or externalId")
    return HTTPStatus.OK, store.find(kinds, equal)


def _list(kinds: Kinds, store: Store, call: Call) -> Answer:
    return HTTPStatus.OK, store.page(_wanted(kinds, call), listing(call.query), {})


def _list_below(above: Kinds, kinds: Kinds, store: Store, call: Call) -> Answer:
    parent = int(store.get(above, call.record)["id"])
    equal = {**_named(call), "parent": parent}
    return HTTPStatus.OK, store.page(_wanted(kinds, call), listing(call.query), equal)


def _change(kinds: Kinds, store: Store, call: Call) -> Answer:
    kind = kinds[0]
    if len(kinds) > 1:  # some artifact: its own type decides
        kind = store.get(kinds, call.record)["artifactType"]
    return HTTPStatus.OK, store.change((kind,), call.record, changed(kind, call.body))


def _create_model(store: Store, call: Call) -> Answer:
    return HTTPStatus.CREATED, store.add(MODEL[0], created(MODEL[0], call.body))


def _create_version(store: Store, call: Call) -> Answer:
    content = created(VERSION[0], call.body)
    return HTTPStatus.CREATED, store.add(VERSION[0], content, content["registeredModelId"])


def _create_version_of_model(store: Store, call: Call) -> Answer:
    named = call.body.get("registeredModelId") or call.record
    if named != call.record:
        raise wrong(f"registeredModelId is {named!r}: expected {call.record}, as in the path")
    return _create_version(store, Call("", {}, {**call.body, "registeredModelId": named}))


def _create_model_artifact(store: Store, call: Call) -> Answer:
    kind = MODEL_ARTIFACT[0]
    return HTTPStatus.CREATED, store.add(kind, created(kind, call.body))


def _create_artifact(store: Store, call: Call) -> Answer:
    kind = artifact_kind(call.body)
    return HTTPStatus.CREATED, store.add(kind, created(kind, call.body))


def _put_artifact(store: Store, call: Call) -> Answer:
    """The client sends here what it read: with the id and the times that were given here."""
    kind, record = artifact_kind(call.body), call.body.get("id") or ""
    body = {name: value for name, value in call.body.items() if name not in _MADE_HERE}
    content = changed(kind, body) if record else created(kind, body)
    shown, is_new = store.put(call.record, kind, content, str(record))
    return HTTPStatus.CREATED if is_new else HTTPStatus.OK, shown


def _named(call: Call) -> dict[str, str | int]:
    return {_COLUMNS[name]: call.query[name] for name in _COLUMNS if call.query.get(name)}


def _wanted(kinds: Kinds, call: Call) -> Kinds:
    """One kind only, where artifacts are listed and their type is given."""
    kind = call.query.get("artifactType")
    if not kind or kinds != ARTIFACT:
        return kinds
    return (artifact_kind({"artifactType": kind}),)
