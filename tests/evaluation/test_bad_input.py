"""What cannot be evaluated is refused in a sentence, with what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.errors import ConfigError, EvaluationError, OsftError
from osft_assets.core.evaluation_job import EvaluationOutcome
from tests.evaluation.parts import (
    CHATS,
    choices_task,
    generation_task,
    make_job,
    rows_to_score,
    run,
)

Runner = Callable[..., EvaluationOutcome]


@pytest.fixture
def ask(tmp_path: Path) -> Runner:
    def asked(*tasks: Any, **more: Any) -> EvaluationOutcome:
        return run(make_job(tmp_path / "job", *tasks, **more))

    return asked


def test_a_mistyped_name_gets_a_suggestion(ask: Runner, indexed: Path) -> None:
    with pytest.raises(ConfigError, match=r"no task 'arc_esy'. Did you mean .*arc_easy"):
        ask("arc_esy", workspace=indexed)


def test_mmlu_dev_is_suggested_too(ask: Runner, indexed: Path) -> None:
    with pytest.raises(ConfigError, match=r"no task 'mmlu_devs'. Did you mean .*mmlu_dev"):
        ask("mmlu_devs", workspace=indexed)


def test_a_name_like_no_other_is_told_where_to_look(ask: Runner, indexed: Path) -> None:
    with pytest.raises(ConfigError, match="lm-eval ls tasks"):
        ask("§§§§§§§§§§§§", workspace=indexed)


def test_data_on_the_hub_that_cannot_be_reached(
    ask: Runner, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "none"))
    with pytest.raises(EvaluationError, match=r"task arc_easy: .*Hub, which cannot be reached"):
        ask("arc_easy", workspace=indexed)


def test_a_file_that_does_not_exist(ask: Runner, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml does not exist .*absolute path"):
        ask(str(tmp_path / "none.yaml"))


def test_a_file_that_defines_no_task(ask: Runner, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("name: other\n")
    with pytest.raises(ConfigError, match="neither task nor group"):
        ask(str(tmp_path / "other.yaml"))


def test_a_file_that_is_no_yaml(ask: Runner, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("task: [\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        ask(str(tmp_path / "other.yaml"))


def test_a_model_without_a_tokenizer(ask: Runner, model: Path, tmp_path: Path) -> None:
    (model / "tokenizer.json").unlink()
    (model / "tokenizer_config.json").unlink()
    rows = rows_to_score(tmp_path / "eval.jsonl", CHATS)
    with pytest.raises(EvaluationError, match="has no tokenizer"):
        ask(model=model, rows=[rows])


def test_a_model_without_a_tokenizer_asked_benchmarks_alone(
    ask: Runner, model: Path, data: Path
) -> None:
    (model / "tokenizer.json").unlink()
    (model / "tokenizer_config.json").unlink()
    with pytest.raises(OsftError, match="has no tokenizer"):
        ask(choices_task(data), model=model)


def test_a_model_without_a_chat_template(ask: Runner, model: Path, tmp_path: Path) -> None:
    (model / "chat_template.jinja").unlink()
    rows = rows_to_score(tmp_path / "eval.jsonl", CHATS)
    with pytest.raises(EvaluationError, match=r"no chat template.*chat_template.jinja"):
        ask(model=model, rows=[rows])


def test_benchmarks_through_a_template_that_is_not_there(
    ask: Runner, model: Path, data: Path
) -> None:
    (model / "chat_template.jinja").unlink()
    with pytest.raises(ConfigError, match="apply_chat_template: false"):
        ask(choices_task(data), model=model, apply_chat_template=True)


def test_prompts_that_are_longer_than_the_model_reads_are_counted(ask: Runner, data: Path) -> None:
    long = "so " * 600
    outcome = ask(
        generation_task(data, doc_to_text=long + "{{question}}"),
        choices_task(data, doc_to_text=long + "{{question}}"),
    )
    cut = [note for note in outcome.notes if "were cut at their beginning" in note]
    assert cut == [
        "own_answers: 4 prompts were cut at their beginning, to the 512 tokens that the model "
        "reads",
        "own_choices: 12 prompts were cut at their beginning, to the 512 tokens that the model "
        "reads",
    ]


@pytest.fixture
def nan_model(model: Path) -> Path:
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(model / "model.safetensors")
    broken = {name: torch.full_like(value, float("nan")) for name, value in weights.items()}
    save_file(broken, model / "model.safetensors", metadata={"format": "pt"})
    return model


def test_a_model_that_computes_no_numbers_on_rows(
    ask: Runner, nan_model: Path, tmp_path: Path
) -> None:
    rows = rows_to_score(tmp_path / "eval.jsonl", CHATS)
    with pytest.raises(EvaluationError, match=r"(?s)row 1 turn 2 .*nan.*dtype: float32"):
        ask(model=nan_model, rows=[rows], max_gen_toks=2)


def test_a_model_that_computes_no_numbers_on_a_benchmark(
    ask: Runner, nan_model: Path, data: Path
) -> None:
    with pytest.raises(EvaluationError, match="nan"):
        ask(choices_task(data), model=nan_model)


def test_a_model_that_computes_no_numbers_where_it_only_writes(
    ask: Runner, nan_model: Path, data: Path
) -> None:
    with pytest.raises(EvaluationError, match=r"own_answers: a logit is nan.*dtype: float32"):
        ask(generation_task(data), model=nan_model)


def test_examples_that_would_be_the_questions_themselves(ask: Runner, data: Path) -> None:
    with pytest.raises(ConfigError, match=r"num_fewshot is 2, but own_choices has no split"):
        ask(choices_task(data), num_fewshot=2)


def test_a_generation_setting_that_nobody_knows(ask: Runner, data: Path) -> None:
    with pytest.raises(ConfigError, match=r"own_answers: .*evaluate.gen_kwargs"):
        ask(generation_task(data), gen_kwargs={"frobnicate": 1})


def test_a_loader_argument_that_nobody_knows(ask: Runner, data: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be loaded: .*evaluate.model_args"):
        ask(choices_task(data), model_args={"frobnicate": 1})


def test_an_answer_as_long_as_all_that_the_model_reads(ask: Runner, data: Path) -> None:
    with pytest.raises(ConfigError, match="Lower max_gen_toks"):
        ask(generation_task(data), gen_kwargs={"max_gen_toks": 512})


def test_a_gpu_that_is_not_there(ask: Runner, data: Path) -> None:
    with pytest.raises(ConfigError, match=r"evaluate.device is cuda:31, .*Set auto or cpu"):
        ask(choices_task(data), device="cuda:31")


def test_a_task_without_questions(ask: Runner, data: Path) -> None:
    definition = choices_task(data)
    del definition["test_split"]
    with pytest.raises(ConfigError, match="neither test_split nor validation_split"):
        ask(definition)


def test_a_data_file_that_is_not_there(ask: Runner, tmp_path: Path) -> None:
    with pytest.raises(OsftError, match=r"task own_choices: .*none.jsonl"):
        ask(choices_task(tmp_path / "none.jsonl"))
