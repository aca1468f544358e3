"""The local registry as a web application: who may ask, how bodies are read and errors told.

What is answered is `routes`; the page for people, `page`.
"""

import hmac
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from resources.local_registry.bodies import read_json
from resources.local_registry.page import registry_page
from resources.local_registry.refusals import RefusedError
from resources.local_registry.routes import Act, Call, endpoints
from resources.local_registry.store import Store

API = "/api/model_registry/v1/"
_OLD_API = "/api/model_registry/v1alpha3/"
_ITSELF = ("127.0.0.1", "localhost")
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
_Endpoint = Callable[[Request], Awaitable[Response]]
_Admit = Callable[[Request], None]


def registry_app(store: Store, token: str, is_for_others: bool = False) -> Starlette:
    """The application. Without a token, whoever reaches it may ask. `is_for_others`: it goes by
    other names than this machine's own, and the token alone tells who may ask.
    """
    admit = partial(_admit, token, () if is_for_others else _ITSELF)
    routes = [
        Route(API + path, _answering(store, act, admit), methods=[method])
        for method, path, act in endpoints()
    ]
    told = {
        RefusedError: _refused,
        HTTPException: _not_served,
        sqlite3.Error: _unusable,
        Exception: _unexpected,
    }
    page = Route("/", _showing(store, admit), methods=["GET"])
    return Starlette(routes=[*routes, page], exception_handlers=told)  # type: ignore[arg-type]


def _answering(store: Store, act: Act, admit: _Admit) -> _Endpoint:
    async def answer(request: Request) -> Response:
        admit(request)
        body = read_json(await request.body()) if request.method in ("POST", "PATCH") else {}
        call = Call(request.path_params.get("record", ""), request.query_params, body)
        status, content = await run_in_threadpool(act, store, call)
        return JSONResponse(content, status)

    return answer


def _showing(store: Store, admit: _Admit) -> _Endpoint:
    async def show(request: Request) -> Response:
        admit(request)
        return HTMLResponse(await run_in_threadpool(registry_page, store), headers=_PAGE_HEADERS)

    return show


def _admit(token: str, names: Sequence[str], request: Request) -> None:
    """Refuse who lacks the token, and what a web page elsewhere makes a browser send here."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    if names and host not in names:
        raise RefusedError(
            HTTPStatus.FORBIDDEN, f"the host is {host!r}: expected one of {', '.join(names)}"
        )
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method in ("POST", "PATCH") and kind != "application/json":
        raise RefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the body is {kind!r}: expected application/json"
        )
    given = request.headers.get("authorization", "").encode("latin-1")  # as starlette decodes it
    if token and not hmac.compare_digest(given, f"Bearer {token}".encode()):
        raise RefusedError(HTTPStatus.UNAUTHORIZED, "the token is missing, or is another one")


def _told(status: int, message: str) -> Response:
    return JSONResponse({"code": HTTPStatus(status).phrase, "message": message}, status)


async def _refused(_: Request, problem: RefusedError) -> Response:
    return _told(problem.status, str(problem))


async def _not_served(request: Request, problem: HTTPException) -> Response:
    asked = f"{request.method} {request.url.path}"
    if request.url.path.startswith(_OLD_API):
        return _told(
            problem.status_code,
            f"{asked}: the local registry speaks v1. Use model-registry 0.3.12 or newer",
        )
    return _told(problem.status_code, f"{asked} is not served by the local registry")


async def _unusable(_: Request, problem: sqlite3.Error) -> Response:
    return _told(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"the registry's file cannot be used: {problem}. Nothing was changed",
    )


async def _unexpected(_: Request, problem: Exception) -> Response:
    return _told(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(problem).__name__}: {problem}")
