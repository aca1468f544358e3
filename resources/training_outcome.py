"""What came of a training, from what lies in its directory: the outcome that the worker writes.

Whether it is as it should be, `resources.training_verification` says first.
"""

import resource
from dataclasses import asdict
from pathlib import Path

from osft_assets.core.errors import TrainingError
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.training_call import TrainingCall
from osft_assets.core.training_job import (
    STEPS_FILE,
    Certificate,
    RowAccount,
    TrainingJob,
    TrainingOutcome,
)
from osft_assets.core.training_notes import never_validated, rounded_away
from osft_assets.core.training_steps import Step
from resources.osft_certificate import CERTIFICATES
from resources.training_checkpoints import loss_on_the_holdout, takes_best
from resources.training_verification import check_run, read_steps


def outcome_of(
    job: TrainingJob, recipe: OsftRecipe | SftRecipe, call: TrainingCall, rows: RowAccount
) -> TrainingOutcome:
    """From what lies in the directory, once that is as it should be."""
    directory = Path(job.directory)
    steps = read_steps(job, recipe)
    found = check_run(job, recipe, steps)
    is_osft = isinstance(recipe, OsftRecipe)
    certificate = _certificate(directory, found.model.name) if is_osft else None
    _write_steps(steps, directory / STEPS_FILE)
    return TrainingOutcome(
        model=str(found.model.relative_to(directory)),
        epochs=tuple(str(path.relative_to(directory)) for path in found.epochs),
        full_states=tuple(str(path.relative_to(directory)) for path in found.full_states),
        steps=len(steps),
        expected_steps=steps[-1].total_steps,
        rows=rows,
        notes=(
            *rounded_away(certificate),
            *never_validated(recipe.validation_frequency, len(steps), takes_best(recipe)),
        ),
        certificate=certificate,
        validation_loss=loss_on_the_holdout(found.model, steps),
        peak_memory_gb=_peak_memory_gb(steps, call.on_cpu),
        **_circumstances(call),
    )


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
