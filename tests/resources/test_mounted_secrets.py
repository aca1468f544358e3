"""Secrets as Kubernetes mounts them: files, beside which it keeps links of its own."""

from pathlib import Path

import pytest

from osft_assets.core.errors import ConfigError
from resources.mounted_secrets import take_secrets


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """As the kubelet lays it out: every key is a link through "..data"."""
    hub = tmp_path / "hub"
    version = hub / "..2026_11_22"
    version.mkdir(parents=True)
    (version / "HF_TOKEN").write_text("hf_secret")
    (version / "tls.crt").write_text("a certificate")
    (hub / "..data").symlink_to(version.name)
    for key in ("HF_TOKEN", "tls.crt"):
        (hub / key).symlink_to(f"..data/{key}")
    return hub


def test_every_key_that_is_a_variables_name_becomes_one(mount: Path) -> None:
    environment = {"OSFT_SECRET_DIRECTORIES": str(mount), "PATH": "/bin"}

    take_secrets(environment, {})

    assert environment == {
        **{"OSFT_SECRET_DIRECTORIES": str(mount), "PATH": "/bin"},
        "HF_TOKEN": "hf_secret",
    }


def test_the_later_secret_counts_and_what_was_set_by_name_stays(
    mount: Path, tmp_path: Path
) -> None:
    later = tmp_path / "later"
    later.mkdir()
    (later / "HF_TOKEN").write_text("newer")
    (later / "MODE").write_text("of the secret\n")
    environment = {"OSFT_SECRET_DIRECTORIES": f"{mount}:{later}", "MODE": "by name", "OTHER": "o"}

    take_secrets(environment, {"MODE": "by name"})

    assert (environment["HF_TOKEN"], environment["MODE"]) == ("newer", "by name")
    take_secrets(environment, {})
    assert environment["MODE"] == "of the secret\n"  # envFrom keeps the end of the line too


def test_without_secrets_nothing_changes() -> None:
    environment = {"PATH": "/bin"}

    take_secrets(environment, {})

    assert environment == {"PATH": "/bin"}


def test_a_secret_that_is_not_mounted_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the secret absent is not mounted. Look whether it exi"):
        take_secrets({"OSFT_SECRET_DIRECTORIES": str(tmp_path / "absent")}, {})


def test_a_value_that_no_variable_can_hold_is_refused_without_telling_it(mount: Path) -> None:
    (mount / "..data/HF_TOKEN").write_bytes(b"confidential\0")

    with pytest.raises(ConfigError, match="key HF_TOKEN of the secret hub") as no:
        take_secrets({"OSFT_SECRET_DIRECTORIES": str(mount)}, {})

    assert "confidential" not in str(no.value)
