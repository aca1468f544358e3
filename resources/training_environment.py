"""The environment that a training runs in: set before its libraries are imported, and inherited."""

import os
import sys
import uuid
from collections.abc import MutableMapping
from pathlib import Path

from osft_assets.core.training_job import JOB_VARIABLE, OTHER_TRAININGS, TrainingJob
from osft_assets.core.worker import JOB_FILE
from resources.process_tree import MARKER_VARIABLE

# Fewer, and a CPU is better used another way.
FEWEST_OF_A_LARGE_MODEL = 20_000_000


def prepare_environment(environment: MutableMapping[str, str], job: TrainingJob) -> None:
    """For this process and all below it."""
    for name in [n for n in environment if n in OTHER_TRAININGS or n.startswith("PET_")]:
        del environment[name]
    marker = environment.setdefault(MARKER_VARIABLE, uuid.uuid4().hex)
    environment.update(
        {
            JOB_VARIABLE: str(Path(job.directory) / JOB_FILE),
            # Host-wide otherwise: another's request for a checkpoint would end our training.
            "CHECKPOINT_TRIGGER_FILENAME": f"osft_checkpoint_{marker}",
            # The model and the rows are on this machine already.
            **{"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"},
            # A second copy of the rows, which would otherwise stay in the home directory for ever.
            "HF_DATASETS_CACHE": f"{job.rows_directory}/cache",
            # What is printed becomes lines of a log.
            **{"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "200", "TQDM_DISABLE": "1"},
            **{"HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false"},
            # Without it SFT returns as if it had trained: it finds no torchrun and says nothing.
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), environment.get("PATH", "")]
            ),
        }
    )
    if job.gpu == 0:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    if job.model.trust_remote_code:
        environment["TRUST_REMOTE_CODE"] = "1"  # the processing of rows has no other switch


def prepare_for_cpu(environment: MutableMapping[str, str], parameters: int) -> None:
    """Small models gain nothing from threads (two busy cores: twice as slow with two), and numba
    compiles the packing of batches anew in every process, which is 8 seconds.
    """
    if parameters < FEWEST_OF_A_LARGE_MODEL:
        environment.setdefault("OMP_NUM_THREADS", "1")
    environment.setdefault("NUMBA_DISABLE_JIT", "1")
