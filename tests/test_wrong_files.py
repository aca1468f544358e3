"""A YAML file that is wrong in any way is a line that says where, and repeats no value."""

import importlib
import shutil
import sys
import warnings
from pathlib import Path

import dagster as dg
import pytest
from pydantic import TypeAdapter, ValidationError

from osft_assets.beginnings import with_beginnings
from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.pipeline import build_pipeline
from osft_assets.wrong_files import short_lines
from tests.commands import ROOT, osft_assets

TYPE = "type: osft_assets.component.FineTunePipeline\n"
GOOD = f"{TYPE}attributes:\n  name: weekly\n"
PLACE = "lessons/defs/weekly/defs.yaml"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only defs.yaml of a project of its own."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "lessons"\n'
    )
    (tmp_path / "lessons/defs/weekly").mkdir(parents=True)
    (tmp_path / "lessons/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "lessons"]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()
    return tmp_path / PLACE


def load(project: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dg.ComponentTree.for_project(project).build_defs(project / "lessons" / "defs")


def said_of(file: Path) -> str:
    """What is said of a project with this file, without the directories above it."""
    project = file.parents[3]
    with pytest.raises(Exception) as found:  # noqa: PT011 - of all kinds
        load(project)
    return short_lines(found.value).replace(f"{project}/", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"{GOOD}  registry: skp\n",
            ":4:3: attributes.registry: expected 'skip', or settings",
        ),
        (
            f"{GOOD}  registry: no\n",
            ":4:3: attributes.registry: expected 'skip', or settings",
        ),
        (
            f"{GOOD}  algorithm: oft\n",
            ":4:3: attributes.algorithm: Input should be 'osft' or 'sft'",
        ),
        (
            f"{GOOD}  pod_: {{}}\n",
            ":4:3: attributes.pod_: there is no such setting. Known ones: ",
        ),
        (f"{TYPE}attributes:\n  start_from: x\n", ":2:1: attributes.name: it is missing."),
        (TYPE, ":1:1: attributes.name: it is missing."),
        (f"{TYPE}attributes: [a]\n", ":2: attributes: Input should be an object."),
        (f"{GOOD}train: {{}}\n", ":4: train: there is no such key beside type and attributes."),
        (GOOD.removeprefix(TYPE), ":1: type: Field required."),
        (
            GOOD.replace("FineTunePipeline", "FineTunePipelin"),
            ": type: Module `osft_assets.component` has no attribute `FineTunePipelin`.",
        ),
        (GOOD.replace("component", "componnt"), ": type: Module `osft_assets.componnt` not found."),
        (GOOD.replace("osft_assets.component.", ""), ": type: Invalid component type name: `Fine"),
        (GOOD.replace("FineTunePipeline", "Path"), ": type: Component type osft_assets.component"),
        (f"{GOOD}\ttrain: 1\n", r":4: this is no YAML: found character '\t' that cannot start any"),
        (f"{GOOD}  train: {{a: 1\n", ":5: this is no YAML: expected ',' or '}', but got '<stream"),
        ("- a\n", ":1: Input should be an object."),
        ("", ": it is empty. Expected type and attributes."),
        (f"{GOOD}  start_from: a\0b\n", ": this is no YAML: it is not all text in UTF-8."),
    ],
)
def test_a_wrong_file_is_one_line_with_the_file_and_the_key(
    file: Path, text: str, expected: str
) -> None:
    file.write_text(text)

    said = said_of(file)

    assert said.startswith(f"{PLACE}{expected}")
    assert len(said.splitlines()) == 1


def test_text_of_another_encoding_is_named(file: Path) -> None:
    file.write_bytes(GOOD.encode("utf-16"))

    assert said_of(file) == f"{PLACE}: this is no YAML: it is not all text in UTF-8."


def test_every_wrong_key_is_a_line(file: Path) -> None:
    file.write_text(f"{GOOD}  trian: 1\n  pod_: 2\n")

    first, second = said_of(file).splitlines()

    assert first.startswith(f"{PLACE}:4:3: attributes.trian: ")
    assert second.startswith(f"{PLACE}:5:3: attributes.pod_: ")


@pytest.mark.parametrize(
    "text",
    [
        f"{GOOD}  trian: hunter2\n",
        f"{GOOD}  registry: hunter2\n",
        f"{GOOD}  base_model: [hunter2]\n",
        f"{GOOD}  start_from: '{{{{ hunter2 }}}}'\n",
        f"{GOOD}  start_from: *hunter2\n",
        f"{GOOD}  start_from: !hunter2 x\n",
        f"{GOOD}  start_from: !hunt'er2 x\n",
        f"{GOOD}  start_from: !hunter2!x y\n",
        f"{GOOD}  start_from: &hunter2 x\n  algorithm: &hunter2 x\n",
        f"{GOOD}\ttoken: hunter2\n",
        f"{GOOD}  dataset: {{token: hunter2\n",
        f"{GOOD}token: hunter2\n",
        f"{TYPE}attributes: hunter2\n",
        "hunter2\n",
    ],
)
def test_a_password_in_a_wrong_file_is_not_repeated(file: Path, text: str) -> None:
    file.write_text(text)

    said = said_of(file)

    assert said.startswith(PLACE)
    assert "er2" not in said


def test_what_is_not_about_a_file_is_not_shortened() -> None:
    with pytest.raises(ValidationError) as ours:
        TypeAdapter(int).validate_python("x")

    for problem in (ours.value, RuntimeError("a bug"), dg.DagsterInvalidDefinitionError("a bug")):
        assert short_lines(problem) == ""


def test_a_module_that_cannot_be_imported_is_not_called_a_wrong_type(file: Path) -> None:
    (file.parents[2] / "own.py").write_text("import surely_not_installed")
    file.write_text("type: lessons.own.Thing\n")

    assert said_of(file) == ""


def test_two_files_that_define_the_same_pipeline_are_refused_when_loading() -> None:
    one, other = (
        build_pipeline(PipelineRecipe(name="osft", defined_in=f"{name}.yaml")) for name in "ab"
    )

    with pytest.raises(ConfigError, match="More than one defs.yaml defines the pipeline osft"):
        with_beginnings(dg.Definitions.merge(one, other))


def test_a_misspelt_key_is_one_line_on_the_command_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "osft_assets", tmp_path / "osft_assets")
    with (tmp_path / "osft_assets/defs/osft/defs.yaml").open("a") as yaml:
        yaml.write("  trian: {num_epochs: 2}\n")

    done = osft_assets("history", "osft", directory=tmp_path)

    assert done.returncode == 1
    assert done.stderr.strip() == (
        "Error: osft_assets/defs/osft/defs.yaml:8:3: attributes.trian: there is no such setting. "
        "Known ones: algorithm, base_model, dataset, evaluate, evaluation_pod, freshness, gate, "
        "name, owners, pod, registry, retrain_on_new_data, retry, schedule, start_from, tags, "
        "train."
    )
