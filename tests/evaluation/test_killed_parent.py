"""An evaluation whose parent is killed ends too, and the next one goes on where it was."""

import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from osft_assets.core.evaluation_job import EvaluationJob
from osft_assets.core.worker_log import OWN_PREFIX
from resources.evaluation_process import EvaluationProcess
from tests.evaluation.parts import FACTS, choices_task, generation_task, make_job, scores_of

pytestmark = pytest.mark.timeout(300)

# Prints what the child says, as a step of a run would log it.
_PARENT = """
import sys
from pathlib import Path
from osft_assets.core.evaluation_job import EvaluationJob
from resources.evaluation_process import EvaluationProcess

job = EvaluationJob.model_validate_json(Path(sys.argv[1]).read_bytes())
EvaluationProcess().evaluate(job, lambda line: print(line, flush=True))
"""


@pytest.fixture
def job(data: Path, tmp_path: Path) -> EvaluationJob:
    """Two tasks, of which the second takes some seconds."""
    long = {"until": [], "do_sample": False, "max_gen_toks": 150}
    tasks = choices_task(data), generation_task(data, generation_kwargs=long)
    return make_job(tmp_path, *tasks, batch="1")


def killed_within_the_second_task(job: EvaluationJob, path: Path) -> list[psutil.Process]:
    """What was running below a parent that then gets SIGKILL."""
    path.write_text(job.model_dump_json())
    command = [sys.executable, "-c", _PARENT, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        for line in parent.stdout:
            if line.startswith(f"{OWN_PREFIX}own_answers: task 2 of 2"):
                break
        below: list[psutil.Process] = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
    return below


def test_an_evaluation_ends_with_its_parent_and_the_next_one_goes_on(
    job: EvaluationJob, tmp_path: Path
) -> None:
    below = killed_within_the_second_task(job, tmp_path / "job.json")

    assert below
    _, alive = psutil.wait_procs(below, timeout=5)
    assert not alive

    outcome = EvaluationProcess().evaluate(job, lambda _: None)

    assert outcome.reused == ("own_choices",)
    assert scores_of(outcome, "own_answers").overall()[0].n == len(FACTS)
    assert not list(Path(job.scores_path).glob(".writing-*"))
