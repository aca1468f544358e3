"""What each way of training keeps of the old skills, and what it learns: several seeds.

`sweep` tries rates with one seed; `tables` measures two tables with several seeds: one rate for
all, and for each way the rate that `sweep` found. Every result is a line of a file, and what is in
there already is not measured again. Written up in docs/forgetting.md.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, stdev

from benchmarks.forgetting_runs import CONTENDERS, Score, measure, prepare
from osft_assets.core.students_t import width_of_interval
from osft_assets.demo.ways import SAME_RATE

_RATES = (3e-3, 5e-4, 1e-3, 2.5e-4, 2e-3, 5e-3, 1.5e-4)  # the likely ones first
# Of the new facts: the lowest rate that gets there is a contender's own.
_LEARNED = 0.9


def main() -> int:
    """Measure what is missing, and print what there is; the exit status."""
    arguments = _arguments()
    known = _Results(arguments.results)
    prepare()
    if arguments.what == "sweep":
        _sweep(known, arguments.ways)
    else:
        _tables(known, range(arguments.seeds))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.forgetting", description=__doc__)
    parser.add_argument("what", choices=("sweep", "tables"))
    parser.add_argument("--results", type=Path, default=Path("forgetting.jsonl"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ways", nargs="*", default=list(CONTENDERS), help="only these")
    return parser.parse_args()


class _Results:
    """The file of results."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[Score]:
        """Those that were measured so far."""
        if not self._path.exists():
            return []
        return [Score(**json.loads(line)) for line in self._path.read_text().splitlines()]

    def get(self, name: str, rate: float, seed: int) -> Score:
        """From the file, or measured now."""
        for found in self.all():
            if (found.contender, found.rate, found.seed) == (name, rate, seed):
                return found
        score = measure(name, rate, seed)
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(score)) + "\n")
        print(_line(score), file=sys.stderr, flush=True)
        return score


def _line(score: Score) -> str:
    return (
        f"{score.contender:<28}{score.rate:>9.2g}  seed {score.seed}  new {score.new:.3f}  "
        f"old {score.old:.3f}  {score.cpu_seconds:.0f} CPU s"
    )


def _sweep(known: _Results, ways: Iterable[str]) -> None:
    for name in ways:
        scores = [known.get(name, rate, 0) for rate in _RATES]
        print(f"\n{name}: own rate {own_rate(scores) or 'none learns enough'}")
        for score in sorted(scores, key=lambda score: score.rate):
            print(f"  {score.rate:<8g} new {score.new:.3f}  old {score.old:.3f}")


def own_rate(scores: Sequence[Score]) -> float | None:
    """The lowest rate that learns enough: a higher one only forgets more."""
    enough = [score.rate for score in scores if score.new >= _LEARNED]
    return min(enough, default=None)


def _tables(known: _Results, seeds: Sequence[int]) -> None:
    own = {}
    for name in CONTENDERS:
        swept = [score for score in known.all() if score.contender == name and score.seed == 0]
        own[name] = own_rate(swept) or max(_RATES)
    # One seed of everything first, so that a run that is stopped has both tables.
    for seed in seeds:
        for name in CONTENDERS:
            known.get(name, SAME_RATE, seed)
            known.get(name, own[name], seed)
    for title, rates in (
        (f"The same rate for all: {SAME_RATE:g}", dict.fromkeys(CONTENDERS, SAME_RATE)),
        (f"Each at the lowest rate that learns {_LEARNED:.0%} of seed 0", own),
    ):
        print(f"\n{title}\n\n| way | rate | new facts | old skills |\n|---|---|---|---|")
        for row in _rows(known, rates, seeds):
            print(row)


def _rows(known: _Results, rates: dict[str, float], seeds: Sequence[int]) -> Iterator[str]:
    for name, rate in rates.items():
        scores = [known.get(name, rate, seed) for seed in seeds]
        new, old = ([getattr(score, which) for score in scores] for which in ("new", "old"))
        yield f"| {name} | {rate:g} | {_with_interval(new)} | {_with_interval(old)} |"


def _with_interval(values: Sequence[float]) -> str:
    """The mean over the seeds, and half the width of its interval of 95 %."""
    if len(values) < 2:
        return f"{fmean(values):.3f}"
    half = width_of_interval(0.95, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return f"{fmean(values):.3f} ± {half:.3f}"


if __name__ == "__main__":
    sys.exit(main())
