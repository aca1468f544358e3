"""Two evaluations of one model at the same time ask it each thing once, between them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from osft_assets.core.evaluation_job import EvaluationJob, EvaluationOutcome
from osft_assets.core.worker import JOB_FILE, OUTCOME_FILE
from resources.evaluation_tasks import Asked
from resources.scores_place import ScoresPlace
from resources.shared_work import in_turn
from tests.evaluation.parts import choices_task, generation_task, make_job

_ASKED = tuple(Asked(name, "task", None) for name in ("first", "second"))


@pytest.fixture
def places(tmp_path: Path) -> dict[str, ScoresPlace]:
    return {each.name: ScoresPlace(tmp_path, each.name, "0", True) for each in _ASKED}


def names(turns: Iterator[Asked]) -> list[str]:
    return [each.name for each in turns]


def test_alone_every_task_is_answered_in_its_order(places: dict[str, ScoresPlace]) -> None:
    assert names(in_turn(_ASKED, places, pytest.fail)) == ["first", "second"]


def test_what_another_is_at_comes_last_and_is_waited_for(places: dict[str, ScoresPlace]) -> None:
    said: list[str] = []
    others = places["first"].taken()
    assert others.__enter__()

    def say(line: str) -> None:
        said.append(line)
        others.__exit__(None, None, None)  # it gave up: nothing is whole

    assert names(in_turn(_ASKED, places, say)) == ["second", "first"]
    assert said == ["Another evaluation of this very model answers first: waiting"]


def test_a_task_is_nobody_elses_while_it_is_answered(places: dict[str, ScoresPlace]) -> None:
    for each in in_turn(_ASKED, places, pytest.fail):
        with places[each.name].taken() as is_taken:
            assert not is_taken


@pytest.mark.timeout(300)
def test_two_at_once_answer_each_task_once_and_find_the_same(data: Path, tmp_path: Path) -> None:
    long = {"until": [], "do_sample": False, "max_gen_toks": 100}
    tasks = choices_task(data), generation_task(data, generation_kwargs=long)
    job = make_job(tmp_path, *tasks, batch="1")
    jobs = [job.model_copy(update={"directory": str(tmp_path / name)}) for name in "ab"]

    printed = [running.communicate(timeout=200)[0] for running in [_started(job) for job in jobs]]
    first, second = [_outcome(job) for job in jobs]

    assert first.directories == second.directories
    answered = [line for text in printed for line in text.splitlines() if ": task " in line]
    assert len(answered) == len(tasks)


def _started(job: EvaluationJob) -> "subprocess.Popen[str]":
    path = Path(job.directory) / JOB_FILE
    path.parent.mkdir()
    path.write_text(job.model_dump_json())
    command = [sys.executable, "-m", "resources.evaluation_worker", str(path)]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _outcome(job: EvaluationJob) -> EvaluationOutcome:
    return EvaluationOutcome.model_validate_json((Path(job.directory) / OUTCOME_FILE).read_bytes())
