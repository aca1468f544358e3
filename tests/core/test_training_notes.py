"""What a finished training has a note about."""

from osft_assets.core.training_notes import never_validated, rounded_away
from tests.fakes import certificate


def test_an_update_that_the_save_rounds_away_is_noted() -> None:
    (note,) = rounded_away(certificate(rounding=1.5))

    assert note.startswith("saving as float32 changes 1 of 1 matrices more than training did")
    assert rounded_away(certificate(rounding=0.5)) == rounded_away(None) == ()


def test_a_validation_that_was_never_due_is_noted() -> None:
    (note,) = never_validated(50, 12, takes_best=False)

    assert note.startswith("validation_frequency is 50, but there were 12 steps: the loss on the")
    assert "measured not at all. Set validation_frequency to 12 or less" in note
    assert never_validated(12, 12, takes_best=False) == never_validated(0, 12, False) == ()


def test_the_best_is_measured_once_at_least() -> None:
    (note,) = never_validated(50, 12, takes_best=True)

    assert "measured only after the last one" in note
