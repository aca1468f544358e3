"""`osft-assets run-config`, and settings of one run on the command line."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from click.testing import CliRunner, Result

from osft_assets.cli import main
from osft_assets.code_location import job_definition
from osft_assets.run_settings import read_settings, read_yaml, with_settings
from tests.commands import osft_assets

_OLD = {
    "phase_01_dataset_man_data_uri": "pvc://rows.jsonl",
    "phase_02_train_man_train_epochs": 2.0,
    "phase_02_train_opt_labels": "team=a",
    "phase_02_train_opt_env_vars": 'NCCL_IB_HCA="mlx5_0,mlx5_1",X=1',
    "phase_04_registry_man_address": "",
}
_COMPONENT = {
    "pvc_path": "/mnt",
    "training_algorithm": "SFT",
    "training_num_epochs": 3,
    "training_data_output_dir": "/dev/shm/rows",
    "training_unfreeze_rank_ratio": 0.25,
    "training_seed": None,
}


def _run_config(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["run-config", *arguments])


def _file(directory: Path, parameters: Any) -> str:
    path = directory / "old.json"
    path.write_text(json.dumps(parameters))
    return str(path)


def test_old_parameters_become_run_config_of_the_job(tmp_path: Path) -> None:
    done = _run_config(_file(tmp_path, {"runtimeConfig": {"parameters": _OLD}}))

    assert done.exit_code == 0, done.output
    config = yaml.safe_load(done.stdout)
    assert config["phase_02_train_man_train_epochs"] == 2
    assert config["phase_02_train_opt_env_vars"] == {"NCCL_IB_HCA": "mlx5_0,mlx5_1", "X": "1"}
    assert dg.validate_run_config(job_definition("osft_pipeline"), config)
    assert "phase_04_registry_man_address: Empty = the local registry" in done.stderr
    assert "Next: osft-assets run osft --config" in done.stderr


def test_a_components_parameters_become_run_config_too(tmp_path: Path) -> None:
    done = _run_config(_file(tmp_path, _COMPONENT), "--output", str(tmp_path / "new.yaml"))

    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    config = read_settings(tmp_path / "new.yaml")
    assert config == {
        "phase_02_train_man_epochs": 3,
        "train": {"data_output_dir": "/dev/shm/rows"},
    }
    rows = {"phase_01_dataset_man_data_uri": "pvc://rows.jsonl"}
    assert dg.validate_run_config(job_definition("sft_pipeline"), config | rows)
    left_out = done.stderr.partition("Left out:")[2]
    assert "pvc_path: The workspace" in left_out
    assert "training_unfreeze_rank_ratio: sft has no such setting" in left_out
    assert "dataset.data_uri: where the rows are" in done.stderr


def test_run_config_of_any_other_pipeline_is_nested(tmp_path: Path) -> None:
    old = {name: value for name, value in _OLD.items() if "labels" not in name}

    done = _run_config(_file(tmp_path, old), "--pipeline", "demo", "--json")

    assert done.exit_code == 0, done.output
    config = json.loads(done.stdout)
    assert config["ops"]["demo__training"]["config"]["train"] == {"num_epochs": 2}
    assert dg.validate_run_config(job_definition("demo_pipeline"), config)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"phase_02_train_opt_seeed": 1}, "Did you mean phase_02_train_opt_seed?"),
        ({"phase_02_train_opt_seed": 1}, "Say which: --pipeline"),
        ({"phase_02_train_man_train_epochs": 0}, "phase_02_train_man_train_epochs: Input should"),
        ({"training_envs": "TOKEN=hunter2"}, "training_envs: TOKEN looks like a secret"),
        ({"phase_02_train_opt_hf_token": "hunter2", "training_seed": 1}, "Say which"),
        ({"training_algorithm": "SFT", "phase_02_train_opt_hf_token": "hunter2"}, "not a token"),
        ([1, 2], "expected NAME: VALUE pairs"),
    ],
)
def test_a_wrong_file_is_refused_in_lines(tmp_path: Path, parameters: Any, expected: str) -> None:
    done = _run_config(_file(tmp_path, parameters))

    assert done.exit_code == 1
    assert expected in done.output
    assert done.output.startswith("Error: ")
    assert "hunter2" not in done.output
    assert "Traceback" not in done.output


def test_what_is_no_yaml_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text("phase_02_train_opt_seed: 1\nphase_02_train_opt_hf_token: [hunter2\n")

    done = _run_config(str(path))

    assert done.exit_code == 1
    assert "old.yaml: this is neither YAML nor JSON in line 3" in done.output
    assert "hunter2" not in done.output


@pytest.mark.parametrize(
    ("job", "settings", "expected"),
    [
        (
            "osft_pipeline",
            [
                "phase_02_train_man_train_epochs=2",
                "train.seed=7",
                "train.freeze_unconstrained=true",
            ],
            {
                "phase_02_train_man_train_epochs": 2,
                "phase_02_train_opt_seed": 7,
                "train": {"freeze_unconstrained": True},
            },
        ),
        (
            "osft_pipeline",
            [
                "train.learning_rate=1e-5",
                "pod.cpu=16",
                "registry.reg_name=2024",
                "registry.port=90",
            ],
            {
                "phase_02_train_opt_learning_rate": 1e-5,
                "phase_02_train_opt_cpu": 16,
                "phase_04_registry_man_reg_name": "2024",
                "phase_04_registry_opt_port": 90,
            },
        ),
        (
            "osft_pipeline",
            ["pod.env_vars=A=1,B=2", "train.target_patterns=[q_proj]", "registry.description="],
            {
                "phase_02_train_opt_env_vars": "A=1,B=2",
                "phase_02_train_opt_target_patterns": ["q_proj"],
                "phase_04_registry_opt_description": "",
            },
        ),
        (
            "demo_pipeline",
            ["train.num_epochs=2", "pod.gpu=0", "evaluate.limit=5"],
            {
                "ops": {
                    "demo__training": {"config": {"train": {"num_epochs": 2}, "pod": {"gpu": 0}}},
                    "demo__base_scores": {"config": {"limit": 5}},
                    "demo__scores": {"config": {"limit": 5}},
                    "demo__champion_scores": {"config": {"limit": 5}},
                }
            },
        ),
    ],
)
def test_a_setting_is_put_where_its_job_looks_for_it(
    job: str, settings: list[str], expected: dict[str, Any]
) -> None:
    found = with_settings(job_definition(job), {}, settings)

    assert found == expected


def test_a_setting_overrules_the_file_and_leaves_it_as_it_was() -> None:
    file = {"ops": {"demo__training": {"config": {"train": {"num_epochs": 2, "seed": 1}}}}}

    found = with_settings(job_definition("demo_pipeline"), file, ["train.num_epochs=3"])

    train = {"num_epochs": 3, "seed": 1}
    assert found == {"ops": {"demo__training": {"config": {"train": train}}}}
    assert file["ops"]["demo__training"]["config"]["train"]["num_epochs"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["osft", "--set", "train.epochs=2"], 2, "Did you mean train.num_epochs?"),
        (["demo", "--set", "train.num_epoch=2"], 2, "Did you mean train.num_epochs?"),
        (["osft", "--set", "train.num_epochs"], 2, "expected NAME=VALUE"),
        (["osft", "--set", "train.num_epochs=0"], 1, "phase_02_train_man_train_epochs: Input"),
        (["osft", "--set", "train.num_epochs=x"], 1, "phase_02_train_man_train_epochs: expected I"),
        (["demo", "--set", "train.num_epochs=x"], 1, "train.num_epochs: expected Int."),
        (["osft", "--set", "dataset.hf_token=hunter2"], 1, "phase_01_dataset_opt_hf_token: expect"),
        (["demo", "--set", "registry.token=hunter2"], 1, "not a token itself"),
    ],
)
def test_a_wrong_setting_is_one_line_and_no_run(
    arguments: list[str], code: int, expected: str
) -> None:
    done = CliRunner().invoke(main, ["run", *arguments])

    assert done.exit_code == code
    line = done.output.strip().splitlines()[-1]
    assert line.startswith("Error: ")
    assert expected in line
    assert "hunter2" not in done.output


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"phase_02_train_man_epochs": 2}, "there is no setting 'phase_02_train_man_epochs' here"),
        ({"train": {"num_epochs": 2}}, "train: there is no setting 'num_epochs' here"),
        ({"phase_02_train_opt_seed": "x"}, "phase_02_train_opt_seed: expected Int"),
    ],
)
def test_a_wrong_config_file_is_refused(tmp_path: Path, config: Any, expected: str) -> None:
    done = CliRunner().invoke(main, ["run", "osft", "--config", _file(tmp_path, config)])

    assert done.exit_code == 1
    assert expected in done.output


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1e-5", 1e-5), ("5e-06", 5e-6), ("1.5E3", 1500.0), ("1", 1), ("true", True), ("a", "a")],
)
def test_numbers_are_read_as_people_write_them(text: str, expected: Any) -> None:
    found = read_yaml(text)

    assert (type(found), found) == (type(expected), expected)


def test_what_run_config_writes_is_what_run_takes(tmp_path: Path) -> None:
    """The run starts, and fails for its rows, which are not there."""
    old = {**_OLD, "phase_02_train_man_train_model": str(tmp_path / "no_model")}
    del old["phase_02_train_opt_labels"]
    new = tmp_path / "new.yaml"
    assert _run_config(_file(tmp_path, old), "--output", str(new)).exit_code == 0

    done = osft_assets("run", "osft", "--config", str(new), OSFT_WORKSPACE=str(tmp_path / "space"))

    assert done.returncode == 1
    assert "FAILED osft__dataset" in done.stderr
    assert "rows.jsonl" in done.stderr
