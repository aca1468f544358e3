"""Which failures may pass by themselves."""

import ssl

import botocore.exceptions
import httpx
import pytest

from resources.client_errors import may_pass

REQUEST = httpx.Request("GET", "http://host")


def answered(status: int) -> Exception:
    return httpx.HTTPStatusError("", request=REQUEST, response=httpx.Response(status))


def answered_by_s3(status: int) -> Exception:
    told = {"Error": {"Code": "X"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError(told, "GetObject")  # type: ignore[arg-type]


def caused(problem: Exception, cause: Exception) -> Exception:
    problem.__cause__ = cause
    return problem


@pytest.mark.parametrize(
    ("problem", "passes"),
    [
        (httpx.ConnectError("refused"), True),
        (httpx.ReadTimeout("late"), True),
        (httpx.RemoteProtocolError("hung up"), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="http://x"), True),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="http://x"), True),
        (caused(FileNotFoundError("not in the cache"), httpx.ConnectError("refused")), True),
        *((answered(status), True) for status in (408, 429, 500, 502, 503, 504)),
        *((answered_by_s3(status), True) for status in (429, 503)),
        (caused(OSError("busy"), answered_by_s3(503)), True),
        *((answered(status), False) for status in (400, 401, 403, 404, 410, 416)),
        (caused(PermissionError("no"), answered_by_s3(403)), False),
        (caused(httpx.ConnectError("tls"), ssl.SSLCertVerificationError("no")), False),
        (botocore.exceptions.NoCredentialsError(), False),
        (ValueError("no such configuration"), False),
        (FileNotFoundError("no such file"), False),
        (KeyError("rows"), False),
    ],
    ids=str,
)
def test_no_answer_or_one_that_says_later_may_pass_and_nothing_else(
    problem: Exception, passes: bool
) -> None:
    assert may_pass(problem) is passes
