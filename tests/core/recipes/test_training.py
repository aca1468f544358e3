"""The knobs of training."""

from typing import Any

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.recipes.training import TrainingRecipe


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [
        (OsftRecipe, {"unfreeze_rank_ratio": 0.01}),
        (OsftRecipe, {"unfreeze_rank_ratio": 0.99}),
        (OsftRecipe, {"target_patterns": ["self_attn.q_proj"]}),
        (OsftRecipe, {"lr_scheduler": "polynomial", "lr_scheduler_kwargs": {"power": 2.0}}),
        (
            OsftRecipe,
            {"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 1e-7}},
        ),
        (OsftRecipe, {"unmask_messages": True}),
        (OsftRecipe, {"use_processed_dataset": True}),
        (OsftRecipe, {"is_pretraining": True, "block_size": 2048}),
        (OsftRecipe, {"osft_memory_efficient_init": True, "fsdp_sharding_strategy": ""}),
        (SftRecipe, {"fsdp_sharding_strategy": "HYBRID_SHARD"}),
        (SftRecipe, {"save_samples": 1000, "accelerate_full_state_at_epoch": True}),
        (SftRecipe, {"is_pretraining": True, "block_size": 2048}),
        (SftRecipe, {"unmask_messages": False, "use_processed_dataset": False}),
    ],
)
def test_sensible_settings_are_accepted(
    recipe: type[TrainingRecipe], settings: dict[str, Any]
) -> None:
    assert recipe(**settings).model_dump(include=set(settings)) == settings


@pytest.mark.parametrize("recipe", [OsftRecipe, SftRecipe])
@pytest.mark.parametrize(
    ("settings", "expected_error"),
    [
        ({"effective_batch_size": 0}, "greater than or equal to 1"),
        ({"num_epochs": 0}, "greater than or equal to 1"),
        ({"learning_rate": -1e-6}, "greater than or equal to 0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"learning_rate": float("inf")}, "learning_rate"),
        ({"warmup_steps": -1}, "greater than or equal to 0"),
        ({"max_seq_len": 20}, "greater than or equal to 21"),
        ({"max_tokens_per_gpu": 0}, "greater than or equal to 1"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"document_column_name": ""}, "at least 1 character"),
        ({"is_pretraining": True}, "is_pretraining and block_size go together"),
        ({"block_size": 2048}, "is_pretraining and block_size go together"),
    ],
)
def test_a_bad_setting_is_refused(
    recipe: type[TrainingRecipe], settings: dict[str, Any], expected_error: str
) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        recipe(**settings)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.1])
def test_the_unfrozen_share_lies_between_the_ends(share: float) -> None:
    with pytest.raises(ValidationError, match="should be (greater than 0|less than 1)"):
        OsftRecipe(unfreeze_rank_ratio=share)


@pytest.mark.parametrize(
    ("recipe", "settings", "reason"),
    [
        (OsftRecipe, {"backend": "instructlab-training"}, "should be 'mini-trainer'"),
        (SftRecipe, {"backend": "mini-trainer"}, "should be 'instructlab-training'"),
        (
            OsftRecipe,
            {"osft_memory_efficient_init": False},
            "always initialises memory-efficiently and ignores this. Remove it",
        ),
        (
            OsftRecipe,
            {"fsdp_sharding_strategy": "FULL_SHARD"},
            "has no such option and would drop it. Remove it; it is an SFT setting",
        ),
        (
            SftRecipe,
            {"unmask_messages": True},
            'has no such option. Put "unmask": true on the rows themselves',
        ),
        (SftRecipe, {"use_processed_dataset": True}, "cannot take tokenised rows. Use chats"),
        (SftRecipe, {"lr_scheduler": "polynomal"}, "should be 'cosine', 'linear'"),
        (SftRecipe, {"fsdp_sharding_strategy": "SOME_SHARD"}, "should be 'FULL_SHARD', 'HYBRID"),
        (SftRecipe, {"unfreeze_rank_ratio": 0.25}, "unfreeze_rank_ratio"),
        (OsftRecipe, {"save_samples": 10}, "save_samples"),
    ],
)
def test_a_setting_that_the_trainer_would_drop_is_refused(
    recipe: type[TrainingRecipe], settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        recipe(**settings)


def test_rows_are_tokens_or_documents_but_not_both() -> None:
    with pytest.raises(ValidationError, match="exclude each other: tokens or documents"):
        OsftRecipe(use_processed_dataset=True, is_pretraining=True, block_size=8)


def test_a_token_is_never_written_into_the_base_model_recipe() -> None:
    with pytest.raises(ValidationError, match="expected the name of an environment variable"):
        BaseModelRecipe(hf_token="hf_abcdefghijklmnop")  # noqa: S106


@pytest.mark.parametrize("address", ["user:pw@host:5000", "host/?token=pw", "https://u:pw@host"])
def test_a_tracker_address_with_a_password_is_refused_unseen(address: str) -> None:
    with pytest.raises(ValidationError, match="it carries a credential") as caught:
        OsftRecipe(mlflow_tracking_uri=address)

    assert "pw" not in str(caught.value)
