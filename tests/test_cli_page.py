"""docs/cli.md shows every command, and no option that there is not."""

import re

import pytest
from click.testing import CliRunner

from osft_assets.cli import main
from tests.commands import ROOT

PAGE = (ROOT / "docs/cli.md").read_text()
EXAMPLES = re.findall(r"osft-assets ([a-z-]+)((?: [^#|\n`]*)?)", PAGE)


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_an_example(name: str) -> None:
    assert name in {command for command, _ in EXAMPLES}


@pytest.mark.parametrize(("name", "arguments"), EXAMPLES)
def test_an_example_uses_options_that_exist(name: str, arguments: str) -> None:
    command = main.commands[name]
    known = {option for one in command.params for option in one.opts}

    assert set(re.findall(r"(?<=\s)--[a-z-]+", arguments)) <= known | {"--help"}


@pytest.mark.parametrize(
    "name", sorted({"doctor", "history", "list", "promote", "prune", "register", "rollback", "run"})
)
def test_what_scripts_read_can_be_had_as_json(name: str) -> None:
    options = [option for one in main.commands[name].params for option in one.opts]

    assert "--json" in options


@pytest.mark.parametrize("name", sorted(main.commands))
def test_the_help_of_every_command_has_examples(name: str) -> None:
    told = CliRunner().invoke(main, [name, "--help"]).output

    assert f"Examples:\n    osft-assets {name}" in told


def test_help_lists_every_command_in_a_section() -> None:
    told = CliRunner().invoke(main, ["--help"]).output

    assert all(re.search(rf"^  {name} ", told, re.MULTILINE) for name in main.commands)
    assert all(f"{title}:" in told for title in ("Start here", "Pipelines", "Upkeep"))


def test_a_wrong_command_line_is_2() -> None:
    assert CliRunner().invoke(main, ["run"]).exit_code == 2
