"""Runs an entry several times with other flags, in forks of one process, and prints the losses.

`python -m tests.training.variations osft job.json '[["--seed=1"], ...]'`. The imports, which are
nearly all the time a run takes, are paid once.
"""

import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from osft_assets.core.training_job import TrainingJob
from osft_assets.core.training_steps import METRIC_FILES, StepReader


def main(algorithm: str, job_path: str, variations: list[list[str]]) -> list[list[float | None]]:
    """The losses of each variation."""
    if algorithm == "sft":
        import_module("resources.sft_without_cuda").set_environment()
        import_module("instructlab.training.main_ds")
    else:
        import_module("mini_trainer.train")
    return [_forked(algorithm, job_path, flags) for flags in variations]


def _forked(algorithm: str, job_path: str, flags: list[str]) -> list[float | None]:
    directory = Path(tempfile.mkdtemp(dir=Path(job_path).parent))
    child = os.fork()
    if not child:
        job = TrainingJob.model_validate_json(Path(job_path).read_bytes())
        changed = job.model_copy(update={"directory": str(directory)})
        (directory / "job.json").write_text(changed.model_dump_json())
        os.environ["OSFT_TRAINING_JOB"] = str(directory / "job.json")
        output = "--output-dir" if algorithm == "osft" else "--output_dir"
        sys.argv = ["entry", f"{output}={directory}", *flags]
        sys.stdout = sys.stderr
        import_module(f"resources.{algorithm}_entry").main()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, flags
    lines = (directory / METRIC_FILES[algorithm]).read_text().splitlines()
    return [step.loss for step in StepReader(algorithm, 1).read(lines)]


if __name__ == "__main__":
    found = main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
    sys.stdout.write(json.dumps(found) + "\n")
