"""The `osft-assets` command: a thin way to do without the UI what it does.

Each command is a file in `osft_assets.commands`. What a pipeline does is in `osft_assets.assets`;
which there are, in `osft_assets/defs`.
"""

import click

from osft_assets.commands.demo import demo
from osft_assets.commands.new import new
from osft_assets.commands.prune import prune
from osft_assets.commands.registry import history, promote, register, registry, rollback
from osft_assets.commands.run import run
from osft_assets.commands.run_config import run_config

_COMMANDS = (
    *(demo, new, run, run_config),
    *(register, promote, rollback, history, registry),
    *(prune,),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="osft-assets")
def main() -> None:
    """Continual fine-tuning of language models as Dagster assets."""


for _command in _COMMANDS:
    main.add_command(_command)
