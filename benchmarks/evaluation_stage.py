"""What an evaluation costs through us, against lm-eval called directly for the same questions.

Both ask the demo's model the 281 questions of `mmlu_dev`, each in a process of its own, in turn.
Ours adds the child process, fingerprints, every document's score, and the cache; a second time it
only looks them up.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Target, Usage, machine, median_usage, report, run_python

_MODEL = Path(__file__).parents[1] / "osft_assets" / "defs" / "demo" / "model"
_SHARE, _SECONDS = 1.10, 3.0
_MOST_INDEX_SECONDS = 1.0
_OURS = """
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from osft_assets.core.evaluation_job import EvaluationJob
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from resources.evaluation_process import EvaluationProcess
model, workspace = sys.argv[1:]
with TemporaryDirectory() as directory:
    job = EvaluationJob(
        directory=directory, workspace=workspace, scores_path=f"{workspace}/_scores/demo",
        model_path=model, model_fingerprint="demo", rows=(),
        recipe=EvaluationRecipe(tasks=["mmlu_dev"], holdout=False, verbosity="ERROR").model_dump(),
    )
    EvaluationProcess().evaluate(job, lambda line: None)
"""
_BARE = """
import sys
import lm_eval
from lm_eval.tasks import TaskManager
from resources.mmlu_dev import mmlu_dev
lm_eval.simple_evaluate(
    model="hf", model_args={"pretrained": sys.argv[1], "dtype": "auto"}, device="cpu", batch_size=8,
    tasks=[mmlu_dev()], task_manager=TaskManager(include_defaults=False),
)
"""
_INDEX = """
import sys, time
from pathlib import Path
from osft_assets.core.workspace import Workspace
from resources.task_names import TaskNames
import lm_eval.tasks
names = TaskNames(Workspace(Path(sys.argv[1])))
names.known
start = time.perf_counter()
again = TaskNames(Workspace(Path(sys.argv[1])))
again.check("arc_easy")
lm_eval.tasks.TaskManager(
    include_defaults=False, include_path=again.directories(["arc_easy", "mmlu", "gsm8k"])
)
print(time.perf_counter() - start)
"""


def main() -> int:
    """Measure, print the table and the targets; the exit status."""
    parser = argparse.ArgumentParser("python -m benchmarks.evaluation_stage", description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each (default: 3)")
    usages, index_seconds = _measure(parser.parse_args().repeat)
    print(f"{machine()}\n\n{'':<24}{'wall s':>8}{'CPU s':>8}{'MB':>8}")
    for name, usage in usages.items():
        print(
            f"{name:<24}{usage.wall_seconds:>8.1f}{usage.cpu_seconds:>8.1f}"
            f"{usage.peak_bytes / 1e6:>8,.0f}"
        )
    print(f"{'names of tasks':<24}{index_seconds:>8.2f}\n")
    return report(list(_targets(usages, index_seconds)))


def _measure(repeat: int) -> tuple[Mapping[str, Usage], float]:
    runs: dict[str, list[Usage]] = {"ours": [], "ours, asked before": [], "lm-eval directly": []}
    with TemporaryDirectory() as index:
        index_seconds = float(run_python("-c", _INDEX, index).output.splitlines()[-1])
    for _ in range(repeat):
        with TemporaryDirectory() as workspace:
            for name, usages in runs.items():  # in turn, so that a busy minute hits all
                print(name, file=sys.stderr, flush=True)
                program = _BARE if name == "lm-eval directly" else _OURS
                usages.append(run_python("-c", program, str(_MODEL), workspace))
    return {name: median_usage(usages) for name, usages in runs.items()}, index_seconds


def _targets(usages: Mapping[str, Usage], index_seconds: float) -> Iterator[Target]:
    ours, cached, bare = usages.values()
    share = (ours.wall_seconds - _SECONDS) / bare.wall_seconds
    yield Target("ours without 3 s, of lm-eval's time", share, _SHARE)
    yield Target("asked before, of the first time", cached.wall_seconds / ours.wall_seconds, 1.0)
    yield Target("seconds for the names of tasks", index_seconds, _MOST_INDEX_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
