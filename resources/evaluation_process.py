"""Evaluates in a child process: the `Evaluator` that the assets get.

The child runs `resources.evaluation_worker`: its memory is given back whole, the GPU's too, and
vLLM can have an interpreter of its own. How a child is limited and ended is
`resources.child_process`.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.errors import ConfigError, EvaluationError
from osft_assets.core.evaluation_job import EvaluationJob, EvaluationOutcome
from osft_assets.core.ports import Evaluator
from osft_assets.core.training_placement import needs_kubernetes, wants_gpu
from osft_assets.core.worker import JOB_FILE, OUTCOME_FILE, PROBLEM_FILE
from resources.child_process import Work, child, follow, raise_failure

# Where osft_assets and resources are, for an interpreter they are not installed in.
_CODE = str(Path(__file__).parents[1])


@dataclass(frozen=True)
class EvaluationProcess:
    """Evaluation on this machine, by a module that is run as the child process."""

    worker: str = "resources.evaluation_worker"
    in_pod: bool = False

    def evaluate(self, job: EvaluationJob, say: Callable[[str], None]) -> EvaluationOutcome:
        """One child process, from its start to its end."""
        if job.pod.asked and not self.in_pod:
            raise ConfigError(needs_kubernetes("evaluation_pod", job.pod.asked))
        directory = Path(job.directory)
        needs_gpu = self.in_pod and wants_gpu(job.pod.gpu, job.pod.env_vars)
        told = job.model_copy(update={"gpus_needed": job.pod.gpu if needs_gpu else 0})
        (directory / JOB_FILE).write_text(told.model_dump_json(indent=2))
        work = Work(
            "Evaluation",
            EvaluationError,
            "Lower evaluate.batch",
            job.recipe["stall_timeout_minutes"],
            job.recipe["timeout_minutes"],
        )

        def pass_on(lines: Sequence[str]) -> bool:
            for line in lines:
                say(line)
            return False

        command = [_interpreter(job), "-m", self.worker, str(directory / JOB_FILE)]
        with child(command, _environment(job)) as process:
            follow(process, work, pass_on)
        outcome_path = directory / OUTCOME_FILE
        if process.returncode != 0 or not outcome_path.exists():
            _refuse_a_foreign_interpreter(job, process.returncode)
            raise_failure(process.returncode, directory, work)
        return EvaluationOutcome.model_validate_json(outcome_path.read_bytes())


def _interpreter(job: EvaluationJob) -> str:
    other: str = job.recipe["vllm_python"]
    if other and not os.access(other, os.X_OK):
        raise ConfigError(
            f"evaluate.vllm_python: {other} is no program here. Give the path of a Python that has "
            "vllm and lm-eval installed"
        )
    return other or sys.executable


def _refuse_a_foreign_interpreter(job: EvaluationJob, exit_code: int) -> None:
    """It ended before our code could say anything, as an import that fails does."""
    other: str = job.recipe["vllm_python"]
    if other and exit_code == 1 and not (Path(job.directory) / PROBLEM_FILE).exists():
        raise ConfigError(
            f"evaluate.vllm_python: {other} cannot run the evaluation, its log says why. It needs "
            "vllm, lm-eval and pydantic installed"
        )


def _environment(job: EvaluationJob) -> dict[str, str]:
    workspace = Path(job.workspace)
    environment = {
        **os.environ,
        # Without it lm-eval would write into its own package.
        "LM_HARNESS_CACHE_PATH": f"{job.directory}/requests",
        **{"TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"},
        **{"HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TERM": "dumb", "COLUMNS": "200"},
    }
    environment.setdefault("HF_HOME", str(workspace / "_huggingface"))
    if job.recipe["trust_remote_code"]:
        environment["HF_ALLOW_CODE_EVAL"] = "1"
    if job.recipe["vllm_python"]:
        environment["PYTHONPATH"] = _CODE
    return environment


_: type[Evaluator] = EvaluationProcess
