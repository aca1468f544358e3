"""What loading our code location costs, against importing Dagster alone.

Whoever starts the UI, the daemon or a run pays it, so what is heavy (torch, datasets, pandas) must
not be imported on the way.
"""

import argparse
import sys
from collections.abc import Mapping

from benchmarks.measure import Target, Usage, machine, median_usage, report, run_python

_LIMIT = 1.3


def main() -> int:
    """Measure both, print the medians and the target; the exit status."""
    arguments = _arguments()
    usages = _measure(arguments.module, arguments.runs)
    print(f"{machine()}. Medians of {arguments.runs} runs.\n")
    for name, usage in usages.items():
        print(f"{name:<28}{usage.cpu_seconds:>7.2f} CPU s{usage.peak_bytes / 1e6:>9.1f} MB")
    dagster, loaded = (usage.cpu_seconds for usage in usages.values())
    print()
    return report([Target(f"{arguments.module} / dagster, CPU", loaded / dagster, _LIMIT)])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.code_location", description=__doc__)
    parser.add_argument(
        "--module",
        default="osft_assets.definitions",
        help="module whose defs is loaded (default: osft_assets.definitions)",
    )
    parser.add_argument("--runs", type=int, default=7, help="runs of each (default: 7)")
    return parser.parse_args()


def _measure(module: str, count: int) -> Mapping[str, Usage]:
    programs = {
        "import dagster": "import dagster",
        f"load {module}": f"from {module} import defs; defs.get_repository_def()",
    }
    for program in programs.values():  # compiles to bytecode and fills the page cache
        run_python("-c", program)
    runs: dict[str, list[Usage]] = {name: [] for name in programs}
    for _ in range(count):
        for name, program in programs.items():
            runs[name].append(run_python("-c", program))
    return {name: median_usage(usages) for name, usages in runs.items()}


if __name__ == "__main__":
    sys.exit(main())
