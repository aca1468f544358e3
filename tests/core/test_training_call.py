from dataclasses import replace
from typing import Any

import pytest

from osft_assets.core.errors import ConfigError
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.training_call import TrainingCall, saved_dtype, training_call
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.training_node import Node
from osft_assets.core.training_placement import Machine

_CPU = Machine(cuda_devices=0, has_flash_attention=False, has_liger=False)
_GPUS = Machine(cuda_devices=2, has_flash_attention=True, has_liger=True)
_RANKS = ("nproc_per_node", "nnodes", "node_rank", "master_addr", "master_port")
_MODEL = ModelRecord(
    uri="tiny",
    revision="1",
    path="/opt/model",
    fingerprint="0",
    architecture="Qwen2ForCausalLM",
    parameters=1,
    dtype="bfloat16",
    size_bytes=1,
    has_chat_template=True,
)


def _job(algorithm: str = "osft", **more: Any) -> TrainingJob:
    recipe_class = OsftRecipe if algorithm == "osft" else SftRecipe
    settings = {k: v for k, v in more.items() if k in recipe_class.model_fields}
    fields = {k: v for k, v in more.items() if k not in settings}
    return TrainingJob(
        **{
            "algorithm": algorithm,
            "directory": "/run",
            "rows_directory": "/dev/shm/rows",
            "model": _MODEL,
            "train_path": "/train.jsonl",
            "train_rows": 90,
            "holdout_path": "/holdout.jsonl",
            "holdout_rows": 10,
            "kind": "messages",
            "recipe": recipe_class(**settings).model_dump(),
            **fields,
        }
    )


def _call(machine: Machine, algorithm: str = "osft", **more: Any) -> TrainingCall:
    return training_call(_job(algorithm, **more), machine, ["q_proj"])


def test_osft_on_gpus_is_called_with_the_recipe() -> None:
    call = _call(_GPUS, gpu=2, learning_rate=0, unfreeze_rank_ratio=0.3, seed=0, warmup_steps=0)

    assert call.arguments == {
        "backend": "mini-trainer",
        "model_path": "/opt/model",
        "data_path": "/train.jsonl",
        "data_output_dir": "/dev/shm/rows",
        "ckpt_output_dir": "/run",
        "trust_remote_code": False,
        "unfreeze_rank_ratio": 0.3,
        "target_patterns": ["q_proj"],
        "effective_batch_size": 128,
        "num_epochs": 1,
        "learning_rate": 0.0,
        "warmup_steps": 0,
        "max_seq_len": 8192,
        "max_tokens_per_gpu": 64000,
        "seed": 0,
        "use_liger": True,
        "lr_scheduler": "cosine",
        "lr_scheduler_kwargs": {},
        "beta1": 0.9,
        "beta2": 0.95,
        "eps": 1e-8,
        "weight_decay": 0.0,
        "checkpoint_at_epoch": False,
        "save_final_checkpoint": True,
        "save_dtype": "bfloat16",
        "use_processed_dataset": False,
        "unmask_messages": False,
        "nproc_per_node": 2,
        "nnodes": 1,
        "node_rank": 0,
    }
    assert isinstance(call.arguments["learning_rate"], float)
    assert (call.processes, call.on_cpu, call.attention) == (2, False, "flash_attention_2")
    assert call.notes == ()


@pytest.mark.parametrize("algorithm", ["osft", "sft"])
def test_in_several_pods_training_hub_is_told_the_ranks_and_where_the_first_one_is(
    algorithm: str,
) -> None:
    job = _job(algorithm, gpu=2, workers=3, is_spread=True, asked=("workers",))
    call = training_call(job, _GPUS, ["q_proj"], Node(1, 3, "first.pod", 29400))

    assert {name: call.arguments[name] for name in _RANKS} == {
        **{"nproc_per_node": 2, "nnodes": 3, "node_rank": 1},
        **{"master_addr": "first.pod", "master_port": 29400},
    }
    assert (call.processes, call.notes) == (6, ())


def test_one_pod_alone_names_no_other() -> None:
    call = _call(_GPUS, gpu=2, is_spread=True)

    assert not {"master_addr", "master_port"} & set(call.arguments)
    assert call.processes == 2


def test_sft_on_gpus_is_called_with_the_recipe_in_its_own_words() -> None:
    call = _call(_GPUS, "sft", seed=7, fsdp_sharding_strategy="NO_SHARD", save_samples=5)

    assert call.backend == call.arguments["backend"] == "instructlab-training"
    assert call.arguments["random_seed"] == 7
    assert call.arguments["fsdp_options"] == {"sharding_strategy": "NO_SHARD"}
    assert call.arguments["save_samples"] == 5
    assert call.arguments["disable_flash_attn"] is False
    assert not {"seed", "lr_scheduler", "fsdp_sharding_strategy"} & set(call.arguments)


def test_what_the_libraries_drop_goes_to_their_scripts() -> None:
    osft = _call(_CPU, beta1=0.5, beta2=0.6, eps=1e-4, weight_decay=0.1)
    sft = _call(_CPU, "sft", lr_scheduler="linear", validation_frequency=1)

    assert osft.entry_flags == ("--beta1=0.5", "--beta2=0.6", "--eps=0.0001", "--weight-decay=0.1")
    assert sft.entry_flags == ("--lr_scheduler=linear", "--validation_frequency=1")


def test_sft_without_epoch_checkpoints_saves_the_last_one() -> None:
    assert "--save_last" in _call(_CPU, "sft", checkpoint_at_epoch=False).entry_flags


def test_documents_are_in_the_field_that_the_dataset_stage_writes() -> None:
    more = {"is_pretraining": True, "block_size": 64, "document_column_name": "body"}

    for algorithm in ("osft", "sft"):
        arguments = _call(_CPU, algorithm, kind="documents", **more).arguments
        assert arguments["document_column_name"] == "document"
        assert arguments["block_size"] == 64
    assert "block_size" not in _call(_CPU).arguments


def test_validation_is_on_the_holdout_and_once_more_at_the_end_where_the_best_is_taken() -> None:
    arguments = _call(_CPU, validation_frequency=5, save_best_val_loss=True).arguments

    assert arguments["validation_data_path"] == "/dev/shm/rows/holdout/data.jsonl"
    assert arguments["validation_frequency"] == 5
    assert arguments["save_best_val_loss"] is True
    assert arguments["validate_at_final"] is True
    assert _call(_CPU, validation_frequency=1).arguments["validate_at_final"] is False


@pytest.mark.parametrize("algorithm", ["osft", "sft"])
def test_a_validation_that_is_never_due_is_refused(algorithm: str) -> None:
    more = {"effective_batch_size": 40, "num_epochs": 2}  # 90 rows: 6 steps

    with pytest.raises(ConfigError, match="90 rows are no more than 6 steps.* Set it to 6 or less"):
        _call(_CPU, algorithm, validation_frequency=7, **more)
    assert _call(_CPU, algorithm, validation_frequency=6, **more)


def test_how_many_steps_documents_are_is_not_known_before() -> None:
    more = {"kind": "documents", "is_pretraining": True, "block_size": 64}

    assert _call(_CPU, validation_frequency=7, **more)


def test_validation_without_a_holdout_is_refused() -> None:
    with pytest.raises(ConfigError, match="no row is held out. Set dataset.data_split"):
        _call(_CPU, validation_frequency=5, holdout_rows=0)


def test_trackers_are_named_only_where_they_are_set() -> None:
    call = _call(_CPU, "sft", mlflow_tracking_uri="http://m", tensorboard_log_dir="/t")

    assert call.arguments["mlflow_tracking_uri"] == "http://m"
    assert call.arguments["tensorboard_log_dir"] == "/t"
    assert not [name for name in _call(_CPU).arguments if "mlflow" in name or "wandb" in name]


def test_the_patterns_of_the_recipe_come_first() -> None:
    assert _call(_CPU, target_patterns=["down_proj"]).arguments["target_patterns"] == ["down_proj"]


@pytest.mark.parametrize(
    ("asked", "base", "saved"),
    [("", "bfloat16", "bfloat16"), ("float32", "bfloat16", "float32"), ("", "float8_e4m3fn", "")],
)
def test_weights_are_saved_as_asked_or_as_they_were(asked: str, base: str, saved: str) -> None:
    model = _MODEL.model_copy(update={"dtype": base})

    assert saved_dtype(_job(save_dtype=asked, model=model)) == saved
    assert saved_dtype(_job("sft", model=model)) == (base if saved else "")


def test_sft_refuses_rows_longer_than_a_micro_batch_and_both_refuse_such_blocks() -> None:
    with pytest.raises(ConfigError, match=r"max_seq_len is 512, more than max_tokens_per_gpu \(99"):
        _call(_CPU, "sft", max_seq_len=512, max_tokens_per_gpu=99)
    blocks = {"is_pretraining": True, "block_size": 512, "max_tokens_per_gpu": 99}
    with pytest.raises(ConfigError, match="block_size is 512, more than max_tokens_per_gpu"):
        _call(_CPU, kind="documents", **blocks)
    assert _call(_CPU, max_seq_len=512, max_tokens_per_gpu=99).arguments["max_seq_len"] == 512


def test_without_a_gpu_defaults_bend_and_say_so() -> None:
    call = _call(_CPU, "sft", use_liger=True, workers=4, num_procs="8")

    assert (call.backend, call.processes, call.on_cpu) == ("instructlab-training-cpu", 1, True)
    assert call.arguments["use_liger"] is False
    assert call.arguments["disable_flash_attn"] is True
    assert call.notes == (
        "there is no CUDA device here: trained on the CPU, in one process",
        "use_liger: not applicable on a CPU",
    )


def test_a_cpu_that_was_asked_for_is_not_worth_a_note() -> None:
    call = _call(_GPUS, gpu=0, asked=("gpu",), use_liger=False)

    assert (call.backend, call.notes, call.attention) == ("mini-trainer-cpu", (), "sdpa")


@pytest.mark.parametrize(
    ("machine", "fields", "said"),
    [
        (_CPU, {"gpu": 1}, "pod.gpu is 1, but there is no CUDA device here. Set pod.gpu: 0"),
        (_CPU, {"num_procs": "4"}, "pod.num_procs is 4, but on a CPU"),
        (_CPU, {"workers": 2}, "pod.workers is 2, but training here is one pod"),
        (_GPUS, {"workers": 2}, "pod.workers is 2, but training here is one pod"),
        (_GPUS, {"gpu": 8}, "pod.gpu is 8, but there are 2 CUDA devices here"),
        (_GPUS, {"gpu": 1, "num_procs": "3"}, "pod.num_procs is 3, but there are 2 CUDA devices"),
    ],
)
def test_what_was_asked_for_and_is_not_there_is_refused(
    machine: Machine, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        _call(machine, asked=tuple(fields), **fields)


def test_fewer_gpus_than_the_default_are_used_and_it_is_said() -> None:
    call = _call(_GPUS, gpu=8, workers=4)

    assert call.processes == call.arguments["nproc_per_node"] == 2
    assert call.notes == (
        "trained in one pod instead of 4: several are a TrainJob",
        "trained on 2 GPUs instead of 8: there are no more",
    )


def test_processes_may_be_named() -> None:
    assert _call(_GPUS, gpu=2, num_procs="1").processes == 1


@pytest.mark.parametrize("name", ["cpu", "memory", "labels", "annotations", "pull_secret"])
def test_what_only_kubernetes_can_do_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"pod.{name} has no effect without Kubernetes"):
        _call(_CPU, asked=("env_vars", name))


def test_the_environment_of_the_pod_takes_effect_without_kubernetes() -> None:
    assert _call(_CPU, asked=("env_vars",), env_vars={"A": "1"}).processes == 1


def test_liger_that_is_asked_for_and_not_installed_is_refused() -> None:
    with pytest.raises(ConfigError, match="pip install liger-kernel, or set use_liger: false"):
        _call(replace(_GPUS, has_liger=False), asked=("use_liger",))


def test_liger_that_is_only_the_default_and_not_installed_is_done_without() -> None:
    call = _call(replace(_GPUS, has_liger=False))

    assert call.arguments["use_liger"] is False
    assert any("without Liger kernels" in note for note in call.notes)


@pytest.mark.parametrize("algorithm", ["osft", "sft"])
def test_without_flash_attention_it_is_sdpa_and_it_is_said(algorithm: str) -> None:
    call = _call(replace(_GPUS, has_flash_attention=False), algorithm)

    assert call.attention == "sdpa"
    assert "SDPA" in call.notes[0]
    assert call.arguments.get("disable_flash_attn", True) is True


def test_rows_of_another_kind_than_the_recipe_reads_are_refused() -> None:
    with pytest.raises(ConfigError, match="prepared as documents, but train asks for messages"):
        _call(_CPU, kind="documents")


@pytest.mark.parametrize("name", ["MASTER_ADDR", "PET_NNODES", "TQDM_DISABLE"])
def test_a_variable_that_training_sets_for_itself_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"pod.env_vars sets {name}"):
        _call(_CPU, env_vars={name: "1"})
