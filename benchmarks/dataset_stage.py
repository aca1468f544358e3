"""What the dataset stage costs, against a bare msgspec pass and against `datasets`.

Each contender runs in a process of its own, and what an idle process with the same imports costs
is subtracted. The contenders are in `benchmarks.contenders`.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contenders import Counts
from benchmarks.measure import Target, Usage, machine, median_usage, report, run_python

_CONTENDERS = {"ours": "our stage", "bare": "bare msgspec pass", "hugging_face": "datasets"}
_IDLE_RUNS = 3
_FEWEST_ROWS = 100_000
_MEMORY_TARGET_ROWS = 1_000_000


@dataclass(frozen=True)
class Cost:
    """What one contender took for a number of rows; net is above an idle process."""

    cpu_seconds: float
    net_cpu_seconds: float
    net_peak_bytes: float


_Costs = Mapping[int, Mapping[str, Cost]]  # by rows, then by contender


def main() -> int:
    """Measure every size, print the table and the targets; the exit status."""
    arguments = _arguments()
    idle = _measure_idle()
    costs = {rows: _measure(rows, arguments.repeat, idle) for rows in sorted(set(arguments.rows))}
    _print_table(costs)
    return report(_targets(costs))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.dataset_stage", description=__doc__)
    parser.add_argument(
        "--rows",
        type=_row_count,
        nargs="+",
        default=[100_000, 1_000_000],
        help="sizes to measure (default: 100000 1000000, which takes 2 minutes and 6 GB of TMPDIR)",
    )
    parser.add_argument(
        "--repeat", type=int, default=1, help="runs of each contender; medians count (default: 1)"
    )
    return parser.parse_args()


def _row_count(text: str) -> int:
    count = int(text)
    if count < _FEWEST_ROWS:
        raise argparse.ArgumentTypeError(
            f"{count:,} rows drown in the cost of starting Python. Take {_FEWEST_ROWS:,} or more"
        )
    return count


def _measure_idle() -> Mapping[str, Usage]:
    runs: dict[str, list[Usage]] = {name: [] for name in _CONTENDERS}
    for _ in range(_IDLE_RUNS):
        for name in _CONTENDERS:
            _say(f"idle process: {_CONTENDERS[name]}")
            runs[name].append(run_python("-m", "benchmarks.contenders", name))
    return {name: median_usage(usages) for name, usages in runs.items()}


def _measure(rows: int, repeat: int, idle: Mapping[str, Usage]) -> Mapping[str, Cost]:
    runs: dict[str, list[Usage]] = {name: [] for name in _CONTENDERS}
    with TemporaryDirectory() as directory:
        source = Path(directory) / "chats.jsonl"
        run_python("-m", "benchmarks.chat_rows", str(rows), str(source))
        # The first to fill the page cache pays for pages that the next ones find ready.
        _say(f"{rows:,} rows: warm-up")
        _run("bare", source)
        for _ in range(repeat):
            for name in _CONTENDERS:  # in turn, so that a busy minute hits all of them
                _say(f"{rows:,} rows: {_CONTENDERS[name]}")
                runs[name].append(_run(name, source))
    _refuse_different_counts(runs)
    return {name: _cost(median_usage(usages), idle[name]) for name, usages in runs.items()}


def _run(name: str, source: Path) -> Usage:
    with TemporaryDirectory() as directory:
        return run_python("-m", "benchmarks.contenders", name, str(source), directory)


def _refuse_different_counts(runs: Mapping[str, Sequence[Usage]]) -> None:
    found = {
        name: {Counts(*json.loads(usage.output)) for usage in usages}
        for name, usages in runs.items()
    }
    if len(set[Counts]().union(*found.values())) > 1:
        raise RuntimeError(f"The contenders did not do the same work: {found}. Mend one of them")


def _cost(busy: Usage, idle: Usage) -> Cost:
    return Cost(
        busy.cpu_seconds, busy.cpu_seconds - idle.cpu_seconds, busy.peak_bytes - idle.peak_bytes
    )


def _print_table(costs: _Costs) -> None:
    print(f"{machine()}. Net: above an idle process with the same imports.\n")
    print(
        f"{'rows':>10}  {'contender':<18}{'CPU s':>8}{'net CPU s':>11}"
        f"{'rows / net CPU s':>18}{'net peak MB':>13}"
    )
    for rows, by_name in costs.items():
        for name, cost in by_name.items():
            print(
                f"{rows:>10,}  {_CONTENDERS[name]:<18}{cost.cpu_seconds:>8.2f}"
                f"{cost.net_cpu_seconds:>11.2f}{rows / cost.net_cpu_seconds:>18,.0f}"
                f"{cost.net_peak_bytes / 1e6:>13.1f}"
            )
    print()


def _targets(costs: _Costs) -> Iterator[Target]:
    for rows, cost in costs.items():
        ours = cost["ours"].net_cpu_seconds
        against_datasets = ours / cost["hugging_face"].net_cpu_seconds
        against_bare = ours / cost["bare"].net_cpu_seconds
        yield Target(f"ours / datasets, net CPU, {rows:,} rows", against_datasets, 0.1)
        yield Target(f"ours / bare, net CPU, {rows:,} rows", against_bare, 1.6)
    yield from _memory_targets({rows: cost["ours"].net_peak_bytes for rows, cost in costs.items()})


def _memory_targets(peaks: Mapping[int, float]) -> Iterator[Target]:
    if _MEMORY_TARGET_ROWS in peaks:
        peak = peaks[_MEMORY_TARGET_ROWS] / 1e6
        yield Target(f"our net peak, {_MEMORY_TARGET_ROWS:,} rows", peak, 200, " MB")
    fewest, most = min(peaks), max(peaks)
    if fewest < most:
        growth = (peaks[most] - peaks[fewest]) / (most - fewest)
        yield Target(f"our growth, {fewest:,} to {most:,} rows", growth, 80, " bytes a row")


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
