"""Servers that are down, slow, forbidding or something else: what the run is told, and how soon."""

import json
import socket
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from osft_assets.core.errors import RegistryError
from tests.registry.conftest import TOKEN
from tests.registry.middleman import DROP, Asked, Behaviour, Reply, forward, middleman
from tests.registry.registrations import Place

MakePlace = Callable[..., Place]


def refusal(status: int, message: str = "") -> Reply:
    body = json.dumps({"code": str(status), "message": message}).encode()
    return Reply(status, body)


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


def test_a_server_that_is_down_is_tried_again_and_then_named(at: MakePlace) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    paused: list[float] = []
    place = at(url, paused.append, retries=3)

    with pytest.raises(RegistryError, match=rf"{url} does not answer \(4 tries\): no connection"):
        place.register()

    assert paused == [0.5, 1.0, 2.0]
    tries = [line for line in place.said if "Trying again" in line]
    assert len(tries) == 3
    assert "Trying again in 0.5 seconds (1 of 3)" in tries[0]
    assert "Trying again in 1 second (2 of 3)" in tries[1]


def test_a_host_that_has_no_address_is_named(
    at: MakePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(RegistryError, match="has no address. Check the host in registry.address"):
        at("http://registry.invalid").register()


def test_a_slow_server_is_left_after_the_time_limit(at: MakePlace) -> None:
    def slow(_: Asked) -> Reply:
        running.ended.wait(5)
        return DROP

    with middleman(slow) as running:
        began = time.monotonic()
        with pytest.raises(RegistryError, match=r"no answer within 0\.2 seconds.*raise registry"):
            at(running.url, timeout=0.2, retries=1).register()

        assert time.monotonic() - began < 3
        assert len(running.requests) == 2


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (refusal(401, "bad token"), "401: bad token. It does not accept the token; set MODEL_REG"),
        (refusal(403), r"403\. The token \(MODEL_REGISTRY_TOKEN\) may not do this"),
        (refusal(404, "page not found"), "v1alpha3 only needs model-registry <= 0.3.11: upgrade"),
        (Reply(404, b"404 page not found", "text/plain"), "no /api/model_registry/v1 "),
        (refusal(400, "invalid pageSize"), r"400: invalid pageSize\. It refuses what was sent"),
        (refusal(422, "zero value"), "422: zero value. It refuses what was sent"),
        (Reply(400, b"HTTP request to an HTTPS server", "text/plain"), "400: HTTP request to an"),
        (Reply(400, b"<html>", "text/html"), r"400\. It refuses"),
        (refusal(500, "boom"), "500: boom. Look into its log"),
        (Reply(200, b"<html>Log in</html>", "text/html"), "like a model registry .*log-in"),
        (Reply(200, b"{", "application/json"), "does not answer like a model registry"),
        (Reply(200, b'{"items": [1]}'), "does not answer like a model registry"),
        (Reply(200, b"[]"), "does not answer like a model registry"),
        (Reply(200, b"x", "application/octet-stream"), "does not answer like a model registry"),
        (Reply(204), "does not answer like a model registry"),
        (
            Reply(302, headers={"Location": "https://user:pw@sso.example/in?code=abc"}),
            r"sends us to https://\*\*\*@sso\.example/in\?code=\*\*\*\. Set registry\.address",
        ),
        (
            Reply(302, headers={"Location": "/in?code=abc"}),
            r"sends us to http://127\.0\.0\.1:\d+/in\?code=\*\*\*\. Set registry\.address",
        ),
    ],
)
def test_a_refusal_is_explained_and_not_tried_again(
    at: MakePlace, reply: Reply, message: str
) -> None:
    with middleman(lambda _: reply) as running:
        with pytest.raises(RegistryError, match=message) as raised:
            at(running.url).register()

        assert len(running.requests) == 1
        assert running.url in str(raised.value)


@pytest.mark.parametrize("ask", ["read", "amend"])
def test_reading_is_explained_too(at: MakePlace, ask: str) -> None:
    with (
        middleman(lambda _: refusal(403)) as running,
        pytest.raises(RegistryError, match="HTTP status 403"),
    ):
        getattr(at(running.url), ask)()


def test_a_registry_that_wants_a_token_says_which_variable(server: str, at: MakePlace) -> None:
    place = at(server)
    place.registries.environment.pop("MODEL_REGISTRY_TOKEN")  # type: ignore[attr-defined]

    with pytest.raises(RegistryError, match="401.*It wants a token: set .* MODEL_REGISTRY_TOKEN"):
        place.register()


def test_a_server_that_echoes_the_token_does_not_get_it_into_our_error(at: MakePlace) -> None:
    echo = refusal(403, f"Bearer {TOKEN} is not\n allowed")
    with middleman(lambda _: echo) as running, pytest.raises(RegistryError) as raised:
        at(running.url).register()

    assert "Bearer *** is not allowed" in str(raised.value)
    assert TOKEN not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_token_over_plain_http_is_warned_about(server: str, at: MakePlace) -> None:
    place = at(server)

    place.register()

    assert f"The token for {server} travels unencrypted: it is http, not https." in place.said
    assert TOKEN not in "".join(place.said)


@pytest.mark.parametrize("reply", [refusal(502), refusal(503), refusal(504), DROP], ids=str)
def test_a_server_that_is_back_is_gone_on_with(server: str, at: MakePlace, reply: Reply) -> None:
    with middleman(_bad_at_first(server, reply)) as running:
        place = at(running.url)

        assert place.register().created

    assert any("Trying again" in line for line in place.said)


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_write_whose_answer_was_lost_counts(server: str, at: MakePlace, lost: int) -> None:
    """The registry has it, the client does not know: the second try meets it."""
    with middleman(_loses_the_answer(server, lost)) as running:
        place = at(running.url)

        made = place.register()

        assert made.created
        assert len(place.read().versions) == len(place.artifacts(made.version_id)) == 1
        assert len(running.writes) == 4


def test_a_model_is_made_even_if_no_answer_to_a_write_ever_arrived(
    server: str, at: MakePlace
) -> None:
    seen: set[str] = set()

    def loses_first_answers(asked: Asked) -> Reply:
        reply = forward(server, asked)
        if asked.is_write and asked.path not in seen:
            seen.add(asked.path)
            return DROP
        return reply

    with middleman(loses_first_answers) as running:
        place = at(running.url)

        assert place.register().created
        assert len(running.writes) == 6


def test_what_another_run_wrote_while_our_answer_was_lost_is_not_ours(
    server: str, at: MakePlace
) -> None:
    theirs = at(server)

    def another_is_faster(asked: Asked) -> Reply:
        if asked.path.endswith("/model_versions") and asked.writes == 2:
            theirs.register(author="eve")
            return DROP
        return forward(server, asked)

    with middleman(another_is_faster) as running:
        place = at(running.url)
        theirs.name = place.name

        assert not place.register(author="ada").created
        assert [one.author for one in place.read().versions] == ["eve"]


def test_what_is_read_back_otherwise_is_refused(server: str, at: MakePlace) -> None:
    def spoils(asked: Asked) -> Reply:
        reply = forward(server, asked)
        body = reply.body.replace(b"file:///models/1", b"file:///models/9")
        return Reply(reply.status, body.replace(b'"3"', b'"4"'), reply.content_type)

    with middleman(spoils) as running, pytest.raises(RegistryError) as raised:
        at(running.url).register()

    assert "artifact uri is 'file:///models/9', not 'file:///models/1'" in str(raised.value)
    assert "version steps is {'int_value': '4'" in str(raised.value)


def test_a_page_that_comes_again_and_again_is_noticed(server: str, at: MakePlace) -> None:
    def repeats(asked: Asked) -> Reply:
        if asked.path.partition("?")[0].endswith("/versions"):
            return Reply(200, b'{"items": [], "nextPageToken": "x", "pageSize": 1, "size": 0}')
        return forward(server, asked)

    direct = at(server)
    direct.register()
    with middleman(repeats) as running:
        place = at(running.url)
        place.name = direct.name
        with pytest.raises(RegistryError, match="gives the same page of versions again and again"):
            place.read()


def _bad_at_first(server: str, reply: Reply) -> Behaviour:
    """Every kind of request fails once."""
    seen: set[tuple[str, str]] = set()

    def behave(asked: Asked) -> Reply:
        kind = (asked.method, asked.path)
        if kind in seen:
            return forward(server, asked)
        seen.add(kind)
        return reply

    return behave


def _loses_the_answer(server: str, number: int) -> Behaviour:
    def behave(asked: Asked) -> Reply:
        reply = forward(server, asked)
        return DROP if asked.is_write and asked.writes == number else reply

    return behave
