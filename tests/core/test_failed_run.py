"""What is told of a run that failed."""

import pytest

from osft_assets.core.failed_run import first_line
from osft_assets.core.redaction import without_secrets


def test_only_the_first_line_of_an_error_is_told() -> None:
    assert first_line("\n the disk is full\n  File x, line 3\n") == "the disk is full"
    assert len(first_line("x" * 10_000)) == 500
    assert first_line("") == "no reason was given"


@pytest.mark.parametrize(
    "text",
    [
        "cannot read https://bob:hunter2@example.org/rows.jsonl now",
        "GET 'https://example.org/x?X-Amz-Signature=hunter2&a=1': no",
        "the token hf_hunter2hunter2hunter2 is not accepted",
    ],
)
def test_addresses_and_tokens_are_shown_as_far_as_they_may_be(text: str) -> None:
    shown = without_secrets(text)

    assert "hunter2" not in shown
    assert "***" in shown
    assert shown.split()[0] == text.split()[0]


def test_a_text_without_secrets_stays_as_it_is() -> None:
    text = "s3://bucket/rows is empty (see https://example.org/help). Fill it"

    assert without_secrets(text) == text
