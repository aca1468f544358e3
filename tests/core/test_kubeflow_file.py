"""The parameters of a Kubeflow run: found in its file, and told to which pipeline they belong."""

from typing import Any

import pytest

from osft_assets.core.errors import ConfigError
from osft_assets.core.kubeflow_file import algorithm_of, parameters_of, refuse_unknown_names
from osft_assets.core.kubeflow_translation import translate

_SEED = {"phase_02_train_opt_seed": 7}


@pytest.mark.parametrize(
    "document",
    [
        _SEED,
        {"parameters": _SEED},
        {"runtimeConfig": {"parameters": _SEED}},
        {"runtime_config": {"parameters": _SEED, "pipeline_root": "s3://bucket"}},
        {"display_name": "run 7", "runtimeConfig": {"parameters": _SEED}},
        {"parameters": [{"name": "phase_02_train_opt_seed", "value": 7}]},
        [{"name": "phase_02_train_opt_seed", "value": 7}],
    ],
)
def test_parameters_are_found_in_what_kubeflow_wraps_around_them(document: Any) -> None:
    assert parameters_of(document) == _SEED


@pytest.mark.parametrize("document", [None, {}, [], "seed", [1]])
def test_a_file_without_parameters_is_refused(document: Any) -> None:
    with pytest.raises(ConfigError, match="expected parameters"):
        parameters_of(document)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"phase_02_train_man_train_epochs": 1}, "osft"),
        ({"phase_02_train_man_epochs": 1, **_SEED}, "sft"),
        ({"training_num_epochs": 1}, "osft"),
        ({"training_algorithm": "SFT", "training_num_epochs": 1}, "sft"),
        ({"training_algorithm": "OSFT", "training_backend": "mini-trainer"}, "osft"),
        ({"training_algorithm": None, "training_save_samples": None}, "osft"),
    ],
)
def test_the_names_tell_the_algorithm(parameters: dict[str, Any], expected: str) -> None:
    assert algorithm_of(parameters) == expected


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (_SEED, "fit OSFT and SFT. Say which: --pipeline"),
        ({"training_save_samples": 5}, "fit OSFT and SFT"),
        ({"training_backend": "instructlab-training"}, "fit OSFT and SFT"),
        ({"training_algorithm": "LORA"}, "expected OSFT or SFT"),
        (
            {"phase_02_train_man_train_epochs": 1, "phase_02_train_man_epochs": 1},
            "phase_02_train_man_train_epochs is of the OSFT pipeline only",
        ),
    ],
)
def test_what_tells_no_algorithm_is_refused(parameters: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        algorithm_of(parameters)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("phase_02_train_man_train_epoch", "Did you mean phase_02_train_man_train_epochs?"),
        ("training_num_epoch", "Did you mean training_num_epochs?"),
        ("colour", "See docs/kubeflow.md"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: .*") as refused:
        refuse_unknown_names(["training_seed", name])

    assert expected in str(refused.value)


def test_values_come_out_in_their_types() -> None:
    """Kubeflow's JSON has no integers, and its forms only text."""
    given = {
        "phase_02_train_man_train_epochs": 2.0,
        "phase_02_train_man_train_batch": "64",
        "phase_02_train_opt_use_liger": "false",
        "phase_02_train_opt_env_vars": 'A="1,2"',
        "phase_03_eval_opt_gen_kwargs": '{"max_tokens": 5}',
    }

    assert translate(given, "osft").settings == {
        "train": {"num_epochs": 2, "effective_batch_size": 64, "use_liger": False},
        "pod": {"env_vars": {"A": "1,2"}},
        "evaluate": {"gen_kwargs": {"max_tokens": 5}},
    }


def test_what_means_something_else_is_said_only_of_what_is_there() -> None:
    found = translate({"phase_04_registry_man_address": "", **_SEED, "training_seed": None}, "osft")

    assert [line.split(":")[0] for line in found.changed] == [
        "phase_04_registry_man_address",
        "phase_02_train_opt_seed",
    ]
    assert "registry.skip" in found.changed[0]


def test_a_backend_left_at_its_default_does_not_stand_in_the_way() -> None:
    found = translate({"training_backend": "mini-trainer", "training_seed": 7}, "sft")

    assert found.settings == {"train": {"seed": 7}}
    assert "sft trains on instructlab-training" in found.dropped[0]


def test_the_same_setting_by_two_names_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"training_seed sets train\.seed"):
        translate({**_SEED, "training_seed": 8}, "osft")


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        translate({"training_num_epochs": 0, "training_envs": "X", "training_seed": "y"}, "osft")

    lines = str(refused.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "training_envs",
        "training_num_epochs",
        "training_seed",
    ]


@pytest.mark.parametrize("value", ["hf_hunter2hunter2", "hunter2", {"secret": "hunter2"}])
def test_a_token_is_refused_without_being_repeated(value: Any) -> None:
    with pytest.raises(ConfigError, match="name of an environment variable") as refused:
        translate({"phase_01_dataset_opt_hf_token": value}, "osft")

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_token_is_left_to_the_default(value: Any) -> None:
    assert translate({"phase_01_dataset_opt_hf_token": value}, "osft").settings == {}
