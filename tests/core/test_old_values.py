"""Values as the Kubeflow forms took them: text with commas, JSON, tokens."""

from typing import Any

import pytest

from osft_assets.core.old_values import read_list, read_pairs, read_value
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pod import PodRecipe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("X=1", {"X": "1"}),
        ("X=1,Y=a=b", {"X": "1", "Y": "a=b"}),
        (" X = 1 , Y = 2 ,", {"X": "1", "Y": "2"}),
        ('NCCL_IB_HCA="mlx5_0,mlx5_1",X=1', {"NCCL_IB_HCA": "mlx5_0,mlx5_1", "X": "1"}),
        ('"NCCL_IB_HCA=mlx5_0,mlx5_1",X=1', {"NCCL_IB_HCA": "mlx5_0,mlx5_1", "X": "1"}),
        (r'X="say \"yes\", loudly"', {"X": 'say "yes", loudly'}),
        ("X=", {"X": ""}),
        ('{"X": "1", "Y": "a,b"}', {"X": "1", "Y": "a,b"}),
    ],
)
def test_pairs_are_read(text: str, expected: dict[str, Any]) -> None:
    assert read_pairs(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hunter2", "item 1 has no KEY="),
        ("X=1,hunter2", "item 2 has no KEY="),
        ("=hunter2", "item 1 has no KEY="),
        ('X="hunter2', "a double quote is not closed"),
        ("X=hunter2,X=2", "item 2 sets a key that is set before"),
        ('{"X": hunter2', "expected a JSON object"),
    ],
)
def test_wrong_pairs_are_refused_without_being_repeated(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as refused:
        read_pairs(text)

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("q_proj", ["q_proj"]),
        ("q_proj, k_proj", ["q_proj", "k_proj"]),
        ('"a,b",c', ["a,b", "c"]),
        ('["arc_easy", {"task": "mine"}]', ["arc_easy", {"task": "mine"}]),
    ],
)
def test_lists_are_read(text: str, expected: list[Any]) -> None:
    assert read_list(text) == expected


def test_numbers_of_generation_are_numbers() -> None:
    field = EvaluationRecipe.model_fields["gen_kwargs"]

    found = read_value("gen_kwargs", field, "max_gen_toks=256,do_sample=false,until=stop")

    assert found == {"max_gen_toks": 256, "do_sample": False, "until": "stop"}


def test_numbers_of_an_environment_stay_text() -> None:
    field = PodRecipe.model_fields["env_vars"]

    assert read_value("env_vars", field, "OMP_NUM_THREADS=4") == {"OMP_NUM_THREADS": "4"}


@pytest.mark.parametrize("value", ["HF_TOKEN", {"env": "HF_TOKEN"}])
def test_a_token_is_named(value: Any) -> None:
    assert read_value("hf_token", DatasetRecipe.model_fields["hf_token"], value) == "HF_TOKEN"


@pytest.mark.parametrize(
    "value", [{"secret": "hunter2"}, {"secretKeyRef": {"name": "hunter2", "key": "token"}}]
)
def test_a_kubernetes_secret_is_refused_with_what_to_do(value: Any) -> None:
    with pytest.raises(ValueError, match="pod.env_secrets") as refused:
        read_value("hf_token", DatasetRecipe.model_fields["hf_token"], value)

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        "hf_hunter2hunter2",
        ["q_proj", "hf_hunter2hunter2"],
        {"NOTE": "see hf_hunter2hunter2"},
        {"hf_hunter2hunter2": 1},
    ],
)
def test_a_token_in_the_wrong_place_is_refused_without_being_repeated(value: Any) -> None:
    with pytest.raises(ValueError, match="looks like a token") as refused:
        read_value("target_patterns", OsftRecipe.model_fields["target_patterns"], value)

    assert "hunter2" not in str(refused.value)
