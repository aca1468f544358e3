import json
import math
from typing import Any

import pytest

from osft_assets.core.training_steps import MOST_OBSERVATIONS, Step, StepReader, is_observed

_OSFT = {
    **{"step": 1, "epoch": 0, "steps_per_epoch": 6, "lr": 0.005, "grad_norm": 1.5, "loss": 5.9},
    **{"num_samples": 16.0, "num_loss_counted_tokens": 300.0, "num_total_tokens": 671.0},
    **{"tokens_per_second": 9000.5, "peak_memory_usage_GB": 3.5, "val_loss": None},
    "timestamp": "2026-11-21T09:24:25.536317",
}
_SFT = {
    **{"epoch": 1, "step": 7, "rank": 0, "overall_throughput": 100.0, "lr": 0.001},
    **{"cuda_mem_allocated": 2.0, "num_loss_counted_tokens": 365, "num_tokens_rank0": 832},
    **{"batch_size": 16, "avg_loss": 3.38, "gradnorm": None, "num_epoch_steps": 6},
}
_SFT_SETTINGS = {"model_name_or_path": "/m", "num_epochs": 2, "learning_rate": 0.005, "seed": 42}
_SFT_BATCHES = {"num_gpus": 1, "avg_sample_len": 40.6, "num_batches": 6, "total_samples": 96}


def _read(algorithm: str, *lines: dict[str, Any]) -> list[Step]:
    return StepReader(algorithm, num_epochs=2).read(json.dumps(line) for line in lines)


def test_a_line_of_mini_trainer_is_a_step() -> None:
    assert _read("osft", _OSFT) == [
        Step(
            step=1,
            total_steps=12,
            epoch=0,
            loss=5.9,
            learning_rate=0.005,
            grad_norm=1.5,
            rows=16,
            tokens=671,
            tokens_per_second=9000.5,
            peak_memory_gb=3.5,
        )
    ]


def test_a_line_of_instructlab_training_is_a_step_after_two_lines_of_settings() -> None:
    (step,) = _read("sft", _SFT_SETTINGS, _SFT_BATCHES, _SFT)

    assert (step.step, step.total_steps, step.epoch, step.loss) == (7, 12, 1, 3.38)
    assert step.tokens_per_second == pytest.approx(100 * 832 / 16)
    assert step.peak_memory_gb == pytest.approx(2.147, abs=0.001)
    assert step.grad_norm is None


def test_a_loss_that_is_not_a_number_is_kept_where_tokens_counted() -> None:
    (step,) = _read("osft", {**_OSFT, "loss": math.nan})

    assert step.loss is not None
    assert math.isnan(step.loss)


@pytest.mark.parametrize(("algorithm", "line"), [("osft", _OSFT), ("sft", _SFT)])
def test_without_a_token_that_counts_there_is_no_loss(algorithm: str, line: dict[str, Any]) -> None:
    nothing = {"num_loss_counted_tokens": 0, "loss": math.nan, "avg_loss": math.nan}
    (step,) = _read(algorithm, {k: nothing.get(k, v) for k, v in line.items()})

    assert step.loss is None


def test_a_batch_without_rows_has_no_speed() -> None:
    (step,) = _read("sft", {**_SFT, "batch_size": 0})

    assert step.tokens_per_second is None


def test_the_loss_on_the_holdout_belongs_to_its_step_and_those_after_it() -> None:
    steps = _read("osft", _OSFT, {**_OSFT, "step": 2, "val_loss": 4.5}, {**_OSFT, "step": 3})

    assert [step.validation_loss for step in steps] == [None, 4.5, 4.5]


def test_instructlab_tells_the_loss_on_the_holdout_in_the_line_after_the_step() -> None:
    reader = StepReader("sft", num_epochs=2)
    measured = {"val_loss": 4.5, "val_num_tokens": 300, "step": 8}
    lines = [json.dumps(line) for line in (_SFT, {**_SFT, "step": 8}, measured)]

    first = reader.read(lines)
    later = reader.read([json.dumps({**_SFT, "step": 9})])

    assert [step.validation_loss for step in (*first, *later)] == [None, 4.5, 4.5]


def test_the_loss_on_the_holdout_may_come_in_a_later_piece_of_the_file() -> None:
    reader = StepReader("sft", num_epochs=2)

    (first,) = reader.read([json.dumps(_SFT)])
    (again,) = reader.read([json.dumps({"val_loss": 4.5, "step": 7})])
    (following,) = reader.read([json.dumps({**_SFT, "step": 8})])

    assert (first.step, first.validation_loss) == (7, None)
    assert (again.step, again.validation_loss) == (7, 4.5)
    assert following.validation_loss == 4.5


@pytest.mark.parametrize("total", [1, 5, 88, 89, 1000, 12345])
def test_few_enough_steps_are_shown_and_always_the_first_and_the_last(total: int) -> None:
    steps = [
        Step(number, total, 0, 1.0, 0.1, 1.0, 1, 1, None, None) for number in range(1, total + 1)
    ]

    shown = [step.step for step in steps if is_observed(step)]

    assert len(shown) <= MOST_OBSERVATIONS
    assert {1, total} <= set(shown)
