"""Steps from the lines of either trainer's metric file, and which of them are shown."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.errors import TrainingError
from osft_assets.core.training_steps import MOST_OBSERVATIONS, Step, StepReader, is_observed
from tests.core.properties import repeatable
from tests.core.training_parts import OSFT_STEP, SFT_STEP
from tests.fakes import step

_SFT_SETTINGS = {"model_name_or_path": "/m", "num_epochs": 2, "learning_rate": 0.005, "seed": 42}
_SFT_BATCHES = {"num_gpus": 1, "avg_sample_len": 40.6, "num_batches": 6, "total_samples": 96}


def _read(algorithm: str, *lines: dict[str, Any]) -> list[Step]:
    return StepReader(algorithm, num_epochs=2).read(json.dumps(line) for line in lines)


def test_a_line_of_mini_trainer_is_a_step() -> None:
    assert _read("osft", OSFT_STEP) == [
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
    (found,) = _read("sft", _SFT_SETTINGS, _SFT_BATCHES, SFT_STEP)

    assert (found.step, found.total_steps, found.epoch, found.loss) == (7, 12, 1, 3.38)
    assert found.tokens_per_second == pytest.approx(100 * 832 / 16)
    assert found.peak_memory_gb == pytest.approx(2.147, abs=0.001)
    assert found.grad_norm is None


def test_a_loss_that_is_not_a_number_is_kept_where_tokens_counted() -> None:
    (found,) = _read("osft", {**OSFT_STEP, "loss": math.nan})

    assert found.loss is not None
    assert math.isnan(found.loss)


@pytest.mark.parametrize(("algorithm", "line"), [("osft", OSFT_STEP), ("sft", SFT_STEP)])
def test_without_a_token_that_counts_there_is_no_loss(algorithm: str, line: dict[str, Any]) -> None:
    nothing = {"num_loss_counted_tokens": 0, "loss": math.nan, "avg_loss": math.nan}
    (found,) = _read(algorithm, {k: nothing.get(k, v) for k, v in line.items()})

    assert found.loss is None


def test_a_batch_without_rows_has_no_speed() -> None:
    (found,) = _read("sft", {**SFT_STEP, "batch_size": 0})

    assert found.tokens_per_second is None


def test_the_loss_on_the_holdout_belongs_to_the_step_after_which_it_was_measured() -> None:
    """mini-trainer repeats it in every line until the next."""
    measured = {"val_loss": 4.5, "val_num_samples": 16.0}
    repeated = {**OSFT_STEP, "step": 3, "val_loss": 4.5}

    steps = _read("osft", OSFT_STEP, {**OSFT_STEP, "step": 2, **measured}, repeated)

    assert [step.validation_loss for step in steps] == [None, 4.5, None]


def test_instructlab_tells_the_loss_on_the_holdout_in_the_line_after_the_step() -> None:
    reader = StepReader("sft", num_epochs=2)
    measured = {"val_loss": 4.5, "val_num_tokens": 300, "step": 8}
    lines = [json.dumps(line) for line in (SFT_STEP, {**SFT_STEP, "step": 8}, measured)]

    first = reader.read(lines)
    later = reader.read([json.dumps({**SFT_STEP, "step": 9})])

    assert [step.validation_loss for step in (*first, *later)] == [None, 4.5, None]


def test_the_loss_on_the_holdout_may_come_in_a_later_piece_of_the_file() -> None:
    reader = StepReader("sft", num_epochs=2)

    (first,) = reader.read([json.dumps(SFT_STEP)])
    (again,) = reader.read([json.dumps({"val_loss": 4.5, "step": 7})])
    (following,) = reader.read([json.dumps({**SFT_STEP, "step": 8})])

    assert (first.step, first.validation_loss) == (7, None)
    assert (again.step, again.validation_loss) == (7, 4.5)
    assert following.validation_loss is None


def test_a_line_that_was_cut_off_is_told_with_what_it_may_be() -> None:
    with pytest.raises(TrainingError, match="cannot be read: .*Look whether the disk is full"):
        StepReader("osft", 1).read(['{"step": 1, "lo'])


# Which are shown


def shown(total: int, steps: int | None = None) -> list[int]:
    """The numbers of the steps that are shown."""
    return [n for n in range(1, (steps or total) + 1) if is_observed(step(n, total, 1.0))]


@pytest.mark.parametrize("total", [1, 2, 87, 88, 89, 90, 91, 176, 177, 1000, 100_000])
def test_few_steps_are_shown_among_them_the_first_and_the_last(total: int) -> None:
    numbers = shown(total)

    assert len(numbers) <= MOST_OBSERVATIONS
    assert {1, total} <= set(numbers)


@repeatable
@given(st.integers(1, 5_000))
def test_between_a_half_and_all_of_what_may_be_shown_is(total: int) -> None:
    assert min(total, MOST_OBSERVATIONS // 2) <= len(shown(total)) <= MOST_OBSERVATIONS


def test_every_step_of_a_short_training_is_shown() -> None:
    assert shown(88) == list(range(1, 89))


def test_a_trainer_that_goes_on_past_its_plan_does_not_flood_the_page() -> None:
    assert len(shown(100, steps=150)) <= MOST_OBSERVATIONS
