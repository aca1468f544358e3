"""Files on the web: transfers that break off, servers that misbehave, and links that are secret."""

import base64
import gzip
import logging
import re
import traceback
from collections.abc import Callable
from itertools import pairwise

import pytest

from osft_assets.core.errors import DatasetError, OsftError, SourceError
from osft_assets.core.ports import FoundSource
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.sources import WebLocation
from osft_assets.core.workspace import Workspace
from resources.dataset_sources import DatasetSources
from resources.http_source import HttpSource
from tests.fakes import chats, lines
from tests.resources.servers import Answer, Request, web_server
from tests.resources.test_row_files import canonical, parquet

ROWS = chats(2_000)
CONTENT = lines(ROWS)
STRONG = {"ETag": '"v1"'}
DATED = {"Last-Modified": "Thu, 20 Nov 2025 14:57:00 GMT"}
OTHER = {"ETag": '"v2"'}
SECRET = "s3cr3t-signature"  # noqa: S105 - looked for wherever it must not be
ATTEMPTS = 5


def no_pause(_: float) -> None:
    """Time passes in no time."""


def find(
    url: str, name: str = "/rows.jsonl", pause: Callable[[float], None] = no_pause
) -> FoundSource:
    return HttpSource(pause=pause).find(WebLocation(url + name))


def content(found: FoundSource) -> bytes:
    return b"".join(
        row + b"\n" for batch in found.read() for row in batch.rows if isinstance(row, bytes)
    )


def starts(requests: list[Request]) -> list[int]:
    """Where each transfer after the probe asked to begin."""
    return [int(re.findall(r"\d+", request.range)[0]) for request in requests[1:]]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_is_read_whole(ranges: bool) -> None:
    with web_server(Answer(CONTENT, ranges=ranges)) as server:
        found = find(server.url)

        assert content(found) == CONTENT
        assert found.size_bytes == len(CONTENT)
        assert found.record.uri == f"{server.url}/rows.jsonl"
        assert found.record.files == ("rows.jsonl",)


def test_finding_a_file_fetches_no_more_than_its_first_byte() -> None:
    with web_server(Answer(CONTENT)) as server:
        find(server.url)

        assert [(request.method, request.range) for request in server.requests] == [
            ("GET", "bytes=0-0")
        ]


def test_a_file_can_be_read_twice() -> None:
    with web_server(Answer(CONTENT)) as server:
        found = find(server.url)

        assert content(found) == content(found) == CONTENT


@pytest.mark.parametrize(
    "headers", [STRONG, {"Last-Modified": "Thu, 20 Nov 2025 14:57:00 GMT"}, {}]
)
def test_a_transfer_that_breaks_off_goes_on_where_it_broke(headers: dict[str, str]) -> None:
    whole = Answer(CONTENT, headers=headers)
    broken = Answer(CONTENT, headers=headers, breaks_off_after=30_000)

    with web_server(whole, broken, broken, whole) as server:
        assert content(find(server.url)) == CONTENT
        assert starts(server.requests) == [0, 30_000, 60_000]


def test_a_server_without_ranges_starts_over_and_no_row_comes_twice() -> None:
    whole = Answer(CONTENT, ranges=False)
    broken = Answer(CONTENT, ranges=False, breaks_off_after=30_000)

    with web_server(whole, broken, whole) as server:
        assert content(find(server.url)) == CONTENT


def test_a_transfer_that_goes_on_is_never_given_up() -> None:
    whole, broken = Answer(CONTENT), Answer(CONTENT, breaks_off_after=len(CONTENT) // 20)

    with web_server(whole, *[broken] * 19, whole) as server:
        assert content(find(server.url)) == CONTENT
        assert len(server.requests) > 2 * ATTEMPTS


def test_a_transfer_that_ends_early_without_a_word_goes_on() -> None:
    unlengthened = {"Content-Length": ""}  # so that the client cannot tell the end from a break
    short = Answer(CONTENT, headers=unlengthened, breaks_off_after=30_000)

    with web_server(Answer(CONTENT), short, Answer(CONTENT)) as server:
        assert content(find(server.url)) == CONTENT
        assert starts(server.requests) == [0, 30_000]


def test_a_connection_that_breaks_at_the_very_end_does_no_harm() -> None:
    # The last chunk of length zero, which closes a chunked body, never comes.
    chunked = {"Content-Length": "", "Transfer-Encoding": "chunked"}
    body = f"{len(CONTENT):x}\r\n".encode() + CONTENT + b"\r\n"
    unclosed = Answer(
        body,
        status=206,
        ranges=False,
        headers={**chunked, "Content-Range": f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"},
    )

    with web_server(Answer(CONTENT), unclosed, Answer(CONTENT)) as server:
        assert content(find(server.url)) == CONTENT


@pytest.mark.parametrize("ranges", [True, False])
def test_a_transfer_that_never_gets_on_is_given_up(ranges: bool) -> None:
    nothing = Answer(CONTENT, ranges=ranges, breaks_off_after=0)

    with web_server(Answer(CONTENT, ranges=ranges), nothing) as server:
        found = find(server.url)

        with pytest.raises(SourceError, match=r"/rows\.jsonl failed 5 times: .*Check the net"):
            content(found)
        assert len(server.requests) == 1 + ATTEMPTS


def test_each_pause_is_longer_than_the_one_before() -> None:
    pauses: list[float] = []

    with web_server(Answer(status=503)) as server, pytest.raises(SourceError):
        find(server.url, pause=pauses.append)

    assert len(pauses) == ATTEMPTS - 1
    assert all(before < after for before, after in pairwise(pauses))


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_that_recovers_is_asked_again(status: int) -> None:
    ill, well = Answer(status=status), Answer(CONTENT)

    with web_server(ill, ill, well, ill, well) as server:
        assert content(find(server.url)) == CONTENT


@pytest.mark.parametrize("resumed", [Answer(CONTENT, headers=OTHER), Answer(CONTENT + b"\n"),
                                     Answer(CONTENT + b"\n", ranges=False)])  # fmt: skip
def test_a_file_that_changes_while_it_is_read_is_refused(resumed: Answer) -> None:
    headers = STRONG if resumed.headers else {}
    whole = Answer(CONTENT, headers=headers, ranges=resumed.ranges)
    broken = Answer(CONTENT, headers=headers, ranges=resumed.ranges, breaks_off_after=30_000)

    with web_server(whole, broken, resumed) as server:
        found = find(server.url)

        with pytest.raises(SourceError, match=r"/rows\.jsonl was changed while it was read"):
            content(found)


def test_a_file_that_changes_before_it_is_read_is_refused() -> None:
    with web_server(Answer(CONTENT, headers=STRONG), Answer(CONTENT, headers=OTHER)) as server:
        found = find(server.url)

        with pytest.raises(SourceError, match=r"/rows\.jsonl was changed while it was read"):
            content(found)


def test_an_answer_with_another_range_than_the_asked_is_not_mixed_in() -> None:
    broken = Answer(CONTENT, breaks_off_after=30_000)
    from_the_start = Answer(
        CONTENT,
        status=206,
        ranges=False,
        headers={"Content-Range": f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"},
    )

    with web_server(Answer(CONTENT), broken, from_the_start) as server:
        found = find(server.url)

        try:
            received = content(found)
        except SourceError:
            received = CONTENT  # refusing is as good as reading it right
        assert received == CONTENT


@pytest.mark.parametrize(
    ("status", "expected_error"),
    [
        (401, "HTTP status 401. It wants a log-in: .* set data_uri to env:NAME"),
        (403, "HTTP status 403. It is forbidden; a presigned link may have run out"),
        (404, "HTTP status 404. There is no such file"),
        (410, "HTTP status 410. The file is gone"),
        (418, "HTTP status 418. Check the address"),
        (429, "failed 5 times: HTTP status 429"),
        (500, "failed 5 times: HTTP status 500"),
    ],
)
def test_a_refusal_says_what_to_do(status: int, expected_error: str) -> None:
    with (
        web_server(Answer(status=status)) as server,
        pytest.raises(SourceError, match=rf"^http://127.*/rows\.jsonl .*{expected_error}"),
    ):
        find(server.url)


def test_a_link_that_runs_out_while_it_is_read_is_told() -> None:
    broken = Answer(CONTENT, breaks_off_after=30_000)

    with web_server(Answer(CONTENT), broken, Answer(status=403)) as server:
        found = find(server.url)

        with pytest.raises(SourceError, match="HTTP status 403"):
            content(found)


@pytest.mark.parametrize("ranges", [True, False])
def test_an_empty_file_is_refused(ranges: bool) -> None:
    with web_server(Answer(b"", ranges=ranges)) as server, pytest.raises(OsftError, match="empty"):
        content(find(server.url))


@pytest.mark.parametrize("content_type", ["text/html", "text/html; charset=utf-8", "Text/HTML"])
def test_a_log_in_page_is_refused(content_type: str) -> None:
    page = Answer(b"<html>Log in</html>", headers={"Content-Type": content_type})

    with web_server(page) as server, pytest.raises(SourceError, match="is a web page, not data"):
        find(server.url)


def test_a_log_in_page_without_its_type_is_refused() -> None:
    page = Answer(b"<html>Log in</html>")

    with web_server(page) as server:
        found = find(server.url, "/rows")

        with pytest.raises(DatasetError, match="rows is none of JSONL"):
            content(found)


def test_a_server_that_is_not_there_is_told() -> None:
    with web_server(Answer()) as server:
        url = server.url

    with pytest.raises(SourceError, match=r"/rows\.jsonl .*ConnectError. Check the network"):
        find(url)


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/rows.jsonl", "http://[/rows.jsonl", "http://"])
def test_a_redirect_that_leads_nowhere_is_told(target: str) -> None:
    nowhere = Answer(status=302, headers={"Location": target})

    with web_server(nowhere) as server, pytest.raises(SourceError, match=r"/rows\.jsonl "):
        find(server.url)


def test_a_redirect_in_a_circle_is_told() -> None:
    circle = Answer(status=302, headers={"Location": "/rows.jsonl"})

    with web_server(circle) as server, pytest.raises(SourceError, match="TooManyRedirects"):
        find(server.url)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (STRONG, 'etag:"v1"'),
        ({"ETag": 'W/"v1"'}, ""),
        (DATED, ""),
        ({}, ""),
    ],
)
@pytest.mark.parametrize("ranges", [True, False])
def test_the_revision_is_what_identifies_the_bytes(
    headers: dict[str, str], ranges: bool, expected: str
) -> None:
    with web_server(Answer(CONTENT, headers=headers, ranges=ranges)) as server:
        assert find(server.url).record.revision.partition(" of ")[0] == expected


def test_an_etag_is_unique_for_its_address_only() -> None:
    with web_server(Answer(CONTENT, headers=STRONG)) as server:
        names = ("/rows.jsonl", "/other.jsonl", "/rows.jsonl?sig=1")
        revisions = {find(server.url, name).record.revision for name in names}

    assert len(revisions) == 2  # the query may hold a signature, which is new for each link


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("rows.jsonl.gz", gzip.compress(CONTENT, mtime=0)),
        ("rows.parquet", parquet(ROWS, compression="none", use_dictionary=False)),
        ("rows.parquet.gz", gzip.compress(parquet(ROWS), mtime=0)),
        ("download", gzip.compress(CONTENT, mtime=0)),
    ],
)
def test_compressed_and_parquet_files_survive_a_broken_connection(name: str, stored: bytes) -> None:
    broken = Answer(stored, breaks_off_after=len(stored) // 3)

    with web_server(Answer(stored), broken, broken, Answer(stored)) as server:
        batches = list(find(server.url, f"/{name}").read())

    assert canonical(batches) == CONTENT.splitlines()
    assert batches[-1].bytes_read == len(stored)


@pytest.mark.parametrize("name", ["/rows.jsonl.gz", "/rows.parquet"])
def test_a_connection_that_is_given_up_is_not_taken_for_a_damaged_file(name: str) -> None:
    stored = gzip.compress(CONTENT) if name.endswith(".gz") else parquet(ROWS)
    first = Answer(stored, breaks_off_after=len(stored) // 2)

    with web_server(Answer(stored), first, Answer(stored, breaks_off_after=0)) as server:
        found = find(server.url, name)

        with pytest.raises(SourceError, match="failed 5 times"):
            list(found.read())


def test_the_server_is_asked_not_to_compress() -> None:
    with web_server(Answer(CONTENT)) as server:
        content(find(server.url))

        assert {request.accept_encoding for request in server.requests} == {"identity"}


def test_a_file_that_the_server_compresses_all_the_same_is_read() -> None:
    encoded = {"Content-Encoding": "gzip"}
    stored = gzip.compress(CONTENT)
    broken = Answer(stored, headers=encoded, breaks_off_after=len(stored) // 2)

    with web_server(Answer(stored, headers=encoded), broken, broken) as server:
        assert content(find(server.url)) == CONTENT


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/my%20rows%2Btests.jsonl", "my rows+tests.jsonl"),
        ("/Gr%C3%B6%C3%9Fe.jsonl", "Größe.jsonl"),
        ("/deep/er/rows.jsonl?download=1#top", "rows.jsonl"),
        ("/", "data"),
        ("", "data"),
    ],
)
def test_the_name_is_the_last_part_of_the_path(path: str, expected: str) -> None:
    with web_server(Answer(CONTENT)) as server:
        found = find(server.url, path)

        assert found.record.files == (expected,)
        assert content(found) == CONTENT


def test_a_path_is_asked_for_as_it_was_given() -> None:
    with web_server(Answer(CONTENT)) as server:
        find(server.url, "/a%2Fb/my%20rows.jsonl?X-Amz-Signature=a%2Bb%3D")

        assert server.requests[0].path == "/a%2Fb/my%20rows.jsonl?X-Amz-Signature=a%2Bb%3D"


def test_a_password_in_the_address_is_sent_to_the_server(workspace: Workspace) -> None:
    with web_server(Answer(CONTENT)) as server:
        address = server.url.replace("://", f"://user:{SECRET}@") + "/rows.jsonl"
        sources = DatasetSources(workspace, environment={"DATA_URL": address})

        found = sources.find(DatasetRecipe(data_uri="env:DATA_URL"))

        expected = base64.b64encode(f"user:{SECRET}".encode()).decode()
        assert content(found) == CONTENT
        assert {request.authorization for request in server.requests} == {f"Basic {expected}"}


def test_a_redirect_is_followed_for_every_transfer() -> None:
    with web_server(Answer(CONTENT), Answer(CONTENT, breaks_off_after=30_000), Answer(CONTENT)) as (
        storage
    ):
        signed = f"{storage.url}/stored?X-Amz-Signature={SECRET}"
        with web_server(Answer(status=302, headers={"Location": signed})) as front:
            found = find(front.url)

            assert content(found) == CONTENT
            assert found.record.uri == f"{front.url}/rows.jsonl"
            assert len(front.requests) == len(storage.requests) == 3
            assert starts(storage.requests) == [0, 30_000]


BROKEN = Answer(CONTENT, headers=STRONG, breaks_off_after=0)
GOOD = Answer(CONTENT, headers=STRONG)


@pytest.mark.parametrize(
    ("answers", "expected_error"),
    [
        ([GOOD], ""),
        ([Answer(status=403)], "HTTP status 403"),
        ([Answer(status=404)], "HTTP status 404"),
        ([Answer(status=500)], "HTTP status 500"),
        ([GOOD, Answer(status=403)], "HTTP status 403"),
        ([GOOD, BROKEN], "failed"),
        ([GOOD, Answer(CONTENT, headers=OTHER)], "was changed"),
        ([Answer(b"<html>", headers={"Content-Type": "text/html"})], "web page"),
        ([Answer(b"")], "empty"),
        ([Answer(b"PK")], "none of"),
        ([Answer(status=302, headers={"Location": "ftp://x/"})], "UnsupportedProtocol"),
        ([Answer(status=302, headers={"Location": "?"})], "TooManyRedirects"),
    ],
)
@pytest.mark.parametrize("redirected", [False, True])
def test_a_secret_in_an_address_is_shown_nowhere(
    answers: list[Answer],
    expected_error: str,
    redirected: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with web_server(*answers) as storage:
        target = Answer(status=302, headers={"Location": secretly(storage.url)})
        with web_server(target) as front:
            shown = everything_shown(secretly(front.url if redirected else storage.url))

    assert expected_error in shown
    assert SECRET not in shown + caplog.text


def secretly(url: str) -> str:
    """An address with a secret wherever one can be."""
    host = url.removeprefix("http://")
    return f"http://user:{SECRET}@{host}/rows?X-Amz-Signature={SECRET}&v={SECRET}#token={SECRET}"


def everything_shown(address: str) -> str:
    """What a run shows of a source: what was found, and what went wrong."""
    location = WebLocation(address)
    shown = [repr(location), str(location)]
    try:
        found = HttpSource(pause=no_pause).find(location)
        shown += [repr(found), found.record.model_dump_json()]
        shown += [batch.file for batch in found.read()]
    except OsftError:
        shown.append(traceback.format_exc())
    return "\n".join(shown)
