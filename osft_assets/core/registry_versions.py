"""Which version a registration gets.

A version never changes its weights: the same weights asked for again are the version that is there,
other weights are refused or get a number of their own.
"""

from collections.abc import Mapping
from itertools import count

from osft_assets.core.errors import RegistryError

# The old pipelines' default, which they never changed: it means the first free patch from here on.
FIRST_VERSION = "1.0.0"


def choose_version(name: str, asked: str, fingerprint: str, taken: Mapping[str, str]) -> str:
    """The version to register as. `taken`: version -> the fingerprint of its weights."""
    if asked == FIRST_VERSION:
        return _of_these_weights(fingerprint, taken) or _first_free(taken)
    found = taken.get(asked)
    if found is not None and found != fingerprint:
        raise RegistryError(
            f"{name} {asked} is already registered with other weights ({found or 'unknown'}, these "
            f"are {fingerprint}). Set registry.reg_version to a version that is free; "
            f"{FIRST_VERSION} takes the next free one by itself"
        )
    return asked


def _of_these_weights(fingerprint: str, taken: Mapping[str, str]) -> str:
    return next((version for version, known in taken.items() if known == fingerprint), "")


def _first_free(taken: Mapping[str, str]) -> str:
    major, minor, patch = FIRST_VERSION.split(".")
    patches = (f"{major}.{minor}.{number}" for number in count(int(patch)))
    return next(version for version in patches if version not in taken)
