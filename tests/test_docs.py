"""What is generated is current, and what the README says is there."""

import re
from pathlib import Path

import pytest

from osft_assets.demo.rows import write
from osft_assets.settings_table import settings_table

ROOT = Path(__file__).parent.parent


def test_the_settings_page_is_current() -> None:
    assert (ROOT / "docs/settings.md").read_text() == settings_table(), "run `make docs`"


def test_the_settings_page_is_for_people() -> None:
    page = settings_table()

    assert [name for name in ("FieldInfo", "Annotated", "Union[", "NoneType") if name in page] == []
    assert "| `tolerance` | float or dict of float or null |" in page
    assert "| `seed` | int or list of int |" in page
    cells = [len(row.split("|")) for row in page.splitlines() if row.startswith("|")]
    assert set(cells) == {7}, "a type or a description ends its cell"
    assert page.count("docs/gate.md.") == 2, "once for the section, once for metrics"


def test_the_shipped_rows_are_what_the_script_makes(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl")

    shipped = ROOT / "osft_assets/defs/demo/new_facts.jsonl"
    assert (tmp_path / "rows.jsonl").read_bytes() == shipped.read_bytes()


PAGES = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "deployment/*.md") for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())

    broken = [link for link in links if "://" not in link and not leads_somewhere(page, link)]
    assert broken == []


def leads_somewhere(page: Path, link: str) -> bool:
    """To a file that is there and, where a heading is named, to one that it has."""
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    if not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
    return anchor in map(anchor_of, headings)


def anchor_of(heading: str) -> str:
    """As GitHub makes them."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_make_target_that_a_page_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    named = {name for page in pages for name in re.findall(r"`make ([a-z-]+)", page.read_text())}

    assert named
    assert [name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_every_module_that_the_map_names_exists() -> None:
    map_of_the_code = (
        (ROOT / "README.md").read_text().split("## Map of the code")[1].split("## ")[0]
    )
    package = set(re.findall(r"^  (\w+)/? ", map_of_the_code, re.MULTILINE))

    assert package
    places = [ROOT / "osft_assets" / name for name in package]
    assert [p.name for p in places if not (p.exists() or p.with_suffix(".py").exists())] == []
