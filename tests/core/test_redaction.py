"""What may be shown of a location."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.redaction import credentials_in, redact
from tests.core.properties import repeatable

# Marked, so that finding it in the result is never a coincidence.
secrets = st.text("abcXYZ0189-_.~%!$&'()*+,;=", max_size=20).map(lambda text: f"hunter2{text}")
schemes = st.sampled_from(["https", "http", "s3", "ftp", "HTTPS"])
query_secrets = st.text("abcXYZ0189-_.~%!'()*+,;=/:@?", max_size=20).map(
    lambda text: f"hunter2{text}"
)
credential_parameters = st.sampled_from(
    [
        "X-Amz-Signature",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "X-Goog-Signature",
        "AWSAccessKeyId",
        "Signature",
        "sig",
        "token",
        "access_token",
        "api_key",
        "apikey",
        "key",
        "password",
        "pwd",
        "auth",
        "jwt",
        "client_secret",
    ]
)


@repeatable
@given(schemes, secrets)
def test_a_password_is_never_shown(scheme: str, password: str) -> None:
    assert "hunter2" not in redact(f"{scheme}://me:{password}@host.example/rows.jsonl")


@repeatable
@given(schemes, secrets)
def test_a_token_in_place_of_the_user_is_never_shown(scheme: str, token: str) -> None:
    assert "hunter2" not in redact(f"{scheme}://{token}@host.example/rows.jsonl")


@repeatable
@given(schemes, credential_parameters, query_secrets)
def test_a_signature_is_never_shown(scheme: str, name: str, signature: str) -> None:
    location = f"{scheme}://host.example/rows.jsonl?part=1&{name}={signature}&last=2"

    assert "hunter2" not in redact(location)


@repeatable
@given(query_secrets)
def test_a_fragment_is_never_shown(fragment: str) -> None:
    assert "hunter2" not in redact(f"https://host.example/rows.jsonl#{fragment}")


def test_a_query_without_names_is_never_shown() -> None:
    assert redact("https://host.example/rows?hunter2") == "https://host.example/rows?***"


def test_a_malformed_host_is_never_shown() -> None:
    assert redact("https://me:hunter2@[host/rows.jsonl") == "https://***"


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        (
            "https://me:pw@host.example:8443/a/rows.jsonl?versionId=3&sig=abc#part",
            "https://***@host.example:8443/a/rows.jsonl?versionId=***&sig=***",
        ),
        ("https://host.example/rows.jsonl", "https://host.example/rows.jsonl"),
        ("s3://bucket/prefix/", "s3://bucket/prefix/"),
        ("hf://name@revision", "hf://name@revision"),
        ("/data/rows@home.jsonl", "/data/rows@home.jsonl"),
    ],
)
def test_all_but_the_credentials_is_shown(location: str, shown: str) -> None:
    assert redact(location) == shown


@repeatable
@given(schemes, secrets)
def test_a_password_is_found_without_repeating_it(scheme: str, password: str) -> None:
    found = credentials_in(f"{scheme}://me:{password}@host.example/rows.jsonl")

    assert found == ["a user name or password before the @"]


@repeatable
@given(credential_parameters, st.booleans(), query_secrets)
def test_a_credential_in_the_query_is_found_without_repeating_it(
    name: str, upper: bool, value: str
) -> None:
    name = name.upper() if upper else name
    encoded = value.replace("%", "%25")

    found = credentials_in(f"https://host.example/rows.jsonl?part=1&{name}={encoded}")

    assert found == [f"the query parameter {name}"]


@pytest.mark.parametrize(
    "location",
    [
        "https://host.example/rows.jsonl",
        "https://host.example/rows.jsonl?versionId=3&download=true",
        "https://host.example/rows.jsonl?token=",
        "https://host.example/@user/rows.jsonl",
        "hf://name@revision",
        "org/name@revision",
        "/data/rows@home.jsonl",
    ],
)
def test_a_plain_address_carries_no_credentials(location: str) -> None:
    assert credentials_in(location) == []
