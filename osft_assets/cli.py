"""The `osft-assets` command: a thin way to do without the UI what it does.

Each command is a file in `osft_assets.commands`. What a pipeline does is in `osft_assets.assets`;
which there are, in `osft_assets/defs`.
"""

import click

from osft_assets.commands.demo import demo
from osft_assets.commands.doctor import doctor
from osft_assets.commands.examples import examples_of
from osft_assets.commands.list import list_pipelines
from osft_assets.commands.new import new
from osft_assets.commands.prune import prune
from osft_assets.commands.registry import history, promote, register, registry, rollback
from osft_assets.commands.run import run
from osft_assets.commands.run_config import run_config

_SECTIONS = {
    "Start here": (demo, doctor),
    "Pipelines": (new, list_pipelines, run, run_config),
    "Registered models": (register, promote, rollback, history, registry),
    "Upkeep": (prune,),
}


class _InSections(click.Group):
    """Lists the commands under what they are for."""

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = formatter.width - 6 - max(map(len, self.commands))
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                told = [(str(one.name), one.get_short_help_str(width)) for one in commands]
                formatter.write_dl(told)


@click.group(
    cls=_InSections,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="All commands with examples: docs/cli.md. Completion for bash: "
    'eval "$(_OSFT_ASSETS_COMPLETE=bash_source osft-assets)"',
)
@click.version_option(package_name="osft-assets")
def main() -> None:
    """Continual fine-tuning of language models as Dagster assets."""


for _commands in _SECTIONS.values():
    for _command in _commands:
        _command.epilog = _command.epilog or examples_of(str(_command.name))
        main.add_command(_command)
