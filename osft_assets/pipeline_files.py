"""The pipelines that the files of one directory define. Which directories, `definitions` says."""

import sys
import warnings
from pathlib import Path
from types import ModuleType

import dagster as dg

from osft_assets.core.errors import ConfigError


def pipelines_in(module: ModuleType, directory: Path, project_root: Path) -> dg.Definitions:
    """All of them; a wrong file is refused. Templates may name the `project_root`."""
    with warnings.catch_warnings():  # the component loader's, about its own beta parts
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.filterwarnings("ignore", "`parse_obj_as` is deprecated", DeprecationWarning)
        # Not load_from_defs_folder: it needs a pyproject.toml, which an installed package has not,
        # and describes every component there is, which costs as much CPU as all our own loading.
        tree = dg.ComponentTree.from_module(module, project_root=project_root)
        return tree.build_defs(directory)


def own_pipelines_in(directory: Path) -> dg.Definitions:
    """Those of an installation, in a directory that is no Python package."""
    if not directory.is_dir():
        raise ConfigError(
            f"OSFT_DEFS is {directory}, which is no directory. Make it, or change OSFT_DEFS"
        )
    if not any(directory.glob("[!.]*/*.y*ml")):  # Dagster's loader fails on an empty directory
        return dg.Definitions()
    module = ModuleType("osft_own_pipelines")
    module.__file__ = None
    module.__path__ = [str(directory)]
    sys.modules[module.__name__] = module  # the loader asks for it by name
    return pipelines_in(module, directory, directory)
