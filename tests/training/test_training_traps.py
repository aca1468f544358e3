"""What Training Hub lets pass for success, and what must never stay behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from osft_assets.core.errors import ConfigError, TrainingError
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.training_call import recipe_of
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.training_steps import METRIC_FILES, Step
from resources.forked_trainer import ForkedTrainer
from resources.process_tree import MARKER_VARIABLE, _marked, kill_marked
from resources.sft_entry import report_peak_memory, script_block
from resources.sft_without_cuda import recomputing_if_large
from resources.training_backends import entry_command
from resources.training_environment import prepare_environment
from resources.training_machine import patterns_for, refuse_missing_trackers
from resources.training_rows import account, make_holdout_ready
from resources.training_verification import check_run, read_steps, refuse_a_used_directory
from tests.training.conftest import Trained
from tests.training.runs import Run, Tiny, chats, make_job, write_rows
from tests.training.weights import tensors

pytestmark = pytest.mark.timeout(300)


def test_weights_that_are_not_numbers_are_no_checkpoint(trained: Trained) -> None:
    run = trained("osft", learning_rate=1e20, num_epochs=1)

    assert run.exit_code == 4
    assert "loss is nan from step 2 on: the weights are lost. Lower learning_rate" in run.problem
    assert not (run.directory / "outcome.json").exists()


def test_rows_that_are_all_too_long_for_a_micro_batch_are_told_before_training(
    trained: Trained,
) -> None:
    run = trained("osft", max_tokens_per_gpu=8)

    assert run.exit_code == 4
    assert "96 longer than max_tokens_per_gpu (8)" in run.problem
    assert not (run.directory / METRIC_FILES["osft"]).exists()


@pytest.mark.parametrize("algorithm", ["osft", "sft"])
def test_rows_that_are_all_too_short_or_too_long_are_counted(
    algorithm: str, trained: Trained, tmp_path: Path
) -> None:
    short = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "."}]}
    rows = write_rows(tmp_path / "rows.jsonl", [*chats(5), short])

    run = trained(algorithm, rows=rows, max_seq_len=21)

    assert run.problem == (
        "None of the 6 rows can be used. Under 20 tokens: 1; of max_seq_len (21) and more: 5. "
        "Raise max_seq_len, or give other rows"
    )


def test_a_setting_that_cannot_be_had_ends_with_the_code_for_settings(trained: Trained) -> None:
    run = trained("sft", gpu=1, asked=("gpu",))

    assert run.exit_code == 3
    assert run.problem.startswith("pod.gpu is 1, but there is no CUDA device here")


def test_what_nobody_foresaw_is_told_too(tiny: Tiny, trained: Trained) -> None:
    run = trained("osft", model=make_job(tiny, Path()).model.model_copy(update={"path": "/none"}))

    assert run.exit_code == 4
    assert "No such file or directory: '/none/config.json'" in run.problem


def test_a_directory_is_trained_into_once(osft: Run, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds another training already .hf_format, training"):
        refuse_a_used_directory(osft.directory)
    refuse_a_used_directory(tmp_path)


def test_when_the_parent_dies_nothing_of_the_training_stays(tiny: Tiny, tmp_path: Path) -> None:
    job = make_job(tiny, tmp_path / "run", "osft", num_epochs=500)
    marker = uuid.uuid4().hex
    process = _start(job, marker)
    try:
        _wait_for(lambda: len(_marked(marker)) > 1, 90)  # the worker, and the trainer below it
        assert process.stdin is not None
        process.stdin.close()
        _wait_for(lambda: not _marked(marker), 15)  # two when nothing else goes on
        assert process.wait(1) != 0
    finally:
        kill_marked(marker, 0)
        process.wait(5)


def _start(job: TrainingJob, marker: str) -> subprocess.Popen[bytes]:
    path = Path(job.directory) / "job.json"
    path.parent.mkdir()
    path.write_text(job.model_dump_json())
    return subprocess.Popen(
        [sys.executable, "-m", "resources.training_worker", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, MARKER_VARIABLE: marker},
    )


def _wait_for(happens: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, f"did not happen in {seconds} s"
        time.sleep(0.1)


@pytest.fixture
def copy(osft: Run, tmp_path: Path) -> Run:
    """A finished run that may be spoilt."""
    shutil.copytree(osft.directory, tmp_path / "run")
    job = osft.job.model_copy(update={"directory": str(tmp_path / "run")})
    return Run(tmp_path / "run", 0, "", job)


def _check(run: Run) -> None:
    recipe = recipe_of(run.job)
    check_run(run.job, recipe, read_steps(run.job, recipe))


def _spoil(run: Run, change: Any) -> None:
    from safetensors.torch import save_file

    changed = change(tensors(run.directory / "hf_format/samples_192.0"))
    save_file(changed, run.directory / "hf_format/samples_192.0/model.safetensors")


def test_a_run_as_it_should_be_passes(copy: Run) -> None:
    _check(copy)


def test_names_that_belong_to_a_wrapper_are_refused(copy: Run) -> None:
    _spoil(copy, lambda weights: {f"module.{name}": value for name, value in weights.items()})

    with pytest.raises(TrainingError, match="missing keys, such as .*random numbers"):
        _check(copy)


def test_a_weight_that_is_not_finite_is_refused(copy: Run) -> None:
    name = "model.layers.1.mlp.up_proj.weight"
    _spoil(copy, lambda weights: {**weights, name: weights[name] / 0})

    with pytest.raises(TrainingError, match=f"not finite, such as {name}"):
        _check(copy)


def test_a_weight_nobody_knows_is_refused_but_computed_ones_are_removed(copy: Run) -> None:
    import torch

    computed = {"model.rotary_emb.original_inv_freq": torch.ones(8)}
    _spoil(copy, lambda weights: {**weights, **computed})
    _check(copy)
    assert not set(computed) & set(tensors(copy.directory / "hf_format/samples_192.0"))

    _spoil(
        copy,
        lambda weights: {
            **weights,
            "model.layers.0.self_attn.q_proj.osft_U_high": 1 * computed.popitem()[1],
        },
    )
    with pytest.raises(TrainingError, match="unexpected keys, such as .*osft_U_high"):
        _check(copy)


def test_a_checkpoint_that_is_not_of_the_last_step_is_not_taken(copy: Run) -> None:
    shutil.rmtree(copy.directory / "hf_format/samples_192.0")

    with pytest.raises(TrainingError, match="the one after 192 rows. There is samples_96.0"):
        _check(copy)


def test_a_run_that_ended_early_is_refused(copy: Run) -> None:
    metrics = copy.directory / METRIC_FILES["osft"]
    metrics.write_text("\n".join(metrics.read_text().splitlines()[:7]))

    with pytest.raises(TrainingError, match="stopped after 7 of 12 steps"):
        _check(copy)


def test_a_trainer_that_was_never_started_is_refused(copy: Run) -> None:
    """As when torchrun is not on PATH: SFT returns as if it had trained."""
    (copy.directory / METRIC_FILES["osft"]).unlink()

    with pytest.raises(TrainingError, match="ended without a single step"):
        _check(copy)


def test_an_interrupt_that_completed_successfully_is_refused(copy: Run) -> None:
    (copy.directory / "full_state_checkpoints/step_12").mkdir(parents=True)

    with pytest.raises(TrainingError, match="Training was interrupted"):
        _check(copy)


def test_a_lost_chat_template_is_refused(copy: Run) -> None:
    (copy.directory / "hf_format/samples_192.0/chat_template.jinja").unlink()

    with pytest.raises(TrainingError, match="has not the chat template"):
        _check(copy)


def test_steps_without_a_token_to_learn_from_are_refused(copy: Run) -> None:
    empty = Step(1, 1, 0, None, 0.1, 0.0, 16, 100, None, None)

    with pytest.raises(TrainingError, match="No step had a token to learn from"):
        check_run(copy.job, recipe_of(copy.job), [empty])


def test_every_row_is_in_one_place_of_the_account(tiny: Tiny, tmp_path: Path) -> None:
    job = make_job(tiny, tmp_path, "osft", max_tokens_per_gpu=30)
    learnt = {"input_ids": [1] * 20, "labels": [-100, 5] * 10}
    user_only = {"input_ids": [1] * 20, "labels": [7, *[-100] * 19]}  # the first is not predicted
    long = {"input_ids": [1] * 31, "labels": [1] * 31}
    (tmp_path / "rows").mkdir()
    write_rows(tmp_path / "rows/data.jsonl", [learnt, user_only, long, learnt])

    rows = account(job, recipe_of(job))

    assert (rows.given, rows.trained, rows.without_loss, rows.over_gpu_limit) == (96, 2, 1, 1)
    assert rows.too_short_or_long == 92


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "96 are under 20 tokens"),
        ([{"input_ids": [1] * 20, "labels": [-100] * 20}], "1 hold nothing to learn"),
    ],
)
def test_no_row_left_is_an_error_that_says_where_they_went(
    rows: list[dict[str, Any]], said: str, tiny: Tiny, tmp_path: Path
) -> None:
    job = make_job(tiny, tmp_path)
    (tmp_path / "rows").mkdir()
    write_rows(tmp_path / "rows/data.jsonl", rows)

    with pytest.raises(TrainingError, match=said):
        account(job, recipe_of(job))


def test_a_holdout_of_which_nothing_can_be_used_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    holdout = [
        {"input_ids": [1] * 5, "labels": [-100] * 5},
        {"input_ids": [1] * 99, "labels": [1] * 99},
    ]
    job = make_job(
        tiny,
        tmp_path,
        kind="tokens",
        use_processed_dataset=True,
        validation_frequency=2,
        max_tokens_per_gpu=50,
        holdout_path=str(write_rows(tmp_path / "holdout.jsonl", holdout)),
    )

    with pytest.raises(ConfigError, match="none of the 16 rows held out can be used"):
        make_holdout_ready(job, recipe_of(job))


def test_torchrun_is_found_without_an_activated_environment(tiny: Tiny, tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin", "PET_NNODES": "4", "MASTER_ADDR": "elsewhere", "RANK": "3"}

    prepare_environment(environment, make_job(tiny, tmp_path))

    assert shutil.which("torchrun", path=environment["PATH"])
    assert not {"PET_NNODES", "MASTER_ADDR", "RANK"} & set(environment)
    assert environment["CHECKPOINT_TRIGGER_FILENAME"].startswith("osft_checkpoint_")
    assert environment["OSFT_TRAINING_JOB"] == str(tmp_path / "job.json")
    assert environment["HF_HUB_OFFLINE"] == "1"


def test_a_gpu_that_is_not_wanted_is_hidden(tiny: Tiny, tmp_path: Path) -> None:
    environment: dict[str, str] = {}

    prepare_environment(environment, make_job(tiny, tmp_path, gpu=0))

    assert environment["CUDA_VISIBLE_DEVICES"] == ""


def test_our_script_is_launched_in_place_of_theirs() -> None:
    theirs = ["torchrun", "--standalone", "/lib/mini_trainer/train.py", "--seed=42"]

    assert entry_command(theirs, "resources.osft_entry", ["--eps=0.1"]) == [
        *("torchrun", "--standalone", "--module", "resources.osft_entry", "--seed=42", "--eps=0.1")
    ]


def test_pods_wait_for_each_other_for_as_long_as_they_are_followed() -> None:
    theirs = ["torchrun", "--master-addr=first", "--rdzv-backend=static", "main_ds.py", "--seed=1"]

    assert entry_command(theirs, "resources.sft_entry", [])[-4:] == [
        *("--rdzv-conf=timeout=604800", "--module", "resources.sft_entry", "--seed=1")
    ]


@pytest.fixture
def terminated_with_1() -> Iterator[None]:
    """What some library may ask of this process."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("terminated_with_1")
def test_a_forked_trainer_is_as_a_process_that_was_started(tmp_path: Path) -> None:
    ends_well = ForkedTrainer(str(tmp_path / "log"), "tests.training.forked", ["end", "7"])
    waits = ForkedTrainer(str(tmp_path / "other"), "tests.training.forked", ["wait"])

    ends_well.listen()
    with pytest.raises(subprocess.TimeoutExpired):
        waits.wait(0.01)
    waits.terminate()
    waits.listen()

    assert ends_well.wait(10) == ends_well.poll() == 7
    assert waits.wait(10) == -signal.SIGTERM
    assert (tmp_path / "log").read_text().splitlines() == ["out: end 7", "err"]


def test_patterns_come_from_the_architecture_and_not_from_the_path(tiny: Tiny) -> None:
    patterns, notes = patterns_for(_record(tiny.model), [])

    assert "mlp.down_proj" in patterns
    assert notes == ()


@pytest.mark.parametrize(
    ("architecture", "kind", "pattern"),
    [
        ("OPTForCausalLM", "opt", "self_attn.out_proj"),
        ("Phi3ForCausalLM", "phi3", "mlp.gate_up_proj"),
        ("UnknownForCausalLM", "unknown", "mlp.down_proj"),
    ],
)
def test_each_architecture_has_patterns_of_its_own(
    architecture: str, kind: str, pattern: str, tmp_path: Path
) -> None:
    from resources.training_machine import _known_patterns

    config = {"architectures": [architecture], "model_type": kind}
    (tmp_path / "config.json").write_text(json.dumps(config))

    assert any(pattern in known for known in _known_patterns(_record(tmp_path)))


def test_patterns_that_match_no_matrix_are_refused_and_some_that_do_not_are_noted(
    tiny: Tiny,
) -> None:
    with pytest.raises(ConfigError, match=r"target_patterns \(c_attn\) matches no matrix.*such as"):
        patterns_for(_record(tiny.model), ["c_attn"])
    _, notes = patterns_for(_record(tiny.model), ["c_attn", "q_proj"])
    assert notes == ("target_patterns match nothing: c_attn",)


def _record(path: Path) -> ModelRecord:
    return ModelRecord(
        uri="",
        revision="",
        path=str(path),
        fingerprint="",
        architecture="Some",
        parameters=1,
        dtype="float32",
        size_bytes=1,
        has_chat_template=True,
    )


@pytest.mark.parametrize(
    ("settings", "environment", "said"),
    [
        ({"mlflow_tracking_uri": "http://m"}, {}, "mlflow_tracking_uri is set, but the package"),
        ({}, {"MLFLOW_TRACKING_URI": "http://m"}, "the environment variable MLFLOW_TRACKING_URI"),
        ({}, {"WANDB_PROJECT": "p"}, "the environment variable WANDB_PROJECT is set, but the pack"),
    ],
)
def test_a_tracker_that_is_not_installed_is_refused(
    settings: dict[str, str], environment: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        refuse_missing_trackers(OsftRecipe(**settings), environment)


def test_no_tracker_is_no_trouble() -> None:
    refuse_missing_trackers(OsftRecipe(), {"MLFLOW_TRACKING_URI": ""})


def test_the_memory_that_sft_tells_of_gpus_is_the_peak() -> None:
    cuda = SimpleNamespace(memory_allocated=lambda: 1, max_memory_allocated=lambda: 3)

    report_peak_memory(cuda)

    assert cuda.memory_allocated() == 3


@pytest.mark.parametrize(("parameters", "saves_memory"), [(1_000_000, False), (20_000_000, True)])
def test_on_a_cpu_activations_are_computed_again_for_large_models_only(
    parameters: int, saves_memory: bool
) -> None:
    asked: list[object] = []
    owner = SimpleNamespace(model=SimpleNamespace(num_parameters=lambda: parameters))

    recomputing_if_large(asked.append)(owner)

    assert asked == [owner] * saves_memory


def test_another_script_than_expected_is_refused() -> None:
    with pytest.raises(RuntimeError, match="another instructlab-training than the 0.16.2"):
        script_block(json)
