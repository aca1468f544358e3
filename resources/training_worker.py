"""Trains once, in a process of its own: `python -m resources.training_worker path/to/job.json`.

Reads the job, calls Training Hub, checks what came of it, and writes the outcome last of all. What
goes wrong is a sentence in PROBLEM_FILE, with an exit code that says whether a setting is to blame.
The parent is `resources.training_process`; what Training Hub launches from here, the two entries
(`resources.osft_entry`, `resources.sft_entry`).
"""

import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from osft_assets.core.errors import OsftError, TrainingError
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.training_call import TrainingCall, recipe_of, training_call
from osft_assets.core.training_failures import explained
from osft_assets.core.training_job import (
    STEPS_FILE,
    Certificate,
    TrainingJob,
    TrainingOutcome,
)
from osft_assets.core.training_notes import never_validated, rounded_away
from osft_assets.core.training_steps import Step
from resources.osft_certificate import CERTIFICATES
from resources.training_checkpoints import loss_on_the_holdout, takes_best
from resources.training_environment import (
    prepare_environment,
    prepare_for_cpu,
)
from resources.training_rows import account, make_holdout_ready, refused_when_none_fits
from resources.training_verification import check_run, read_steps, refuse_a_used_directory
from resources.worker_main import answer, end_with_the_parent

_TRAINER_LOGS = ("training_log_node0.log", "full_logs_global0.log")
_MOST_LOG_BYTES = 1 << 20  # its end: causes are near it, and the whole may be gigabytes


def main(job_path: str) -> int:
    """The exit code."""
    job = TrainingJob.model_validate_json(Path(job_path).read_bytes())
    end_with_the_parent(job.rows_directory)
    directory = Path(job.directory)

    def work() -> TrainingOutcome:
        refuse_a_used_directory(directory)
        prepare_environment(os.environ, job)
        return _train(job, directory)

    return answer(directory, work, _unexpected)


def _unexpected(problem: Exception) -> OsftError:
    return explained("".join(traceback.format_exception(problem)))


def _train(job: TrainingJob, directory: Path) -> TrainingOutcome:
    from resources.training_machine import find_machine, patterns_for, refuse_missing_trackers

    start = time.monotonic()
    recipe = recipe_of(job)
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
    call = training_call(job, machine, patterns)
    if not call.on_cpu and call.attention == "sdpa":
        os.environ["TESTING"] = "true"  # mini-trainer's way to do without flash-attn; no other use
    try:
        if recipe.validation_frequency > 0:
            make_holdout_ready(job, recipe)
        _call_training_hub(job, call, lambda: account(job, recipe))
    except OsftError:
        raise
    except Exception as problem:  # noqa: BLE001 - theirs are of every kind
        raise _failure(job, recipe, problem) from problem
    rows = account(job, recipe)
    steps = read_steps(job, recipe)
    found = check_run(job, recipe, steps)
    certificate = _certificate(directory, found.model.name) if patterns else None
    _write_steps(steps, directory / STEPS_FILE)
    return TrainingOutcome(
        model=str(found.model.relative_to(directory)),
        epochs=tuple(str(path.relative_to(directory)) for path in found.epochs),
        full_states=tuple(str(path.relative_to(directory)) for path in found.full_states),
        steps=len(steps),
        expected_steps=steps[-1].total_steps,
        rows=rows,
        notes=(
            *(*call.notes, *notes, *rounded_away(certificate)),
            *never_validated(recipe.validation_frequency, len(steps), takes_best(recipe)),
        ),
        certificate=certificate,
        validation_loss=loss_on_the_holdout(found.model, steps),
        seconds=time.monotonic() - start,
        peak_memory_gb=_peak_memory_gb(steps, call.on_cpu),
        **_circumstances(call),
    )


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
    return explained(f"{said}\n{_end_of_log(Path(job.directory))}")


def _end_of_log(directory: Path) -> str:
    for name in _TRAINER_LOGS:
        if (directory / name).exists():
            with (directory / name).open("rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - _MOST_LOG_BYTES))
                return stream.read().decode(errors="replace")
    return ""


def _certificate(directory: Path, checkpoint: str) -> Certificate:
    path = directory / CERTIFICATES / f"{checkpoint}.json"
    if not path.exists():
        raise TrainingError(f"{checkpoint} has no certificate: OSFT's guarantee was not measured")
    return Certificate.model_validate_json(path.read_bytes())


def _peak_memory_gb(steps: list[Step], on_cpu: bool) -> float:
    if on_cpu:  # the trainers report 0; this is the largest process below us
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    return max(step.peak_memory_gb or 0.0 for step in steps)


def _circumstances(call: TrainingCall) -> dict[str, object]:
    from resources.library_versions import TRAINING_LIBRARIES, library_versions
    from resources.training_machine import device_name

    return {
        "backend": call.backend,
        "device": "cpu" if call.on_cpu else device_name(),
        "world_size": call.processes,
        "attention": call.attention,
        "versions": library_versions((*TRAINING_LIBRARIES, "accelerate")),
    }


def _write_steps(steps: list[Step], path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist([asdict(step) for step in steps]), path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
