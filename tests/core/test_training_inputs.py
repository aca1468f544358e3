"""What decides a checkpoint's identity, what does not, and which pod settings were asked for."""

from typing import Any

import pytest

from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pod import PodRecipe, SftPodRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.recipes.training import NOT_IDENTITY, TrainingRecipe
from osft_assets.core.training_inputs import TrainingInputs, asked_settings
from osft_assets.core.training_job import TrainingJob
from tests.core.training_parts import BASE, inputs, split

_VERSIONS = {"torch": "2.13.0"}
# Another valid value of every setting. Those that only one value is accepted for are in _FIXED.
_SHARED: dict[str, Any] = {
    "effective_batch_size": 64,
    "num_epochs": 2,
    "learning_rate": 1e-5,
    "warmup_steps": 5,
    "max_seq_len": 4096,
    "max_tokens_per_gpu": 20_000,
    "seed": 43,
    "freeze_unconstrained": True,
    "beta1": 0.8,
    "beta2": 0.99,
    "eps": 1e-6,
    "weight_decay": 0.1,
    "validation_frequency": 10,
    "data_output_dir": "/dev/shm/rows",
    "is_pretraining": {"is_pretraining": True, "block_size": 128},
    "block_size": {"is_pretraining": True, "block_size": 256},
    "document_column_name": {
        "is_pretraining": True,
        "block_size": 128,
        "document_column_name": "text",
    },
    "stall_timeout_minutes": 1.0,
    "timeout_minutes": 60.0,
    "divergence_factor": 0.0,
    "keep_checkpoints": 0,
    "mlflow_tracking_uri": "http://mlflow:5000",
    "mlflow_experiment_name": {"mlflow_tracking_uri": "http://m", "mlflow_experiment_name": "e"},
    "mlflow_run_name": {"mlflow_tracking_uri": "http://m", "mlflow_run_name": "r"},
    "wandb_project": "project",
    "wandb_entity": {"wandb_project": "project", "wandb_entity": "team"},
    "wandb_run_name": {"wandb_project": "project", "wandb_run_name": "run"},
}
_OSFT: dict[str, Any] = _SHARED | {
    "use_liger": False,
    "checkpoint_at_epoch": True,
    "unfreeze_rank_ratio": 0.5,
    "target_patterns": ["q_proj"],
    "lr_scheduler": "linear",
    "lr_scheduler_kwargs": {"num_cycles": 2.0},
    "use_processed_dataset": True,
    "unmask_messages": True,
    "save_final_checkpoint": {"save_final_checkpoint": False, "checkpoint_at_epoch": True},
    "save_best_val_loss": {"save_best_val_loss": True, "validation_frequency": 10},
    "save_dtype": "bfloat16",
}
_SFT: dict[str, Any] = _SHARED | {
    "use_liger": True,
    "checkpoint_at_epoch": False,
    "save_samples": 100,
    "accelerate_full_state_at_epoch": True,
    "fsdp_sharding_strategy": "NO_SHARD",
    "lr_scheduler": "linear",
    "tensorboard_log_dir": "/logs",
}
_FIXED = {
    OsftRecipe: {"backend", "osft_memory_efficient_init", "fsdp_sharding_strategy"},
    SftRecipe: {"backend", "unmask_messages", "use_processed_dataset"},
}
# (recipe, setting, values); where a setting needs another one, what is compared has that one too.
_CHANGES = [
    pytest.param(kind, name, value, id=f"{kind.__name__}.{name}")
    for kind, table in ((OsftRecipe, _OSFT), (SftRecipe, _SFT))
    for name, value in table.items()
]
_NEEDED: dict[str, dict[str, Any]] = {
    "mlflow_experiment_name": {"mlflow_tracking_uri": "http://m"},
    "mlflow_run_name": {"mlflow_tracking_uri": "http://m"},
    "wandb_entity": {"wandb_project": "project"},
    "wandb_run_name": {"wandb_project": "project"},
    "block_size": {"is_pretraining": True, "block_size": 128},
    "save_final_checkpoint": {"checkpoint_at_epoch": True},
    "save_best_val_loss": {"validation_frequency": 10},
}


def identity(given: TrainingInputs, **versions: str) -> str:
    algorithm = "sft" if isinstance(given.recipe, SftRecipe) else "osft"
    return given.fingerprint(algorithm, _VERSIONS | versions)  # type: ignore[arg-type]


def test_the_tables_name_every_setting_there_is() -> None:
    """A new setting has to be put into one of them, and into NOT_IDENTITY or not."""
    for kind, table in ((OsftRecipe, _OSFT), (SftRecipe, _SFT)):
        assert set(table) | _FIXED[kind] == set(kind.model_fields)
        assert not set(table) & _FIXED[kind]
    assert set(OsftRecipe.model_fields) | set(SftRecipe.model_fields) >= NOT_IDENTITY


@pytest.mark.parametrize(("kind", "name", "value"), _CHANGES)
def test_a_setting_makes_another_checkpoint_unless_it_decides_nothing(
    kind: type[TrainingRecipe], name: str, value: Any
) -> None:
    before = kind(**_NEEDED.get(name, {}))
    after = kind(**(value if isinstance(value, dict) and name in value else {name: value}))
    assert getattr(before, name) != getattr(after, name)

    same = identity(inputs(recipe=before)) == identity(inputs(recipe=after))

    assert same == (name in NOT_IDENTITY)


@pytest.mark.parametrize(
    "values",
    [
        {"pod": PodRecipe(gpu=8)},
        {"pod": PodRecipe(workers=2)},
        {"pod": PodRecipe(num_procs="4")},
        {"pod": PodRecipe(cpu="2", memory="8Gi", pull_secret="secret")},
        {"pod": PodRecipe(labels={"team": "a"}, annotations={"note": "b"})},
        {"pod": PodRecipe(env_vars={"NCCL_DEBUG": "INFO"})},
        {"asked": ("gpu",)},
        {"base_model": BASE.model_copy(update={"path": "/elsewhere", "uri": "pvc://copy"})},
        {"train": split(path="/elsewhere/train.jsonl", version_path="/elsewhere")},
        {"holdout": split("holdout", sha256="another holdout")},
    ],
    ids=lambda values: next(iter(values)),
)
def test_where_and_on_what_it_is_trained_makes_no_other_checkpoint(values: dict[str, Any]) -> None:
    assert identity(inputs(**values)) == identity(inputs())


@pytest.mark.parametrize(
    "values",
    [
        {"base_model": BASE.model_copy(update={"fingerprint": "base 2"})},
        {"train": split(sha256="other rows")},
        {"train": split(kind="documents")},
    ],
    ids=["base_model", "rows", "kind"],
)
def test_another_model_or_other_rows_make_another_checkpoint(values: dict[str, Any]) -> None:
    assert identity(inputs(**values)) != identity(inputs())


def test_the_holdout_counts_where_training_looks_at_it() -> None:
    recipe = OsftRecipe(validation_frequency=10)
    other = split("holdout", sha256="another holdout")

    assert identity(inputs(recipe=recipe)) != identity(inputs(recipe=recipe, holdout=other))


def test_other_libraries_make_another_checkpoint() -> None:
    assert identity(inputs()) != identity(inputs(), torch="2.14.0")


def test_the_algorithms_make_different_checkpoints() -> None:
    given = inputs(recipe=SftRecipe())

    assert given.fingerprint("sft", {}) != given.fingerprint("osft", {})


# The job


def test_a_job_comes_back_from_its_file_as_it_was(tmp_path: Any) -> None:
    given = inputs(asked=("gpu",), pod=PodRecipe(gpu=0, env_vars={"A": "b"}))

    job = given.job("osft", tmp_path)

    assert TrainingJob.model_validate_json(job.model_dump_json()) == job
    assert OsftRecipe.model_validate(job.recipe) == given.recipe
    assert (job.gpu, job.env_vars, job.asked) == (0, {"A": "b"}, ("gpu",))


def test_tokenised_rows_go_beside_the_run(tmp_path: Any) -> None:
    assert inputs().job("osft", tmp_path).rows_directory == str(tmp_path / "rows")


def test_two_runs_never_share_a_directory_for_tokenised_rows(tmp_path: Any) -> None:
    given = inputs(recipe=OsftRecipe(data_output_dir="/dev/shm/rows"))

    first, second = (given.job("osft", tmp_path).rows_directory for _ in range(2))

    assert first != second
    assert first.startswith("/dev/shm/rows/")


# What somebody asked for


def test_untouched_defaults_were_not_asked_for() -> None:
    assert asked_settings(PodRecipe(), OsftRecipe(), PodRecipe(), OsftRecipe()) == ()
    assert asked_settings(SftPodRecipe(), SftRecipe(), SftPodRecipe(), SftRecipe()) == ()


def test_what_the_file_names_was_asked_for_also_at_its_default() -> None:
    defined = PodRecipe(gpu=1)

    assert asked_settings(defined, OsftRecipe(), defined, OsftRecipe()) == ("gpu",)


def test_what_the_launchpad_changed_was_asked_for() -> None:
    # Dagster fills in every field, so all of them are set.
    launched = PodRecipe(**(PodRecipe().model_dump() | {"gpu": 0}))

    assert asked_settings(launched, OsftRecipe(), PodRecipe(), OsftRecipe()) == ("gpu",)


def test_defaults_that_the_launchpad_filled_in_were_not_asked_for() -> None:
    launched = SftPodRecipe(**SftPodRecipe().model_dump())

    assert asked_settings(launched, SftRecipe(), SftPodRecipe(), SftRecipe()) == ()


def test_the_order_is_that_of_the_settings() -> None:
    defined = PodRecipe(memory="8Gi", workers=1)
    launched = PodRecipe(memory="8Gi", gpu=2)

    asked = asked_settings(launched, OsftRecipe(), defined, OsftRecipe())

    assert asked == ("gpu", "memory", "workers")


def test_liger_was_asked_for_where_the_file_names_it() -> None:
    train = OsftRecipe(use_liger=True)

    assert asked_settings(PodRecipe(), train, PodRecipe(), train) == ("use_liger",)


def test_liger_was_asked_for_where_the_launchpad_turned_it_on() -> None:
    asked = asked_settings(SftPodRecipe(), SftRecipe(use_liger=True), SftPodRecipe(), SftRecipe())

    assert asked == ("use_liger",)
