"""Trains once, in a process of its own: `python -m resources.training_worker path/to/job.json`.

Reads the job, calls Training Hub, checks what came of it, and writes the outcome last of all. What
goes wrong is a sentence in PROBLEM_FILE, with an exit code that says whether a setting is to blame.
The parent is `resources.training_process`, or none in one of several pods
(`resources.training_node`); what Training Hub launches from here, the two entries
(`resources.osft_entry`, `resources.sft_entry`).
"""

import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from osft_assets.core.errors import OsftError, TrainingError
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.training_call import TrainingCall, recipe_of, training_call
from osft_assets.core.training_failures import explained
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from osft_assets.core.training_node import ALONE, Node
from resources.training_environment import prepare_environment, prepare_for_cpu
from resources.training_node import refuse_a_trainer_that_never_ran, train_as_a_node
from resources.training_outcome import outcome_of
from resources.training_rows import account, make_holdout_ready, refused_when_none_fits
from resources.training_verification import refuse_a_used_directory
from resources.worker_main import answer, end_with_the_parent

_TRAINER_LOGS = ("training_log_node{}.log", "full_logs_global{}.log")
_MOST_LOG_BYTES = 1 << 20  # its end: causes are near it, and the whole may be gigabytes


def main(job_path: str) -> int:
    """The exit code."""
    job = TrainingJob.model_validate_json(Path(job_path).read_bytes())
    if job.is_spread:
        return train_as_a_node(job, _train, _unexpected)
    end_with_the_parent(job.rows_directory)
    directory = Path(job.directory)

    def work() -> TrainingOutcome | None:
        refuse_a_used_directory(directory)
        prepare_environment(os.environ, job)
        return _train(job, ALONE)

    return answer(directory, work, _unexpected)


def _unexpected(problem: Exception) -> OsftError:
    return explained("".join(traceback.format_exception(problem)))


def _train(job: TrainingJob, node: Node) -> TrainingOutcome | None:
    """What came of it, unless another pod says that."""
    start = time.monotonic()
    recipe = recipe_of(job)
    call, notes = _prepared(job, recipe, node)
    try:
        if recipe.validation_frequency > 0:
            make_holdout_ready(job, recipe)
        _call_training_hub(job, call, lambda: account(job, recipe))
    except OsftError:
        raise
    except Exception as problem:  # noqa: BLE001 - theirs are of every kind
        raise _failure(job, recipe, problem) from problem
    rows = account(job, recipe)
    if not node.is_first:
        refuse_a_trainer_that_never_ran(job)
        return None
    outcome = outcome_of(job, recipe, call, rows)
    return outcome.model_copy(
        update={
            "notes": (*call.notes, *notes, *outcome.notes),
            "seconds": time.monotonic() - start,
        }
    )


def _prepared(
    job: TrainingJob, recipe: OsftRecipe | SftRecipe, node: Node
) -> tuple[TrainingCall, tuple[str, ...]]:
    """The call, and what is worth a note."""
    from resources.training_machine import find_machine, patterns_for, refuse_missing_trackers

    refuse_missing_trackers(recipe, os.environ)
    machine = find_machine(job.algorithm)
    if not machine.cuda_devices:  # before the trainers are imported
        prepare_for_cpu(os.environ, job.model.parameters)
    patterns: list[str] = []
    notes: tuple[str, ...] = ()
    if isinstance(recipe, OsftRecipe):
        patterns, notes = patterns_for(job.model, recipe.target_patterns)
    elif recipe.freeze_unconstrained:
        patterns_for(job.model, ())  # or an error
    call = training_call(job, machine, patterns, node)
    if not call.on_cpu and call.attention == "sdpa":
        os.environ["TESTING"] = "true"  # mini-trainer's way to do without flash-attn; no other use
    return call, notes


def _call_training_hub(
    job: TrainingJob, call: TrainingCall, before_launch: Callable[[], object]
) -> None:
    import training_hub

    from resources.training_backends import our_entries, register_cpu_backends

    register_cpu_backends()
    train = training_hub.osft if job.algorithm == "osft" else training_hub.sft
    entries = our_entries(job.algorithm, call.entry_flags, call.on_cpu, before_launch)
    with entries, refused_when_none_fits("rows"):
        train(**call.arguments)


def _failure(job: TrainingJob, recipe: OsftRecipe | SftRecipe, problem: Exception) -> OsftError:
    """What the rows say, or the trainer's log, or the exception itself."""
    processed = Path(job.rows_directory) / "data.jsonl"
    if processed.exists():
        try:
            account(job, recipe)
        except TrainingError as nothing_left:
            return nothing_left
    said = "".join(traceback.format_exception(problem))
    return explained(f"{said}\n{_end_of_log(job)}")


def _end_of_log(job: TrainingJob) -> str:
    for name in _TRAINER_LOGS:
        path = Path(job.directory) / name.format(job.node)
        if path.exists():
            with path.open("rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - _MOST_LOG_BYTES))
                return stream.read().decode(errors="replace")
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
