"""What the training stage costs, against a bare call of Training Hub that does the same work.

Both train the demo's model on the same rows with the same settings, each in a process of its own,
in turn. Ours adds Dagster, records, live observations, verification and the checks.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Target, Usage, machine, median_usage, report, run_python
from benchmarks.training_contenders import demo_work

_CONTENDERS = {"ours": "our asset", "bare": "bare training_hub call"}
# The target of the stage: a tenth more, and three seconds for what does not grow with the work.
_SHARE, _SECONDS = 1.10, 3.0


def main() -> int:
    """Measure both algorithms, print the table and the targets; the exit status."""
    arguments = _arguments()
    print(f"{machine()}. Medians of {arguments.repeat} runs, {arguments.epochs} epochs.\n")
    print(f"{'':<6}{'contender':<24}{'wall s':>8}{'CPU s':>8}{'tokens/s':>10}{'last loss':>11}")
    targets: list[Target] = []
    for algorithm in ("osft", "sft"):
        usages = _measure(algorithm, arguments.repeat, arguments.epochs)
        for name, usage in usages.items():
            told = json.loads(usage.output)
            print(
                f"{algorithm:<6}{_CONTENDERS[name]:<24}{usage.wall_seconds:>8.1f}"
                f"{usage.cpu_seconds:>8.1f}{told['tokens_per_second']:>10,.0f}{told['loss']:>11.4f}"
            )
        targets += _targets(algorithm, usages)
    print()
    return report(targets)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.training_stage", description=__doc__)
    parser.add_argument("--epochs", type=int, default=10, help="passes over 180 rows (default: 10)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each (default: 3)")
    return parser.parse_args()


def _measure(algorithm: str, repeat: int, epochs: int) -> Mapping[str, Usage]:
    runs: dict[str, list[Usage]] = {name: [] for name in _CONTENDERS}
    for _ in range(repeat):
        for name in _CONTENDERS:  # in turn, so that a busy minute hits both
            print(f"{algorithm}: {_CONTENDERS[name]}", file=sys.stderr, flush=True)
            with TemporaryDirectory() as directory:
                path = Path(directory) / "work.json"
                demo_work(algorithm, directory, epochs).write(path)
                program = f"benchmarks.training_contenders.{name}"
                runs[name].append(run_python("-m", program, str(path)))
    _refuse_different_work(runs)
    return {name: median_usage(usages) for name, usages in runs.items()}


def _refuse_different_work(runs: Mapping[str, list[Usage]]) -> None:
    steps = {json.loads(usage.output)["steps"] for usages in runs.values() for usage in usages}
    if len(steps) > 1:
        raise RuntimeError(f"The contenders did not do the same work: {steps} steps. Mend one")


def _targets(algorithm: str, usages: Mapping[str, Usage]) -> Iterator[Target]:
    ours, bare = usages["ours"], usages["bare"]
    for what, mine, theirs in (
        ("wall", ours.wall_seconds, bare.wall_seconds),
        ("CPU", ours.cpu_seconds, bare.cpu_seconds),
    ):
        name = f"{algorithm}, (ours - {_SECONDS:g} s) / bare, {what}"
        yield Target(name, (mine - _SECONDS) / theirs, _SHARE)


if __name__ == "__main__":
    sys.exit(main())
