"""Two models that answered the same questions, each answer right or wrong.

Only the questions on which they disagree say anything about the difference.
"""

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple


class Answers(NamedTuple):
    """How many questions only the tuned model got right, and how many only the base."""

    gained: int
    lost: int
    questions: int

    @property
    def value(self) -> float:
        """How many more of the questions the tuned model got right, as a share."""
        return (self.gained - self.lost) / self.questions

    def interval(self, confidence: float) -> tuple[float, float]:
        """Around (gained - lost) / questions: Agresti and Min (2005), half an answer per cell.

        The plain interval has no width when the models never disagree, which on 20 questions
        says little: this one is then +-0.09.
        """
        gained, lost, questions = self.gained + 0.5, self.lost + 0.5, self.questions + 2
        centre = (gained - lost) / questions
        variance = (gained + lost - (gained - lost) ** 2 / questions) / questions**2
        half = NormalDist().inv_cdf((1 + confidence) / 2) * sqrt(variance)
        # The centre is drawn towards 0: an interval of little confidence would miss the value.
        return max(-1.0, min(self.value, centre - half)), min(1.0, max(self.value, centre + half))

    def p_value(self) -> float:
        """McNemar's, exact: how likely so uneven a split of the disagreements is by chance."""
        disagreements = self.gained + self.lost
        term = total = 1  # in whole numbers, because 2**-2000 is no double
        for k in range(min(self.gained, self.lost)):
            term = term * (disagreements - k) // (k + 1)
            total += term
        return min(1.0, 2 * total / (1 << disagreements))
