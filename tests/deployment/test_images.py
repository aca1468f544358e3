"""The Dockerfiles, as text: nothing here can build them. The control image's contents are built and
run by the test cluster, with the same install.sh.
"""

import re
import subprocess
from pathlib import Path

import pytest

from tests.deployment.parts import IMAGES, ROOT

_DOCKERFILES = sorted(IMAGES.glob("*/Dockerfile"))


@pytest.mark.parametrize("file", _DOCKERFILES, ids=lambda file: file.parent.name)
def test_an_image_runs_as_a_number_that_is_not_root(file: Path) -> None:
    users = re.findall(r"(?m)^USER (\S+)$", file.read_text())

    assert users[-1] == "10001:0"


@pytest.mark.parametrize("file", _DOCKERFILES, ids=lambda file: file.parent.name)
def test_what_an_image_is_made_of_is_there_and_its_base_has_a_version(file: Path) -> None:
    text = file.read_text()
    sources = re.findall(r"(?:COPY (?:--\S+ )?|/source/)(deployment/\S+)", text)

    assert sources
    assert [one for one in sources if not (ROOT / one).exists()] == []
    for base in re.findall(r"(?m)^FROM (\S+)", text):
        assert re.search(r":[\w.-]*\d", base) or base == "${CONTROL}"


def test_what_a_gpu_needs_comes_beside_the_lock_and_does_not_argue_with_it() -> None:
    def pins(text: str) -> dict[str, str]:
        return dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", text))

    cuda = pins((IMAGES / "trainer/requirements-cuda.txt").read_text())
    lock = pins((ROOT / "requirements.lock").read_text())
    left_out = re.search(r"exclude-dependencies = \[(.*?)\n\]", _pyproject(), re.S)

    assert cuda.keys() & lock.keys() == set()
    assert left_out
    for name in re.findall(r'"((?:nvidia|cuda|triton)[\w-]*)"', left_out[1]):
        assert name in cuda


def test_the_trainer_has_the_torch_of_the_project() -> None:
    said = re.search(r"torch==([\d.]+)", (IMAGES / "trainer/requirements-cuda.txt").read_text())

    assert said
    assert f'"torch=={said[1]}"' in _pyproject()


def test_the_stand_in_for_nslookup_finds_a_name() -> None:
    script = IMAGES / "control/nslookup"
    done = subprocess.run(["sh", script, "localhost"], capture_output=True, text=True)

    assert done.returncode == 0
    assert "localhost" in done.stdout


def _pyproject() -> str:
    return (ROOT / "pyproject.toml").read_text()
