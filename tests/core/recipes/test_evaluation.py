"""The knobs of the evaluation stage."""

from typing import Any

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes.evaluation import EvaluationRecipe


@pytest.mark.parametrize(
    "settings",
    [
        {"tasks": ["mmlu", "gsm8k"]},
        {"batch": "auto"},
        {"batch": "16"},
        {"limit": -1},
        {"limit": 1},
        {"gen_kwargs": {"temperature": 0.7, "do_sample": True}},
        {"model_args": {"max_length": 2048}},
        {"log_samples": False},
        {"verbosity": "DEBUG"},
        {"tasks": [{"task": "mine", "dataset_path": "json"}]},
        {"tasks": [], "holdout": False, "skills": {"old": "pvc://old.jsonl"}},
        {"gen_kwargs": {"max_gen_toks": 64}},
        {"backend": "vllm", "vllm_python": "/opt/vllm/bin/python"},
        {
            "backend": "vllm",
            "vllm_python": "/opt/vllm/bin/python",
            "model_args": {"gpu_memory_utilization": 0.5},
        },
        {"num_fewshot": 0},
        {"seed": 7},
        {"seed": [1, 2, 3, 4]},
        {"device": "cpu"},
        {"device": "mps"},
        {"device": "cuda:1"},
        {"dtype": "float32"},
        {"stall_timeout_minutes": 0.0, "timeout_minutes": 0.0},
    ],
    ids=repr,
)
def test_sensible_settings_are_accepted(settings: dict[str, Any]) -> None:
    assert EvaluationRecipe(**settings).model_dump(include=set(settings)) == settings


@pytest.mark.parametrize(
    ("settings", "expected_error"),
    [
        ({"tasks": [], "holdout": False}, "nothing to evaluate"),
        ({"tasks": "mmlu"}, "valid list"),
        ({"batch": "0"}, "expected auto or a number from 1"),
        ({"batch": "-1"}, "expected auto or a number from 1"),
        ({"batch": "large"}, "expected auto or a number from 1"),
        ({"batch": "²"}, "expected auto or a number from 1"),
        ({"limit": 0}, "expected -1 for all, or a number from 1"),
        ({"limit": -2}, "expected -1 for all, or a number from 1"),
        ({"limit": 0.5}, "valid integer"),
        ({"gen_kwargs": "temperature=0"}, "valid dictionary"),
        ({"verbosity": "LOUD"}, "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ({"skills": {"my old": "pvc://rows"}}, "expected names of letters, digits"),
        ({"skills": {"a:b": "pvc://rows"}}, "expected names of letters, digits"),
        (
            {"gen_kwargs": {"max_tokens": 9, "max_gen_toks": 8}},
            "max_gen_toks and max_tokens say the same: give one of them",
        ),
        ({"model_args": {"dtype": "float32"}}, r"dtype does not belong here: set evaluate\.dtype"),
        ({"model_args": {"pretrained": "x"}}, "base_model and checkpoint are what is evaluated"),
        ({"model_args": {"device": "cpu"}}, r"set evaluate\.device"),
        ({"model_args": {"batch_size": 8}}, r"set evaluate\.batch"),
        ({"model_args": {"trust_remote_code": True}}, r"set evaluate\.trust_remote_code"),
        ({"model_args": {"use_cache": "x"}}, "scores are cached by what decides them"),
        ({"model_args": {"peft": "x"}}, "evaluate a merged model"),
        ({"model_args": {"delta": "x"}}, "evaluate a merged model"),
        (
            {"model_args": {"max_model_len": 9, "enforce_eager": True}},
            "enforce_eager, max_model_len only vllm knows, and backend is hf. Remove them, or",
        ),
        ({"model_args": {"max_num_seqs": 9}}, "max_num_seqs only vllm knows.* Remove it, or"),
        ({"backend": "vllm"}, "set vllm_python, such as"),
        ({"vllm_python": "/opt/vllm/bin/python"}, "vllm_python has no effect with backend hf"),
        (
            {"backend": "vllm", "vllm_python": "vllm/bin/python"},
            "vllm_python.*\n.*absolute",
        ),
        ({"backend": "sglang"}, "'hf' or 'vllm'"),
        ({"seed": [0, 1234, 1234]}, "expected one number, or four"),
        ({"seed": [0, 1, 2, -3]}, "greater than or equal to 0"),
        ({"device": "gpu"}, "expected auto, cpu, mps, cuda or cuda:0"),
        ({"device": "cuda:"}, "expected auto, cpu, mps, cuda or cuda:0"),
        ({"device": "cuda:٣"}, "expected auto, cpu, mps, cuda or cuda:0"),
        ({"dtype": "int8"}, "'float32', 'bfloat16' or 'float16'"),
        ({"num_fewshot": -1}, "greater than or equal to 0"),
        ({"max_gen_toks": 0}, "greater than or equal to 1"),
        ({"timeout_minutes": -1}, "greater than or equal to 0"),
        ({"stall_timeout_minutes": -1}, "greater than or equal to 0"),
        ({"task": ["mmlu"]}, "Extra inputs are not permitted"),
    ],
    ids=repr,
)
def test_a_bad_setting_is_refused(settings: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        EvaluationRecipe(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"tasks": ["mmlu"]},
        {"holdout": False},
        {"skills": {"old": "pvc://old.jsonl"}},
        {"batch": "16"},
        {"log_samples": False},
        {"verbosity": "DEBUG"},
        {"stall_timeout_minutes": 1.0},
        {"timeout_minutes": 1.0},
    ],
    ids=repr,
)
def test_what_is_asked_and_how_fast_decides_no_score(settings: dict[str, Any]) -> None:
    assert EvaluationRecipe(**settings).identity() == EvaluationRecipe().identity()


def test_where_the_interpreter_of_vllm_is_decides_no_score() -> None:
    one, other = (
        EvaluationRecipe(backend="vllm", vllm_python=f"/opt/{name}/bin/python").identity()
        for name in ("one", "other")
    )

    assert one == other
    assert one != EvaluationRecipe().identity()


@pytest.mark.parametrize(
    "settings",
    [
        {"limit": 10},
        {"gen_kwargs": {"temperature": 0.7}},
        {"model_args": {"max_length": 2048}},
        {"apply_chat_template": True},
        {"system_instruction": "Be brief."},
        {"num_fewshot": 5},
        {"fewshot_as_multiturn": False},
        {"max_gen_toks": 64},
        {"seed": 7},
        {"device": "cpu"},
        {"dtype": "float32"},
        {"trust_remote_code": True},
    ],
    ids=repr,
)
def test_how_it_is_asked_decides_the_scores(settings: dict[str, Any]) -> None:
    assert EvaluationRecipe(**settings).identity() != EvaluationRecipe().identity()
