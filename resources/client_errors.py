"""What the errors of client libraries tell: the status of the answer, and whether it may pass.

httpx, requests, urllib3, aiohttp and botocore each have errors of their own, and no base class in
common. What is tried again, and how often, is `osft_assets.retries`.
"""

import re
import ssl
from collections.abc import Iterator

_TIMED_OUT, _TOO_MANY_REQUESTS, _SERVER_ERRORS = 408, 429, 500
_NO_ANSWER = re.compile(
    r"Connect|Timeout|Disconnect|IncompleteRead|ChunkedEncoding|RemoteProtocol|ClientPayload|"
    r"(Read|Write|Protocol|NameResolution|MaxRetry|HTTPClient|ResponseStreaming)Error"
)
_MOST_CAUSES = 10


def http_status(problem: BaseException) -> int | None:
    """The status a server answered with, when that is what went wrong."""
    response = getattr(problem, "response", None)
    status = getattr(response, "status_code", None)
    if isinstance(response, dict):  # botocore's
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status if isinstance(status, int) else None


def status_may_pass(status: int) -> bool:
    """Whether the server says that it is about itself, or about now."""
    return status in (_TIMED_OUT, _TOO_MANY_REQUESTS) or status >= _SERVER_ERRORS


def may_pass(problem: BaseException) -> bool:
    """Whether no answer came, or one that says later. A certificate that is wrong stays so."""
    chain = list(_chain(problem))
    for one in chain:
        if status := http_status(one):
            return status_may_pass(status)
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in chain):
        return False
    return any(_NO_ANSWER.search(type(one).__name__) for one in chain)


def _chain(problem: BaseException) -> Iterator[BaseException]:
    """The error and those it came from."""
    found: BaseException | None = problem
    for _ in range(_MOST_CAUSES):
        if found is None:
            return
        yield found
        found = found.__cause__ or found.__context__
