"""Made-up questions that two models get right or wrong, and their comparisons.

Only how many they agree and disagree on is drawn: nothing else counts.
"""

from collections.abc import Iterator
from math import sqrt

import numpy as np

from osft_assets.core.forgetting import Difference
from osft_assets.core.right_or_wrong import Answers

# Of the base, and how much of it changes although nothing is lost or won.
RIGHT, DISAGREE = 0.8, 0.10


def differences(
    questions: int, loss: float, runs: int, confidence: float, seed: int
) -> Iterator[tuple[Difference, int]]:
    """The comparisons with a model that truly lost this share, and how often each came up."""
    half = DISAGREE / 2
    cells = [RIGHT - half - loss, half + loss, half, 1 - RIGHT - half]
    random = np.random.default_rng([seed, questions, round(1000 * loss)])
    tables, counts = np.unique(
        random.multinomial(questions, cells, runs), axis=0, return_counts=True
    )
    for (both, lost, gained, _), count in zip(tables.tolist(), counts.tolist(), strict=True):
        answers = Answers(gained, lost, questions)
        yield _difference(answers, (both + lost) / questions, confidence), count


def _difference(answers: Answers, base: float, confidence: float) -> Difference:
    low, high = answers.interval(confidence)
    return Difference(
        base=base,
        tuned=base + answers.value,
        base_stderr=sqrt(base * (1 - base) / (answers.questions - 1)),
        tuned_stderr=None,
        value=answers.value,
        low=low,
        high=high,
        documents=answers.questions,
        effect_size=None,
        p_value=None,
        method="paired right/wrong",
    )
