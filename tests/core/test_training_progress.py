"""Steps as they end: shown now and then, judged at once, summed up."""

import math

import pytest

from osft_assets.core.errors import TrainingError
from osft_assets.core.training_progress import (
    Observation,
    TrainingProgress,
    TrainingSummary,
    duration,
)
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


# What is shown


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
    for number, speed in enumerate((100.0, 300.0, None, 500.0), start=1):
        loss = (4.0, 1.0, None, 2.0)[number - 1]
        held_out = 0.2 if number == 2 else None  # measured once
        progress(step(number, 4, loss, validation_loss=held_out, tokens_per_second=speed))

    assert progress.summary() == TrainingSummary(
        steps=4,
        first_loss=4.0,
        final_loss=2.0,
        lowest_loss=1.0,
        mean_loss_of_last_tenth=2.0,
        validation_loss=0.2,
        rows=32,
        tokens=3_200,
        tokens_per_second=400.0,  # without the first step
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


def test_a_step_that_is_told_again_with_its_loss_on_the_holdout_is_one_step() -> None:
    observed: list[Observation] = []
    progress = TrainingProgress(10.0, observed.append)
    progress(step(1, 2, 3.0))
    progress(step(2, 2, 2.0))
    progress(step(2, 2, 2.0, validation_loss=2.5))

    assert len(observed) == 2
    assert progress.summary().steps == 2
    assert progress.summary().validation_loss == 2.5
