"""How often the gate is wrong, simulated: models that did not change, and models that got worse.

The first table is of right and wrong answers, the second of the loss on conversations. Seeded: the
same figures every time. What they mean is in docs/gate.md.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean

from benchmarks.gate_conversations import conversations
from benchmarks.gate_questions import DISAGREE, RIGHT, differences
from benchmarks.measure import Target, machine, report
from osft_assets.core.comparison import paired
from osft_assets.core.forgetting import Difference
from osft_assets.core.gate import tolerance_of, verdict_of
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.scores import Score

_SEED = 20_260
_QUESTIONS = (20, 50, 100, 200, 500, 1000)
_LOSSES = (0.0, 0.02, 0.05, 0.10)
_TOLERANCES = (None, 0.02, 0.05, 0.10)
_CONFIDENCES = (0.80, 0.90, 0.95, 0.99)
_CONVERSATIONS = (10, 20, 50, 100)
_TASKS = (1, 5, 20, 57)  # mmlu has 57 subjects


@dataclass(frozen=True)
class Rates:
    """How often each verdict was given, and how often the interval held the truth."""

    lost: float
    kept: float  # or improved
    cannot_tell: float
    covered: float


def main() -> int:
    """Simulate, print the tables and the targets; the exit status."""
    arguments = _arguments()
    print(f"{machine()}. {arguments.runs:,} simulated models each.\n")
    print(
        f"Right or wrong answers: the base has {RIGHT:.0%} right, the models disagree on "
        f"{DISAGREE:.0%} of the questions and on the share that is truly lost.\n"
    )
    _print_answers(arguments.runs)
    print("\nThe same with 200 questions and the default tolerance, by confidence.\n")
    _print_confidences(arguments.runs)
    print("\nBits per byte, conversations of 3 turns, lengths and losses skewed; tolerance 5 %.\n")
    _print_losses(max(1, arguments.runs // 40))
    print("\nUnchanged models that lose at least one of k tasks of 200 questions.\n")
    _print_tasks(arguments.runs)
    print()
    return report(_targets(arguments.runs))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.gate_error_rates", description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000, help="simulated models each")
    return parser.parse_args()


def _print_answers(runs: int) -> None:
    rows = []
    for tolerance in _TOLERANCES:
        name = "default" if tolerance is None else f"{tolerance:.2f}"
        for questions in _QUESTIONS:
            found = [_of_answers(questions, loss, tolerance, runs) for loss in _LOSSES]
            rows.append([name, str(questions), *_cells(found)])
    _print_table(["tolerance", "questions", *_headings("points")], rows)


def _print_confidences(runs: int) -> None:
    rows = []
    for confidence in _CONFIDENCES:
        found = [_of_answers(200, loss, None, runs, confidence) for loss in _LOSSES]
        rows.append([f"{confidence:.2f}", *_cells(found)])
    _print_table(["confidence", *_headings("points")], rows)


def _print_losses(runs: int) -> None:
    rows = [
        [str(count), *_cells([_of_losses(count, loss, runs) for loss in _LOSSES])]
        for count in _CONVERSATIONS
    ]
    _print_table(["conversations", *_headings("%")], rows)


def _print_tasks(runs: int) -> None:
    blocked = _of_answers(200, 0.0, None, runs).lost
    rates = [f"{1 - (1 - blocked) ** count:.1%}" for count in _TASKS]
    _print_table([f"k = {count}" for count in _TASKS], [rates])


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for row in (header, ["---"] * len(header), *rows):
        print(f"| {' | '.join(row)} |")


def _headings(unit: str) -> Iterator[str]:
    yield from ("unchanged: lost", "unchanged: cannot tell")
    for loss in _LOSSES[1:]:
        yield f"{100 * loss:.0f} {unit} worse: lost"
    yield from (f"10 {unit} worse: kept", f"10 {unit} worse: cannot tell", "truth in the interval")


def _cells(found: Sequence[Rates]) -> Iterator[str]:
    unchanged, worst = found[0], found[-1]
    rates = [unchanged.lost, unchanged.cannot_tell, *(rates.lost for rates in found[1:])]
    for rate in (*rates, worst.kept, worst.cannot_tell):
        yield f"{rate:.1%}"
    yield f"{fmean(rates.covered for rates in found):.1%}"


@cache
def _of_answers(
    questions: int, loss: float, tolerance: float | None, runs: int, confidence: float = 0.95
) -> Rates:
    policy = GateRecipe(tolerance=tolerance, confidence=confidence)
    drawn = list(differences(questions, loss, runs, confidence, _SEED))
    return _rates(drawn, -loss, "acc", policy)


@cache
def _of_losses(count: int, loss: float, runs: int) -> Rates:
    drawn = [
        (paired(*pair.documents, higher_is_better=False, confidence=0.95), pair.truth)
        for pair in conversations(count, loss, runs, _SEED)
    ]
    return _rates(
        [(difference, 1) for difference, _ in drawn], drawn[0][1], "bits_per_byte", GateRecipe()
    )


def _rates(
    drawn: Sequence[tuple[Difference, int]], truth: float, metric: str, policy: GateRecipe
) -> Rates:
    score = _score(metric)
    given = {"lost": 0, "kept": 0, "improved": 0, "cannot tell": 0}
    covered = 0
    for difference, count in drawn:
        tolerance = tolerance_of(score, difference, policy)
        given[verdict_of(difference, tolerance, policy.min_documents)] += count
        covered += count * (difference.low <= truth <= difference.high)
    total = sum(given.values())
    kept = given["kept"] + given["improved"]
    return Rates(given["lost"] / total, kept / total, given["cannot tell"] / total, covered / total)


def _score(metric: str) -> Score:
    return Score(
        task="simulated",
        metric=metric,
        filter="none",
        value=RIGHT,
        stderr=None,
        n=0,
        higher_is_better=metric == "acc",
        version="1",
        shots=0,
    )


def _targets(runs: int) -> list[Target]:
    found = {n: [_of_answers(n, loss, None, runs) for loss in _LOSSES] for n in _QUESTIONS}
    unchanged = max(rates[0].lost for rates in found.values())
    passed = max(rates[-1].kept for rates in found.values())
    missed = max(1 - rates.covered for each in found.values() for rates in each)
    return [
        Target("unchanged model lost, any number of questions", 100 * unchanged, 3.0, " %"),
        Target("10 points worse and kept, any number", 100 * passed, 1.0, " %"),
        Target("intervals of 95 % that miss the truth", 100 * missed, 6.0, " %"),
        Target("10 points worse and not lost, 500", 100 * (1 - found[500][-1].lost), 5.0, " %"),
    ]


if __name__ == "__main__":
    sys.exit(main())
