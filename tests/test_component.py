"""From a YAML document to a pipeline, in a project of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOAD = """
import sys, warnings
from pathlib import Path
import dagster as dg
warnings.simplefilter("ignore")
here = Path(sys.argv[1])
sys.path.insert(0, str(here))
defs = dg.ComponentTree.for_project(here).build_defs(here / "lessons" / "defs")
repository = dg.Definitions.merge(defs, dg.Definitions(resources={
    "workspace": 0, "dataset_source": 0, "model_source": 0, "model_inspector": 0, "trainer": 0,
    "evaluator": 0, "model_registry": 0, "model_store": 0, "git_commit": "",
    "io_manager": dg.mem_io_manager})).get_repository_def()
print(*sorted(key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()))
"""


ROWS = "  name: weekly\n  dataset: {data_uri: pvc://rows.jsonl}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "lessons"\n'
    )
    (tmp_path / "lessons/defs/weekly").mkdir(parents=True)
    (tmp_path / "lessons/__init__.py").touch()
    return tmp_path


def _load(project: Path, attributes: str) -> subprocess.CompletedProcess[str]:
    (project / "lessons/defs/weekly/defs.yaml").write_text(
        f"type: osft_assets.component.FineTunePipeline\nattributes:\n{attributes}"
    )
    return subprocess.run(
        [sys.executable, "-c", LOAD, str(project)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_new_directory_is_a_new_pipeline(project: Path) -> None:
    done = _load(project, "  name: weekly\n")

    assert done.stdout.split() == [
        "weekly/base_model",
        "weekly/base_scores",
        "weekly/champion",
        "weekly/champion_scores",
        "weekly/checkpoint",
        "weekly/forgetting_report",
        "weekly/holdout_split",
        "weekly/registry_entry",
        "weekly/scores",
        "weekly/train_split",
        "weekly/training_metrics",
    ]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            "  name: weekly\n  dataset: {data_split: 1.5}\n",
            "lessons/defs/weekly/defs.yaml:4:13: attributes.dataset.data_split: Input should be",
        ),
        (
            "  name: weekly\n  dataset: {data_spilt: 0.9}\n",
            "attributes.dataset.data_spilt: there is no such setting. Known ones: data_split,",
        ),
        (
            "  name: weekly\n  train: {unfreeze_rank_ratio: 1}\n",
            "attributes.train.unfreeze_rank_ratio: Input should be less than 1",
        ),
        (
            "  name: weekly\n  algorithm: sft\n  train: {unfreeze_rank_ratio: 0.5}\n",
            "attributes.train.unfreeze_rank_ratio: there is no such setting",
        ),
        ("  name: Weekly Run\n", "attributes.name: expected lower-case letters"),
        ("  name: weekly\n  algorithm: lora\n", "'osft' or 'sft'"),
        ("  name: weekly\n  registry: {reg_nam: x}\n", "attributes.registry.reg_nam: there is no"),
        ("  name: weekly\n  registry: {reg_version: v1}\n", "expected a semantic version"),
        ("  name: weekly\n  registry: {force: I know}\n", "registry.force is for one run"),
        ("  name: weekly\n  registry: never\n", "'skip'"),
        ("  name: weekly\n  registry: no\n", "expected 'skip', or settings, such as address, port"),
        (
            "  name: weekly\n  base_model: [a, b]\n",
            "expected a value of base_model, or settings",
        ),
        ("  name: weekly\n  trian: {}\n", "there is no such setting. Known ones: algorithm, base"),
        ("  name: weekly\n  registry: {address: 'http://x:y@z'}\n", "it carries a credential"),
        (f"{ROWS}  schedule: every monday\n", "attributes.schedule.cron: no such time. Expected"),
        (f"{ROWS}  schedule: 0 0 30 2 *\n", "attributes.schedule.cron: no such time. Expected"),
        (
            f"{ROWS}  schedule: {{cron: '@daily', timezone: Berlin}}\n",
            "attributes.schedule.timezone: there is no such time zone. Expected a name such as",
        ),
        ("  name: weekly\n  schedule: '@daily'\n", "schedule would fail at every tick: dataset"),
        ("  name: weekly\n  retrain_on_new_data: true\n", "would fail at every tick: dataset"),
        (f"{ROWS}  retrain_on_new_data: 5\n", "attributes.retrain_on_new_data"),
    ],
)
def test_a_wrong_value_is_refused_with_the_file_and_the_key(
    project: Path, attributes: str, expected: str
) -> None:
    done = _load(project, attributes)

    assert done.returncode == 1
    assert expected in done.stderr


def test_a_token_in_the_file_is_refused_without_being_repeated(project: Path) -> None:
    done = _load(project, "  name: weekly\n  dataset: {hf_token: hf_hunter2hunter2}\n")

    assert done.returncode == 1
    assert "expected the name of an environment variable" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    "attributes",
    [
        "  name: weekly\n  data_uri: https://bob:hunter2@example.org/rows.jsonl\n",
        "  name: weekly\n  dataset: https://bob:hunter2@example.org/rows.jsonl\n",
        "  name: weekly\n  dataset: {data_uri: https://bob:hunter2@example.org/rows.jsonl}\n",
        "  name: weekly\n  dataset: {token: hunter2}\n",
        "  name: weekly\n  algorithm: hunter2\n",
        "  name: weekly\n  registry: hunter2\n",
        "  name: weekly\n  base_model: [hunter2]\n",
    ],
)
def test_a_password_in_the_wrong_place_is_refused_without_being_repeated(
    project: Path, attributes: str
) -> None:
    done = _load(project, attributes)

    assert done.returncode == 1
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("registry", ["skip", "{skip: true}", "{address: registry, port: 9090}"])
def test_a_pipeline_says_where_its_model_is_registered_or_that_it_is_not(
    project: Path, registry: str
) -> None:
    done = _load(project, f"  name: weekly\n  registry: {registry}\n")

    assert done.returncode == 0, done.stderr


def test_numbers_where_text_is_meant_are_fine(project: Path) -> None:
    done = _load(project, "  name: weekly\n  dataset: {s3_region: 5, data_uri: s3://abc/rows/}\n")

    assert done.returncode == 0, done.stderr
