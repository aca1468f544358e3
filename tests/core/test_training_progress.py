"""Steps as they end: shown now and then, judged at once, summed up."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.errors import TrainingError
from osft_assets.core.training_progress import (
    Observation,
    TrainingProgress,
    TrainingSummary,
    duration,
)
from osft_assets.core.training_steps import MOST_OBSERVATIONS, Step, StepReader, is_observed
from tests.core.properties import repeatable
from tests.fakes import step

Losses = list[float | None]


def followed(
    losses: Losses, factor: float = 10.0, total: int | None = None, seconds: float = 1.0
) -> tuple[TrainingProgress, list[Observation]]:
    """The progress over these losses, when each step takes so many seconds."""
    seen: list[Observation] = []
    now = [100.0]
    progress = TrainingProgress(factor, seen.append, lambda: now[0])
    for number, loss in enumerate(losses, start=1):
        now[0] += seconds
        progress(step(number, total or len(losses), loss))
    return progress, seen


def shown(total: int, steps: int | None = None) -> list[int]:
    """The numbers of the steps that are shown."""
    return [n for n in range(1, (steps or total) + 1) if is_observed(step(n, total, 1.0))]


# What is shown


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


def test_a_shown_step_is_a_sentence() -> None:
    _, seen = followed([2.5, 2.0], total=1_200)

    assert seen[0].sentence == ("step 1 of 1,200: loss 2.5000, lr 1.00e-04, 4,000 tokens/s")


def test_what_the_trainer_does_not_tell_is_not_said() -> None:
    seen: list[Observation] = []

    TrainingProgress(0, seen.append)(step(1, 1, None, tokens_per_second=None))

    assert seen[0].sentence == "step 1 of 1: no token counted, lr 1.00e-04"


# Time left


def test_the_time_left_follows_the_speed_so_far() -> None:
    _, seen = followed([1.0] * 10, total=50, seconds=3.0)

    assert [observation.seconds_left for observation in seen[1:4]] == [144.0, 141.0, 138.0]


def test_the_first_step_says_nothing_about_speed() -> None:
    """It pays for warming up."""
    seen: list[Observation] = []
    now = [0.0]
    progress = TrainingProgress(0, seen.append, lambda: now[0])
    for number, second in ((1, 500.0), (2, 501.0), (3, 502.0)):
        now[0] = second
        progress(step(number, 3, 1.0))

    assert [observation.seconds_left for observation in seen] == [None, 1.0, 0.0]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (60 * 89, "89 min"),
        (60 * 90, "1.5 h"),
        (3600 * 30, "30.0 h"),
    ],
)
def test_a_duration_is_said_in_a_fitting_unit(seconds: float, words: str) -> None:
    assert duration(seconds) == words


# Divergence


@pytest.mark.parametrize("loss", [math.nan, math.inf])
@pytest.mark.parametrize("factor", [0, 10.0])
def test_a_loss_that_is_no_number_stops_whatever_the_factor(loss: float, factor: float) -> None:
    with pytest.raises(TrainingError, match=f"The loss is {loss} at step 2 of 2: the weights are"):
        followed([1.0, loss], factor)


def test_a_loss_that_grew_too_much_stops() -> None:
    with pytest.raises(TrainingError, match=r"grew from 2 to 20\.1 at step 3 of 4.*divergence_fac"):
        followed([2.0, 20.0, 20.1, 1.0])


@pytest.mark.parametrize("losses", [[2.0, 20.0], [0.01, 9.0], [0.01, 10.0]])
def test_a_loss_within_the_factor_goes_on(losses: Losses) -> None:
    """A first loss near zero counts as one: ten times nothing is still nothing."""
    progress, _ = followed(losses)

    assert len(progress.steps) == 2


def test_with_factor_zero_a_loss_may_grow() -> None:
    progress, _ = followed([1.0, 1e6], factor=0)

    assert progress.summary().final_loss == 1e6


def test_growth_is_measured_from_the_first_step_that_had_a_loss() -> None:
    with pytest.raises(TrainingError, match="grew from 3 to 31 "):
        followed([None, 3.0, None, 31.0])


def test_a_step_without_a_counted_token_stops_nothing() -> None:
    progress, seen = followed([None, 2.0, None, 1.0])

    assert len(seen) == 4
    assert progress.summary().first_loss == 2.0


# Summary


def test_a_training_is_summed_up() -> None:
    progress = TrainingProgress(0, lambda _: None)
    speeds, memories = (100.0, 300.0, None, 500.0), (0.5, 2.0, None, 1.0)
    for number, (speed, memory) in enumerate(zip(speeds, memories, strict=True), start=1):
        loss = (4.0, 1.0, None, 2.0)[number - 1]
        told: dict[str, Any] = {"tokens_per_second": speed, "peak_memory_gb": memory}
        progress(step(number, 4, loss, validation_loss=number / 10, **told))

    assert progress.summary() == TrainingSummary(
        steps=4,
        first_loss=4.0,
        final_loss=2.0,
        lowest_loss=1.0,
        mean_loss_of_last_tenth=2.0,
        validation_loss=0.4,
        rows=32,
        tokens=3_200,
        tokens_per_second=400.0,  # without the first step
        peak_memory_gb=2.0,
    )


@pytest.mark.parametrize(("steps", "mean"), [(1, 1.0), (10, 1.0), (11, 1.5), (20, 1.5), (25, 2.0)])
def test_the_last_tenth_is_rounded_up(steps: int, mean: float) -> None:
    progress, _ = followed([float(steps - n) for n in range(steps)], factor=0)

    assert progress.summary().mean_loss_of_last_tenth == mean


def test_a_training_in_which_nothing_counted_has_no_summary() -> None:
    progress, _ = followed([None, None])

    with pytest.raises(TrainingError, match="No step had a token to learn from"):
        progress.summary()


def test_a_single_step_has_no_speed() -> None:
    progress, _ = followed([1.0])

    assert progress.summary().tokens_per_second is None


@pytest.mark.parametrize("loss", [math.nan, 1.5, None])
def test_a_summary_comes_back_from_its_file_as_it_was(loss: float | None) -> None:
    progress = TrainingProgress(0, lambda _: None)
    progress(step(1, 1, 1.0, validation_loss=loss))
    summary = progress.summary()

    again = TrainingSummary.model_validate_json(summary.model_dump_json())

    assert repr(again) == repr(summary)  # NaN is not equal to itself


# Metric files


def osft_line(number: int, **values: Any) -> str:
    """A line as mini-trainer 0.9 writes it."""
    told: dict[str, Any] = {
        "step": number,
        "epoch": 0,
        "steps_per_epoch": 5,
        "lr": 1e-4,
        "grad_norm": 0.7,
        "loss": 2.0,
        "num_samples": 8.0,
        "num_loss_counted_tokens": 60,
        "num_total_tokens": 900.0,
        "tokens_per_second": 3000.0,
        "peak_memory_usage_GB": 1.5,
        "val_loss": None,
        "timestamp": "2026-01-02T10:00:00",
    }
    return json.dumps(told | values)


def sft_line(number: int, **values: Any) -> str:
    """A line as instructlab-training 0.13 writes it."""
    told: dict[str, Any] = {
        "epoch": 0,
        "step": number,
        "rank": 0,
        "overall_throughput": 4.0,
        "lr": 1e-4,
        "cuda_mem_allocated": 2.0,
        "cuda_malloc_retries": 0,
        "num_loss_counted_tokens": 60,
        "num_tokens_rank0": 900,
        "batch_size": 8,
        "num_epoch_steps": 5,
        "avg_loss": 2.0,
        "samples_seen": 8,
        "gradnorm": None,
        "total_samples": 40,
    }
    return json.dumps(told | values)


def test_a_step_of_mini_trainer_is_read() -> None:
    assert StepReader("osft", 2).read([osft_line(3, val_loss=1.5)]) == [
        Step(
            step=3,
            total_steps=10,
            epoch=0,
            loss=2.0,
            learning_rate=1e-4,
            grad_norm=0.7,
            rows=8,
            tokens=900,
            tokens_per_second=3000.0,
            peak_memory_gb=1.5,
            validation_loss=1.5,
        )
    ]


def test_a_step_of_instructlab_is_read() -> None:
    assert StepReader("sft", 2).read([sft_line(3)]) == [
        Step(
            step=3,
            total_steps=10,
            epoch=0,
            loss=2.0,
            learning_rate=1e-4,
            grad_norm=None,
            rows=8,
            tokens=900,
            tokens_per_second=450.0,  # it tells rows a second
            peak_memory_gb=2 * 2**30 / 1e9,
        )
    ]


def test_lines_that_are_no_steps_are_passed_over() -> None:
    settings, validation = '{"model_name_or_path": "m"}', '{"val_loss": 1.25, "val_num_tokens": 9}'

    steps = StepReader("sft", 1).read([settings, sft_line(1), validation, sft_line(2)])

    assert [(s.step, s.validation_loss) for s in steps] == [(1, None), (2, 1.25)]


def test_the_loss_on_the_holdout_is_kept_between_calls() -> None:
    reader = StepReader("sft", 1)
    reader.read(['{"val_loss": 1.25}'])

    assert reader.read([sft_line(1)])[0].validation_loss == 1.25


@pytest.mark.parametrize(("algorithm", "line"), [("osft", osft_line), ("sft", sft_line)])
def test_nan_is_a_loss_where_tokens_counted_and_none_where_not(algorithm: str, line: Any) -> None:
    name = "loss" if algorithm == "osft" else "avg_loss"
    lines = [
        line(1, **{name: math.nan, "num_loss_counted_tokens": 0}),
        line(2, **{name: math.nan}),
    ]

    without, lost = StepReader(algorithm, 1).read(lines)

    assert without.loss is None
    assert lost.loss is not None
    assert math.isnan(lost.loss)


def test_a_batch_without_rows_has_no_speed() -> None:
    lines = [sft_line(1, batch_size=0, num_loss_counted_tokens=0)]

    assert StepReader("sft", 1).read(lines)[0].tokens_per_second is None


def test_a_step_that_is_told_again_with_its_loss_on_the_holdout_is_one_step() -> None:
    observed: list[Observation] = []
    progress = TrainingProgress(10.0, observed.append)
    progress(step(1, 2, 3.0))
    progress(step(2, 2, 2.0))
    progress(step(2, 2, 2.0, validation_loss=2.5))

    assert len(observed) == 2
    assert progress.summary().steps == 2
    assert progress.summary().validation_loss == 2.5
