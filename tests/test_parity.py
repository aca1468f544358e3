"""Every parameter of the Kubeflow pipelines, components and the guide takes effect or is refused.

`core/old_parameters.csv`, taken from their documentation, says which there are; here is a value for
each that is not the default. Types and defaults are held in `core/test_old_parameters.py`.
"""

import csv
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from osft_assets.core.errors import ConfigError, OsftError
from osft_assets.core.flat_config import changed_settings, flat_default, flat_parameters
from osft_assets.core.kubeflow_translation import translate
from osft_assets.core.old_meanings import CHANGED, GONE
from osft_assets.core.old_parameters import COMPONENT_PARAMETERS, PIPELINE_PARAMETERS
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe, pod_recipe, training_recipe
from osft_assets.core.rows import RowParser
from osft_assets.core.training_call import training_call
from osft_assets.core.training_inputs import asked_settings
from osft_assets.core.training_placement import Machine
from osft_assets.core.workspace import Workspace
from osft_assets.pipeline import build_pipeline
from tests.core.test_old_parameters import converted
from tests.core.training_parts import inputs, split
from tests.fakes import (
    FakeEvaluator,
    FakeModelSource,
    FakeRegistry,
    FakeSource,
    FakeTrainer,
    fake_resources,
)

Row = dict[str, str]

_SECTIONS = {
    "DatasetRecipe": "dataset",
    "BaseModelRecipe": "base_model",
    "OsftRecipe": "train",
    "SftRecipe": "train",
    "PodRecipe": "pod",
    "SftPodRecipe": "pod",
    "EvaluationRecipe": "evaluate",
    "RegistryRecipe": "registry",
}
with (Path(__file__).parent / "core/old_parameters.csv").open(newline="") as _table:
    _ROWS: list[Row] = list(csv.DictReader(_table))
_PIPELINES = [row for row in _ROWS if row["document"].endswith("_pipeline")]
_COMPONENTS = [row for row in _ROWS if row["document"].endswith("_component")]
_GPUS = Machine(cuda_devices=8, has_flash_attention=True, has_liger=True)

# Place -> a value as the old form took it, and what it is here.
_SAMPLES: dict[str, tuple[Any, Any]] = {
    "dataset.data_uri": ("pvc://other.jsonl", "pvc://other.jsonl"),
    "dataset.data_split": (0.5, 0.5),
    "dataset.hf_token": ({"env": "MY_TOKEN"}, "MY_TOKEN"),
    "dataset.subset": (40, 40),
    "base_model.base_model": ("org/other", "org/other"),
    "base_model.hf_token": ("MY_TOKEN", "MY_TOKEN"),
    "train.effective_batch_size": (64, 64),
    "train.num_epochs": (3, 3),
    "train.max_tokens_per_gpu": (32000, 32000),
    "train.unfreeze_rank_ratio": (0.5, 0.5),
    "train.learning_rate": (1e-4, 1e-4),
    "train.lr_scheduler": ("cosine_with_restarts", "cosine_with_restarts"),
    "train.lr_scheduler_kwargs": ("num_cycles=2", {"num_cycles": 2.0}),
    "train.warmup_steps": (5, 5),
    "train.max_seq_len": (512, 512),
    "train.use_processed_dataset": (True, True),
    "train.checkpoint_at_epoch": (None, None),  # the other one, below
    "train.save_final_checkpoint": (False, False),
    "train.seed": (7, 7),
    "train.target_patterns": ("q_proj,k_proj", ["q_proj", "k_proj"]),
    "train.unmask_messages": (True, True),
    "train.use_liger": (None, None),  # likewise
    "train.accelerate_full_state_at_epoch": (True, True),
    "train.fsdp_sharding_strategy": ("NO_SHARD", "NO_SHARD"),
    "train.save_samples": (100, 100),
    "train.data_output_dir": ("/dev/shm/rows", "/dev/shm/rows"),
    "pod.gpu": (4, 4),
    "pod.workers": (3, 3),
    "pod.cpu": (16, "16"),
    "pod.memory": ("128Gi", "128Gi"),
    "pod.num_procs": (2, "2"),
    "pod.labels": ("team=a,cost=b", {"team": "a", "cost": "b"}),
    "pod.annotations": ('note="a,b"', {"note": "a,b"}),
    "pod.env_vars": ('NCCL_IB_HCA="mlx5_0,mlx5_1",X=1', {"NCCL_IB_HCA": "mlx5_0,mlx5_1", "X": "1"}),
    "pod.pull_secret": ("my-secret", "my-secret"),
    "evaluate.tasks": (["mmlu", "gsm8k"], ["mmlu", "gsm8k"]),
    "evaluate.batch": (4, "4"),
    "evaluate.gen_kwargs": ({"max_tokens": 5}, {"max_tokens": 5}),
    "evaluate.limit": (10, 10),
    "evaluate.log_samples": (False, False),
    "evaluate.model_args": ("max_length=512", {"max_length": 512}),
    "evaluate.verbosity": ("DEBUG", "DEBUG"),
    "registry.address": ("http://registry.example", "http://registry.example"),
    "registry.port": (9090, 9090),
    "registry.reg_name": ("other", "other"),
    "registry.reg_version": ("2.0.0", "2.0.0"),
    "registry.reg_author": ("ann", "ann"),
    "registry.description": ("Ours.", "Ours."),
    "registry.format_name": ("onnx", "onnx"),
    "registry.format_version": (2.0, "2.0"),
}
# What a value needs beside itself, or is refused.
_COMPANIONS = {"train.save_final_checkpoint": {"checkpoint_at_epoch": True}}
# No effect is possible, so any other value is refused.
_REFUSED = {
    ("osft", "train.osft_memory_efficient_init"): (False, "always initialises memory-efficiently"),
    ("osft", "train.fsdp_sharding_strategy"): ("FULL_SHARD", "mini-trainer 0.9 has no such option"),
    ("osft", "train.backend"): ("other", "mini-trainer"),
    ("sft", "train.backend"): ("other", "instructlab-training"),
    ("sft", "train.use_processed_dataset"): (True, "cannot take tokenised rows"),
    ("sft", "train.unmask_messages"): (True, "has no such option"),
}
_ONLY_OSFT = {
    *("unfreeze_rank_ratio", "osft_memory_efficient_init", "target_patterns"),
    *("lr_scheduler_kwargs", "save_final_checkpoint"),
}
_ONLY_SFT = {"save_samples", "accelerate_full_state_at_epoch"}


def _id(row: Row) -> str:
    return f"{row['document']}.{row['old_name']}"


def _place(row: Row) -> str:
    return f"{_SECTIONS[row['recipe']]}.{row['field']}"


def _pipeline(algorithm: str) -> PipelineRecipe:
    """As its file ships it, with rows."""
    return PipelineRecipe.model_validate(
        {"name": algorithm, "algorithm": algorithm, "dataset": {"data_uri": "pvc://rows.jsonl"}}
    )


def _sample(algorithm: str, place: str) -> tuple[Any, Any]:
    given, expected = _SAMPLES[place]
    if given is None:
        section, field = place.split(".")
        given = expected = not getattr(getattr(_pipeline(algorithm), section), field)
    if (algorithm, place) == ("osft", "train.lr_scheduler_kwargs"):
        given, expected = "num_cycles=0.25", {"num_cycles": 0.25}
    return given, expected


def _beside(algorithm: str, place: str) -> dict[str, Any]:
    """Flat names and values of its companions."""
    names = {each.field: each.name for each in PIPELINE_PARAMETERS[algorithm]}
    return {names[field]: value for field, value in _COMPANIONS.get(place, {}).items()}


@pytest.mark.parametrize("algorithm", ["osft", "sft"])
def test_the_jobs_take_the_names_that_were_documented(algorithm: str) -> None:
    found = {each.name: each.place for each in flat_parameters(_pipeline(algorithm))}

    documented = [row for row in _PIPELINES if row["document"] == f"{algorithm}_pipeline"]
    assert found == {row["old_name"]: _place(row) for row in documented}


def test_every_name_of_a_component_is_known() -> None:
    kept = {row["old_name"]: _place(row) for row in _COMPONENTS if row["recipe"]}

    assert {each.name: each.place for each in COMPONENT_PARAMETERS} == kept
    assert set(GONE) == {row["old_name"] for row in _COMPONENTS if not row["recipe"]}


@pytest.mark.parametrize("row", [row for row in _PIPELINES if row["note"]], ids=_id)
def test_what_is_not_as_it_was_is_told(row: Row) -> None:
    assert _place(row) in CHANGED


@pytest.mark.parametrize("row", _PIPELINES, ids=_id)
def test_a_documented_default_is_the_default_of_the_job(row: Row) -> None:
    algorithm = row["document"].removesuffix("_pipeline")
    pipeline = PipelineRecipe.model_validate({"name": algorithm, "algorithm": algorithm})
    (parameter,) = (each for each in flat_parameters(pipeline) if each.name == row["old_name"])

    default = flat_default(pipeline, parameter)

    if row["field"] in ("data_uri", "hf_token"):  # deliberate: required, and the variable's name
        expected = {"data_uri": "", "hf_token": "HF_TOKEN"}[row["field"]]
    else:
        expected = converted(row["default"], row["type"], default)
    assert (type(default), default) == (type(expected), expected)


@pytest.mark.parametrize("row", _PIPELINES, ids=_id)
def test_a_pipeline_parameter_sets_its_field_and_no_other(row: Row) -> None:
    algorithm, place = row["document"].removesuffix("_pipeline"), _place(row)
    given, expected = _sample(algorithm, place)
    beside = _beside(algorithm, place)

    found = changed_settings(_pipeline(algorithm), {row["old_name"]: given, **beside})

    section, field = place.split(".")
    assert found.pop(section) == {field: expected, **_COMPANIONS.get(place, {})}
    assert found == (
        {"dataset": {"row_kind": "tokens"}} if field == "use_processed_dataset" else {}
    )


@pytest.mark.parametrize("algorithm", ["osft", "sft"])
@pytest.mark.parametrize("row", _COMPONENTS, ids=_id)
def test_a_component_parameter_sets_its_field_or_is_refused_or_left_out(
    row: Row, algorithm: str
) -> None:
    name, field = row["old_name"], row["field"]
    if not row["recipe"]:
        assert translate({name: "x"}, algorithm).dropped == (f"{name}: {GONE[name]}",)
        return
    place = _place(row)
    section = place.split(".")[0]
    if field in (_ONLY_SFT if algorithm == "osft" else _ONLY_OSFT):
        left_out = translate({name: _SAMPLES.get(place, (True,))[0]}, algorithm)
        assert not left_out.settings
        assert "has no such setting" in left_out.dropped[0]
    elif (algorithm, place) in _REFUSED:
        given, words = _REFUSED[algorithm, place]
        with pytest.raises(ConfigError, match=f"(?s){name}.*{words}"):
            translate({name: given}, algorithm)
    else:
        given, expected = _sample(algorithm, place)
        beside = {
            each.name: value
            for each in COMPONENT_PARAMETERS
            for companion, value in _COMPANIONS.get(place, {}).items()
            if each.field == companion
        }
        if field == "lr_scheduler_kwargs":
            assert algorithm == "osft"
        found = translate({name: given, **beside}, algorithm).settings
        assert found[section] == {field: expected, **_COMPANIONS.get(place, {})}
        others = {"dataset"} if field == "use_processed_dataset" else set()
        assert set(found) == {section} | others


@pytest.mark.parametrize("row", _COMPONENTS, ids=_id)
def test_a_component_parameter_left_unset_changes_nothing(row: Row) -> None:
    assert translate({row["old_name"]: None}, "osft").settings == {}


_TRAINING = [row for row in _PIPELINES if _place(row).split(".")[0] in ("train", "pod")]


@pytest.mark.parametrize("row", _TRAINING, ids=_id)
def test_a_training_parameter_changes_the_call_of_training_hub_or_is_refused(row: Row) -> None:
    """With eight GPUs; what only Kubernetes can do is refused."""
    algorithm, place = row["document"].removesuffix("_pipeline"), _place(row)
    given, _ = _sample(algorithm, place)
    beside = _beside(algorithm, place)
    found = changed_settings(_pipeline(algorithm), {row["old_name"]: given, **beside})
    untouched = changed_settings(_pipeline(algorithm), beside)

    if row["field"] in ("cpu", "memory", "labels", "annotations", "pull_secret", "workers"):
        with pytest.raises(ConfigError, match=f"pod.{row['field']}"):
            _call(algorithm, found)
    else:
        assert _call(algorithm, found) != _call(algorithm, untouched)


def _call(algorithm: str, changes: dict[str, dict[str, Any]]) -> Any:
    train = training_recipe(algorithm)(**changes.get("train", {}))
    pod = pod_recipe(algorithm)(**changes.get("pod", {}))
    asked = asked_settings(pod, train, pod_recipe(algorithm)(), training_recipe(algorithm)())
    rows, holdout = split(kind=train.row_kind), split("holdout", kind=train.row_kind)
    made = inputs(recipe=train, pod=pod, asked=asked, train=rows, holdout=holdout)
    job = made.job(algorithm, Path("/run"))  # type: ignore[arg-type]
    # The worker gives the environment to the trainer's processes, beside the call.
    return training_call(job, _GPUS, []), job.env_vars


@pytest.mark.parametrize("algorithm", ["osft", "sft"])
def test_a_run_with_every_parameter_changed_passes_each_on(
    workspace: Workspace, algorithm: str
) -> None:
    fakes = {
        "dataset_source": FakeSource(_tokens() if algorithm == "osft" else _chats()),
        "model_source": FakeModelSource(workspace.root),
        "trainer": FakeTrainer(),
        "evaluator": FakeEvaluator(),
        "model_registry": FakeRegistry(),
    }
    resources = fake_resources(workspace, **fakes)
    built = build_pipeline(_pipeline(algorithm))
    job = dg.Definitions.merge(built, dg.Definitions(resources=resources)).resolve_job_def(
        f"{algorithm}_pipeline"
    )
    told = {each: _sample(algorithm, each.place) for each in PIPELINE_PARAMETERS[algorithm]}
    config = {each.name: given for each, (given, _) in told.items()}
    config["registry"] = {"publish_to": "s3://bucket/models"}  # or no server could load the model

    done = job.execute_in_process(run_config=config | _fitting(algorithm), raise_on_error=False)

    assert done.success, [
        event.step_failure_data.error_display_string
        for event in done.filter_events(lambda event: event.is_step_failure)
    ]
    seen = _seen(fakes)
    for each, (_, expected) in told.items():
        if each.name not in _fitting(algorithm):
            assert seen[each.place] == expected, each.name


def _fitting(algorithm: str) -> dict[str, Any]:
    """Where two of the samples exclude each other."""
    if algorithm == "osft":
        return {"phase_02_train_opt_unmask": False}  # tokens have no messages
    return {"phase_02_train_opt_save_epoch": True}


def _seen(fakes: dict[str, Any]) -> dict[str, Any]:
    """By place: what the ports were given."""
    trained, asked = fakes["trainer"].jobs[0], fakes["evaluator"].jobs[-1]
    ((server, _),) = [key for key in fakes["model_registry"].models if key[1] == "other"]
    (told,) = fakes["model_registry"].registrations
    address, _, port = server.rpartition(":")
    found = {f"dataset.{k}": v for k, v in fakes["dataset_source"].recipes[0]}
    found |= {f"base_model.{k}": v for k, v in fakes["model_source"].recipes[0]}
    found |= {f"train.{k}": v for k, v in trained.recipe.items()}
    found |= {f"evaluate.{k}": v for k, v in asked.recipe.items()}
    found |= {f"pod.{k}": v for k, v in trained.pod.items()}
    found |= {"registry.address": address, "registry.port": int(port)}
    found |= {"registry.reg_name": told.name, "registry.reg_version": told.version}
    found |= {"registry.reg_author": told.author}
    names = ("description", "format_name", "format_version")
    return found | {f"registry.{name}": getattr(told, name) for name in names}


def _tokens() -> list[dict[str, Any]]:
    return [{"input_ids": list(range(n, n + 30)), "labels": list(range(30))} for n in range(60)]


def _chats() -> list[dict[str, Any]]:
    from tests.fakes import chats

    return chats(60)


_GUIDE_ROWS = [
    (
        "messages",
        {
            "messages": [
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": "Hello!"},
                {"role": "assistant", "content": "Hi there!", "reasoning_content": "A greeting."},
            ]
        },
    ),
    ("messages", {"messages": [{"role": "pretraining", "content": "OSFT stands for Orthogonal."}]}),
    ("tokens", {"input_ids": [1, 2, 3], "labels": [1, 2, 3]}),
]


@pytest.mark.parametrize(("kind", "row"), _GUIDE_ROWS)
def test_the_rows_of_the_guide_are_accepted(kind: Any, row: dict[str, Any]) -> None:
    parsed = RowParser(kind).parse(json.dumps(row).encode())

    assert parsed


@pytest.mark.parametrize("row", [row for row in _ROWS if row["document"] == "guide"], ids=_id)
def test_a_parameter_of_the_guide_is_passed_to_training_hub_by_its_name(row: Row) -> None:
    call, _ = _call("osft", {"train": {row["old_name"]: True}})

    assert call.arguments[row["old_name"]] is True


@pytest.mark.parametrize("field", ["unmask_messages", "use_processed_dataset"])
def test_the_guide_speaks_of_osft_only(field: str) -> None:
    assert field in OsftRecipe.model_fields
    with pytest.raises((OsftError, ValueError), match="no such option|cannot take"):
        training_recipe("sft")(**{field: True})
