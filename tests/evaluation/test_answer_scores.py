"""How close an answer is to the one in the row."""

import pytest

from resources.answer_scores import ANSWER_SCORES, answer_scores


def test_the_same_answer_scores_one_everywhere() -> None:
    text = "Sollun makes oak barrels, and shows them."
    assert answer_scores(text, text) == pytest.approx(dict.fromkeys(ANSWER_SCORES, 1.0))


def test_no_answer_scores_nothing() -> None:
    assert answer_scores("", "Oak barrels.") == dict.fromkeys(ANSWER_SCORES, 0.0)


def test_white_space_around_an_answer_does_not_count() -> None:
    assert answer_scores(" Oak barrels.\n", "Oak barrels.")["exact_match"] == 1


def test_an_answer_within_a_longer_one_is_contained() -> None:
    scores = answer_scores("It is known for OAK  barrels, they say.", "oak barrels")
    assert scores["contains_match"] == 1
    assert scores["exact_match"] == 0


def test_words_are_counted_as_often_as_both_have_them() -> None:
    assert answer_scores("the the barrels", "the barrels")["token_f1"] == pytest.approx(4 / 5)


@pytest.mark.parametrize("text", ["木桶", "größer", "?!", "🙂"])
def test_an_answer_of_any_script_matches_itself(text: str) -> None:
    scores = answer_scores(text, text)
    assert scores["exact_match"] == scores["contains_match"] == scores["token_f1"] == 1


def test_rouge_sees_letters_beyond_a_to_z() -> None:
    assert answer_scores("木桶 很好", "木桶 很好")["rouge1"] == 1


def test_punctuation_alone_is_not_in_every_answer() -> None:
    assert answer_scores("Oak barrels", "?!")["contains_match"] == 0
