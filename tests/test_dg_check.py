"""`dg check yaml`, as an editor's user runs it, on a copy of this project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT

WRONG = """type: osft_assets.component.FineTunePipeline
attributes:
  name: weekly
  algorithm: lora
  dataset: {data_split: 1.5}
  train:
    num_epochs: "abc"
    num_epoch: 1
  trian: {}
  pod:
    cpu: 8
"""
FINE = """type: osft_assets.component.FineTunePipeline
attributes:
  name: weekly
  dataset:
    data_uri: "{{ context.project_root }}/rows.jsonl"
    subset: "{{ env.ROWS }}"
  train:
    # num_epochs: 2
  schedule: 0 6 * * 1
  registry: skip
requirements:
  env: [ROWS]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "osft_assets", tmp_path / "osft_assets")
    shutil.copytree(ROOT / "resources", tmp_path / "resources")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "osft_assets/defs/weekly").mkdir()
    return tmp_path


def check(project: Path, text: str) -> subprocess.CompletedProcess[str]:
    (project / "osft_assets/defs/weekly/defs.yaml").write_text(text)
    return subprocess.run(
        [Path(sys.executable).with_name("dg"), "check", "yaml", "osft_assets/defs/weekly"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=110,
    )


def test_a_fine_file_with_templates_is_fine(project: Path) -> None:
    done = check(project, FINE)

    assert done.returncode == 0, done.stdout
    assert "All component YAML validated successfully." in done.stdout


def test_each_wrong_key_is_told_of_with_its_line_and_column(project: Path) -> None:
    done = check(project, WRONG)

    told = re.findall(r"defs\.yaml:(\d+) - \S+ (attributes\S*) (.*)\n", done.stdout)
    carets = re.findall(r"\|( +)\^ (.*)\n", done.stdout)
    assert done.returncode == 1
    assert sorted(told) == sorted(
        [
            ("4", "attributes.algorithm", "'lora' is not one of ['osft', 'sft']"),
            ("5", "attributes.dataset.data_split", "1.5 is greater than the maximum of 1"),
            *[
                (line, f"attributes.{key}", f"Additional properties are not allowed ({was})")
                for line, key, was in (("9", "trian", "'trian' was unexpected"),)
            ],
        ]
    )
    assert {(len(blank) - 1, message[:14]) for blank, message in carets} == {
        (2, "'lora' is not "),
        (12, "1.5 is greater"),
        (2, "Additional pro"),
    }


def test_settings_of_the_algorithm_are_told_of_too(project: Path) -> None:
    done = check(project, WRONG.replace("lora", "osft"))

    told = re.findall(r"defs\.yaml:(\d+) - \S+ (attributes\.train\S*) (.*)\n", done.stdout)
    assert sorted(told) == [
        ("7", "attributes.train.num_epochs", "'abc' is not of type 'integer'"),
        (
            "8",
            "attributes.train.num_epoch",
            "Additional properties are not allowed ('num_epoch' was unexpected)",
        ),
    ]
