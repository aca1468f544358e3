"""Which version a registration gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.errors import RegistryError
from osft_assets.core.registry_versions import choose_version

_FINGERPRINTS = st.sampled_from(["a", "b", "c", ""])
_TAKEN = st.dictionaries(st.sampled_from(["0.9.0", "1.0.0", "1.0.1", "1.0.3"]), _FINGERPRINTS)


def test_the_first_model_is_the_version_asked_for() -> None:
    assert choose_version("m", "1.0.0", "a", {}) == "1.0.0"
    assert choose_version("m", "2.3.4", "a", {}) == "2.3.4"


def test_the_default_takes_the_first_free_patch() -> None:
    assert choose_version("m", "1.0.0", "c", {"1.0.0": "a", "1.0.1": "b"}) == "1.0.2"
    assert choose_version("m", "1.0.0", "c", {"1.0.0": "a", "1.0.2": "b"}) == "1.0.1"


def test_weights_that_are_there_stay_the_version_they_are() -> None:
    assert choose_version("m", "1.0.0", "b", {"1.0.0": "a", "1.0.1": "b"}) == "1.0.1"
    assert choose_version("m", "2.0.0", "b", {"2.0.0": "b"}) == "2.0.0"


def test_a_named_version_is_made_also_of_weights_with_another_one() -> None:
    assert choose_version("m", "2.0.0", "a", {"1.0.0": "a"}) == "2.0.0"


@pytest.mark.parametrize("known", ["b", ""])
def test_a_named_version_with_other_weights_is_refused(known: str) -> None:
    with pytest.raises(RegistryError, match="m 2.0.0 is already registered with other weights"):
        choose_version("m", "2.0.0", "a", {"2.0.0": known})


@given(taken=_TAKEN, fingerprint=st.sampled_from(["a", "b", "d"]))
def test_the_default_never_names_a_version_of_other_weights(
    taken: dict[str, str], fingerprint: str
) -> None:
    version = choose_version("m", "1.0.0", fingerprint, taken)

    assert taken.get(version, fingerprint) == fingerprint
    assert (version in taken) == (fingerprint in taken.values())
