"""Versions of installed libraries, without importing them."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from osft_assets.core.errors import ConfigError
from resources.library_versions import library_versions
from resources.training_process import TrainingProcess


@pytest.fixture
def cuda_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A library that is installed as a build for CUDA."""
    metadata = tmp_path / "pretend_torch-2.13.0+cu130.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: pretend-torch\nVersion: 2.13.0+cu130\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "pretend-torch"


def test_versions_are_those_of_the_installed_libraries() -> None:
    assert library_versions(["pydantic", "msgspec"]) == {
        "pydantic": version("pydantic"),
        "msgspec": version("msgspec"),
    }


def test_the_build_for_cuda_is_the_same_version(cuda_build: str) -> None:
    assert version(cuda_build) == "2.13.0+cu130"
    assert library_versions([cuda_build]) == {cuda_build: "2.13.0"}


def test_what_is_missing_is_named_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"no-such-library is not installed.*osft-assets\[train"):
        library_versions(["pydantic", "no-such-library"])


def test_the_trainers_count_among_the_versions() -> None:
    assert {"training-hub", "instructlab-training", "torch"} <= TrainingProcess().versions().keys()


def test_asking_for_versions_imports_no_library() -> None:
    code = (
        "import sys; from resources.training_process import TrainingProcess as T; T().versions(); "
        "print(*({'torch', 'transformers', 'training_hub'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
