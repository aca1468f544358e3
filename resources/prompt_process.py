"""Asks models by hand in a child process: the `Prompter` that a session gets.

The child runs `resources.prompt_worker`, and gives its memory back, the GPU's too. How a child is
ended is `resources.child_process`.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.errors import EvaluationError
from osft_assets.core.ports import Prompter
from osft_assets.core.prompts import PromptJob, PromptOutcome
from osft_assets.core.worker import JOB_FILE, OUTCOME_FILE, PROBLEM_FILE
from resources.child_process import Work, child, follow, raise_failure

_WORK = Work(
    name="Prompting",
    failure=EvaluationError,
    memory_remedy="Ask fewer questions at a time",
    stall_timeout_minutes=30,
    timeout_minutes=0,
)
_LAST_LINES = 5


@dataclass(frozen=True)
class PromptProcess:
    """Prompts on this machine, by a module that is run as the child process."""

    worker: str = "resources.prompt_worker"

    def answer(self, job: PromptJob) -> PromptOutcome:
        """One child process, from its start to its end."""
        printed: list[str] = []

        def keep(lines: Sequence[str]) -> bool:
            printed.extend(lines)
            return False

        with tempfile.TemporaryDirectory(prefix="osft-prompts-") as temporary:
            directory = Path(temporary)
            (directory / JOB_FILE).write_text(job.model_dump_json())
            command = [sys.executable, "-m", self.worker, str(directory / JOB_FILE)]
            with child(command, {**os.environ, "TOKENIZERS_PARALLELISM": "false"}) as process:
                follow(process, _WORK, keep)
            outcome = directory / OUTCOME_FILE
            if process.returncode != 0 or not outcome.exists():
                if not (directory / PROBLEM_FILE).exists():
                    _refuse_without_a_word(process.returncode, printed)
                raise_failure(process.returncode, directory, _WORK)
            return PromptOutcome.model_validate_json(outcome.read_bytes())


def _refuse_without_a_word(exit_code: int, printed: Sequence[str]) -> None:
    """It ended before our code could say anything, as an import that fails does."""
    if exit_code == 1 and printed:
        last = "\n".join(printed[-_LAST_LINES:])
        raise EvaluationError(f"Prompting ended with code 1. Its last words:\n{last}")


_: type[Prompter] = PromptProcess
