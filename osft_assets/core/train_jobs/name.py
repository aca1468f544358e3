"""What a TrainJob is called, and what its labels say of it.

The same training of the same run has the same name: a step that is started again finds its own.
"""

import re
import uuid

from osft_assets.core.training_job import TrainingJob

# JobSet adds to it, and what it makes must stay below 63.
_LONGEST_PIPELINE = 17
MANAGER = "osft-assets"
RUN_LABEL, PIPELINE_LABEL = "dagster/run-id", "osft-assets/pipeline"


def train_job_name(job: TrainingJob) -> str:
    """At most 40 characters, as Kubernetes accepts them, beginning with a letter."""
    pipeline = re.sub(r"[^a-z0-9]+", "-", job.pipeline.lower())[:_LONGEST_PIPELINE].strip("-")
    # Without a run there is nobody who could come back for it.
    run_id = job.run_id or uuid.uuid4().hex
    return f"osft-{pipeline or 'training'}-{_plain(job.fingerprint)}-{_plain(run_id)}"


def labels_of(job: TrainingJob) -> dict[str, str]:
    """Of the TrainJob and of its pods: whose they are, beside what the settings say."""
    told = {RUN_LABEL: job.run_id, PIPELINE_LABEL: job.pipeline}
    ours = {name: _label(value) for name, value in told.items() if _label(value)}
    return {**job.pod["labels"], "app.kubernetes.io/managed-by": MANAGER, **ours}


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())[:8] or "0"


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text)[:63].strip("-_.")
