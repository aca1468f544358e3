"""Names keep both their ends, sentences their beginning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.markup import clean, cut_short, shortened
from tests.core.properties import repeatable

SENTENCE = "Turned so that more is better, it fell by 4.5 points."


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (len(SENTENCE), SENTENCE),
        (31, "Turned so that more is better…"),
        (30, "Turned so that more is…"),
        (20, "Turned so that more…"),
        (19, "Turned so that…"),
        (4, "Tur…"),
    ],
)
def test_a_sentence_is_cut_after_a_word(most: int, expected: str) -> None:
    assert cut_short(SENTENCE, most) == expected


def test_a_name_keeps_both_its_ends() -> None:
    assert shortened("mmlu_high_school_biology", 13) == "mmlu_h…iology"


@repeatable
@given(st.text(alphabet="ab .,", max_size=60), st.integers(2, 40))
def test_no_cut_sentence_is_too_long_or_ends_within_a_word(sentence: str, most: int) -> None:
    cut, whole = cut_short(sentence, most), clean(sentence)

    assert len(cut) <= most
    if cut != whole:
        kept = cut.removesuffix("…")
        assert whole.startswith(kept)
        assert " " not in whole[:most] or whole[len(kept)] in " ,.;:"
