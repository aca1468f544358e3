"""One tab of Chromium, and what a test does in it: open, read, press, wait, take a picture."""

import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

# A page of Dagster asks its server many things, and the machine may train a model meanwhile.
SHOWN_WITHIN_SECONDS, ENDED_WITHIN_SECONDS = 120, 900
WIDTH, HEIGHT = 1400, 900
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-proxy-server"),
    # As the other tests: the network ends at this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class Screen:
    """The UI at `url`. Everything is waited for."""

    def __init__(self, page: Page, url: str, pictures: Path | None) -> None:
        self.page, self.url, self._pictures = page, url, pictures

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}", wait_until="domcontentloaded")

    def asset(self, pipeline: str, name: str, view: str = "overview") -> None:
        self.open(f"/assets/{pipeline}/{name}?view={view}")
        self.shows(name)

    def group(self, name: str, view: str = "lineage") -> None:
        self.open(f"/locations/osft_assets/asset-groups/{name}/{view}")
        self.shows("Lineage", "List", name)

    def zoom_out(self) -> None:
        """The graph as a whole: Dagster fits its width only."""
        self.page.mouse.move(750, 520)
        self.page.keyboard.down("Control")
        self.page.mouse.wheel(0, 100)
        self.page.keyboard.up("Control")

    def text(self, words: str) -> Locator:
        return self.page.get_by_text(words).filter(visible=True).first

    def shows(self, *words: str) -> None:
        for each in words:
            expect(self.text(each)).to_be_visible()

    def scroll_to(self, words: str) -> None:
        """To where these words alone are, in the middle of the screen."""
        place = self.page.get_by_text(words, exact=True).filter(visible=True).first
        place.evaluate("place => place.scrollIntoView({block: 'center'})")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).first.click()

    def ask(self, query: str, **variables: Any) -> Any:
        """GraphQL: to wait by, and to find a run. What tests claim, they read from pages."""
        told = {"query": query, "variables": variables}
        answer = self.page.request.post(f"{self.url}/graphql", data=told, timeout=60_000)
        return answer.json()["data"]

    def wait_until(
        self, done: Callable[[], bool], what: str, within: float = ENDED_WITHIN_SECONDS
    ) -> None:
        give_up = time.monotonic() + within
        while not done():
            assert time.monotonic() < give_up, f"waited {within:.0f} s for {what}"
            time.sleep(0.5)

    def picture(self, name: str) -> None:
        """For docs/: OSFT_SCREENSHOTS names the directory."""
        if self._pictures is None:
            return
        from PIL import Image

        self.page.mouse.move(WIDTH - 1, HEIGHT - 1)  # or what is under it is lit
        self.page.wait_for_timeout(1_500)  # animations
        whole = Image.open(io.BytesIO(self.page.screenshot()))
        self._pictures.mkdir(parents=True, exist_ok=True)
        # A palette makes the file a third as large; this way of choosing one keeps a red mark.
        kept, plain = Image.Quantize.MAXCOVERAGE, Image.Dither.NONE
        few = whole.convert("RGB").quantize(256, method=kept, dither=plain)
        few.save(self._pictures / f"{name}.png", optimize=True)


@contextmanager
def screen(url: str) -> Iterator[Screen]:
    """A browser for as long as the block."""
    asked = os.environ.get("OSFT_SCREENSHOTS", "")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=_FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(SHOWN_WITHIN_SECONDS * 1_000)
        expect.set_options(timeout=SHOWN_WITHIN_SECONDS * 1_000)
        yield Screen(page, url, Path(asked) if asked else None)
        browser.close()


def chromium() -> str:
    """Where it is. Without one: skipped, or failed where OSFT_REQUIRE_UI=1."""
    names = (os.environ.get("OSFT_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), "")
    if found:
        return found
    missing = "there is no Chromium: `apt-get install chromium`, or set OSFT_CHROMIUM"
    if os.environ.get("OSFT_REQUIRE_UI") == "1":
        pytest.fail(missing)
    pytest.skip(missing)
