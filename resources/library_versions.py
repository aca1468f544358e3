"""Which versions of libraries are installed, without importing them."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from osft_assets.core.errors import ConfigError

# The trainers and what they compute with.
TRAINING_LIBRARIES = (
    *("training-hub", "rhai-innovation-mini-trainer", "instructlab-training"),
    *("torch", "transformers"),
)


def library_versions(names: Sequence[str]) -> dict[str, str]:
    """Public versions: the CPU and the CUDA build of one torch are the same torch."""
    try:
        return {name: version(name).partition("+")[0] for name in names}
    except PackageNotFoundError as missing:
        raise ConfigError(
            f"{missing.name} is not installed where this step runs. Install osft-assets[train]"
        ) from None


def installed_versions(names: Sequence[str]) -> dict[str, str]:
    """The same, of those that are there."""
    found = {}
    for name in names:
        try:
            found[name] = version(name).partition("+")[0]
        except PackageNotFoundError:
            continue
    return found
