"""The rules of the code base that matter enough to be enforced. Import contracts: `make imports`.
The rules of the code base that matter enough to be enforced. Import contracts: `make imports`."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import pytest
import yaml

from osft_assets.core import ports
from resources.dataset_sources import DatasetSources
from resources.evaluation_process import EvaluationProcess
from resources.model_inspector import ModelFiles
from resources.model_registry import Registries
from resources.model_sources import ModelSources
from resources.model_stores import ModelStores
from resources.prompt_process import PromptProcess
from resources.train_job_trainer import TrainJobTrainer
from resources.training_process import TrainingProcess
from resources.webhook import Webhook
from tests.fakes import (
    FakeEvaluator,
    FakeFailureHook,
    FakeInspector,
    FakeModelSource,
    FakeModelStore,
    FakePrompter,
    FakeRegistry,
    FakeSource,
    FakeTrainer,
)

ROOT = Path(__file__).parent.parent
PRODUCT = sorted([*(ROOT / "osft_assets").rglob("*.py"), *(ROOT / "resources").rglob("*.py")])
HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "training_hub",
    "lm_eval",
    "model_registry",
    "mr_openapi",
    "uvicorn",
    "pandas",
    "kubernetes",
    "dagster_k8s",
    "kubeflow_trainer_api",
    "httpx",
    "pyarrow",
    "s3fs",
)
LONGEST_FILE, LONGEST_FUNCTION = 200, 60
KNOWN_AT_THE_TOP = {
    *("osft_assets", "resources", "deployment", "tests", "pyproject.toml", "workspace.yaml"),
    *("README.md", "Makefile", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "requirements.lock"),
    *("docs", "benchmarks", ".ci", ".gitignore", ".pre-commit-config.yaml"),
}


def test_loading_the_code_location_imports_nothing_heavy() -> None:
    code = (
        "import sys, osft_assets.definitions as d; d.defs.get_repository_def(); print(*sys.modules)"
    )
    loaded = _python(code).split()

    assert "dagster" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_the_heavy_libraries_are_installed_or_the_test_above_could_not_fail() -> None:
    code = f"import importlib.util as u; print(*[n for n in {HEAVY} if not u.find_spec(n)])"

    assert _python(code).split() == []


def test_what_the_code_location_and_the_command_import_is_a_dependency() -> None:
    """Not only by luck, below another package: the control plane has nothing but these."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["kubernetes"]]
    declared = {re.split(r"[\[<>=]", line)[0].lower() for line in lines}
    code = """
import os, sys
os.environ["OSFT_EXECUTOR"] = "k8s"
import osft_assets.cli, osft_assets.definitions
for name, module in list(sys.modules.items()):
    if name.partition(".")[0] in ("osft_assets", "resources") and module.__file__:
        print(module.__file__)
"""
    imported = {name for file in _python(code).split() for name in _imported_at_once(Path(file))}
    ours = {"osft_assets", "resources"}
    packages = packages_distributions()

    strangers = {
        name
        for name in imported - ours - sys.stdlib_module_names
        if not declared & {each.lower() for each in packages.get(name, ())}
    }
    assert {"dagster", "pydantic", "psutil"} <= imported
    # By dagster, dagster-k8s and pydantic, which need them as we do.
    brought = {"yaml", "packaging", "dagster_shared", "pydantic_core", "kubernetes", "urllib3"}
    assert strangers <= brought


def _imported_at_once(file: Path) -> set[str]:
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_the_definitions_load_without_a_warning() -> None:
    code = "import osft_assets.definitions as d; d.defs.get_repository_def().asset_graph"

    assert _python(code, "-W", "error") == ""


def test_the_workspace_file_names_a_module_that_loads() -> None:
    module = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]

    assert _python(
        f"import {module['module_name']} as m; print(type(m.defs).__name__)"
    ).split() == ["Definitions"]


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_what_it_is_and_is_short(path: Path) -> None:
    source = path.read_text()
    tree = ast.parse(source)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    lengths = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, functions)
    }

    assert ast.get_docstring(tree)
    assert len(source.splitlines()) <= LONGEST_FILE
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("path", sorted((ROOT / "osft_assets/assets").glob("*.py")), ids=str)
def test_assets_catch_nothing(path: Path) -> None:
    assert not [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Try)]


def test_every_port_has_few_methods_a_fake_and_an_adapter() -> None:
    names = [
        name
        for name, value in vars(ports).items()
        if getattr(value, "_is_protocol", False) and name != "Protocol"
    ]
    stand_ins = {
        "DatasetSource": (FakeSource, DatasetSources),
        "ModelSource": (FakeModelSource, ModelSources),
        "ModelInspector": (FakeInspector, ModelFiles),
        "Trainer": (FakeTrainer, TrainingProcess, TrainJobTrainer),
        "Evaluator": (FakeEvaluator, EvaluationProcess),
        "FailureHook": (FakeFailureHook, Webhook),
        "ModelRegistry": (FakeRegistry, Registries),
        "ModelStore": (FakeModelStore, ModelStores),
        "Prompter": (FakePrompter, PromptProcess),
    }

    assert sorted(names) == sorted(stand_ins)
    for name in names:
        methods = {m for m in vars(getattr(ports, name)) if not m.startswith("_")}
        assert 1 <= len(methods) <= 3
        assert all(methods <= set(dir(stand_in)) for stand_in in stand_ins[name])


def test_the_environment_of_the_product_is_read_in_one_place() -> None:
    readers = [path.name for path in PRODUCT if re.search(r'EnvVar\(\s*"OSFT_', path.read_text())]

    assert readers == ["definitions.py"]


def test_the_top_level_holds_what_a_stranger_expects() -> None:
    listed = subprocess.run(
        ["git", "ls-tree", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")

    assert set(listed.stdout.split()) - KNOWN_AT_THE_TOP == set()


def test_the_lock_pins_torch_without_a_local_suffix_and_holds_nothing_that_breaks_it() -> None:
    pins = re.findall(
        r"^([a-z0-9._-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    pinned = dict(pins)

    assert pinned["torch"] == "2.13.0"
    assert not {"timm", "torchvision", "attr", "triton"} & set(pinned)
    assert not [name for name in pinned if name.startswith("nvidia")]


def test_the_installed_environment_lacks_exactly_what_the_lock_leaves_out() -> None:
    if not (ROOT / ".venv").exists() or not Path(sys.prefix).is_relative_to(ROOT):
        pytest.skip("another environment than the one `make setup` makes")
    complaints = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True
    ).stdout.split("\n")

    installed = {dist.metadata["Name"].lower() for dist in distributions()}
    assert not {"timm", "torchvision", "attr"} & installed
    assert sorted(filter(None, complaints)) == [
        "training-hub 0.11.2 requires attr, which is not installed.",
        "training-hub 0.11.2 requires timm, which is not installed.",
    ]


def test_the_base_install_needs_no_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]

    assert not [
        line for line in project["dependencies"] if re.match(r"torch|training|lm-eval", line)
    ]
    assert {"train", "eval", "kubernetes", "dev"} == set(extras)


def _python(code: str, *flags: str) -> str:
    """What a fresh interpreter prints; fails with its errors."""
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
