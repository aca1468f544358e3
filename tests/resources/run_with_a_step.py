"""A run with its step in a process below it, as Dagster's multiprocess executor makes them."""

import multiprocessing
import sys
from pathlib import Path

from osft_assets.core.ports import TrainingWatch
from osft_assets.core.training_job import TrainingJob
from resources.training_process import TrainingProcess


def step(path: str) -> None:
    given = TrainingJob.model_validate_json(Path(path).read_bytes())
    watch = TrainingWatch(lambda line: print(line, flush=True), lambda _: None)  # noqa: T201
    TrainingProcess("tests.resources.scripted_worker").train(given, watch)


if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=step, args=[sys.argv[1]])
    child.start()
    child.join()
