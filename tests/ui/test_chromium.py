"""A machine without a browser: said, and no excuse where these tests are required."""

import pytest

from tests.ui.browser import chromium


@pytest.fixture(autouse=True)
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("OSFT_CHROMIUM", raising=False)


def test_without_a_browser_the_scenarios_are_skipped_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OSFT_REQUIRE_UI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        chromium()


def test_without_a_browser_they_fail_where_they_are_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OSFT_REQUIRE_UI", "1")

    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        chromium()
