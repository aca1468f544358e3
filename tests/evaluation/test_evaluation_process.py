"""Evaluation in a child process: it answers, or says why not, and never stays behind."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from osft_assets.core.errors import ConfigError, EvaluationError
from osft_assets.core.evaluation_job import EvaluationJob
from osft_assets.core.worker import JOB_FILE
from resources.evaluation_process import EvaluationProcess
from tests.evaluation.parts import (
    CHATS,
    DEMO,
    choices_task,
    make_job,
    rows_to_score,
    score,
)

_ROOT = Path(__file__).parents[2]
Script = Callable[[str], EvaluationProcess]


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """A child that is a few lines of Python."""
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{_ROOT}")

    def made(code: str) -> EvaluationProcess:
        (tmp_path / "other_worker.py").write_text(code)
        return EvaluationProcess("other_worker")

    return made


@pytest.fixture
def job(tmp_path: Path) -> EvaluationJob:
    return make_job(tmp_path, "mmlu_dev")


def silent(_: str) -> None:
    return


def test_a_child_answers_rows_and_tasks(data: Path, tmp_path: Path) -> None:
    rows = rows_to_score(tmp_path / "eval.jsonl", CHATS)
    job = make_job(tmp_path, choices_task(data), rows=[rows], limit=2, max_gen_toks=2)
    lines: list[str] = []
    outcome = EvaluationProcess().evaluate(job, lines.append)
    assert list(outcome.directories) == ["holdout", "own_choices"]
    assert score(outcome, "own_choices", "acc").n == 2
    assert (outcome.backend, outcome.device) == ("hf", "cpu")
    assert "lm-eval" in outcome.versions
    assert "osft-assets: own_choices: task 2 of 2" in lines
    assert not [line for line in lines if "Custom kwargs" in line]
    assert not list(tmp_path.glob("run/*.partial"))


def test_a_child_says_what_is_wrong_with_a_setting(tmp_path: Path) -> None:
    job = make_job(tmp_path, str(tmp_path / "none.yaml"))
    with pytest.raises(ConfigError, match=r"none.yaml does not exist"):
        EvaluationProcess().evaluate(job, silent)


def test_a_killed_child_is_told_as_a_lack_of_memory(worker: Script, job: EvaluationJob) -> None:
    process = worker("import os\nos.kill(os.getpid(), 9)\n")
    with pytest.raises(EvaluationError, match=r"signal 9.*memory runs out. Lower evaluate.batch"):
        process.evaluate(job, silent)


def test_a_child_that_ends_without_a_word(worker: Script, job: EvaluationJob) -> None:
    with pytest.raises(EvaluationError, match="evaluation process ended with code 3"):
        worker("raise SystemExit(3)\n").evaluate(job, silent)


@pytest.mark.parametrize("name", ["stall_timeout_minutes", "timeout_minutes"])
def test_a_child_that_takes_too_long_is_stopped(name: str, worker: Script, tmp_path: Path) -> None:
    job = make_job(tmp_path, "mmlu_dev", **{name: 0.02})
    with pytest.raises(EvaluationError, match=rf"was stopped.*raise {name}"):
        worker("import time\ntime.sleep(60)\n").evaluate(job, silent)


def test_the_child_is_gone_when_the_parent_is_interrupted(
    worker: Script, job: EvaluationJob
) -> None:
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    process = worker("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n")
    with pytest.raises(KeyboardInterrupt):
        process.evaluate(job, interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_an_interpreter_that_does_not_exist(tmp_path: Path) -> None:
    job = make_job(tmp_path, "mmlu_dev", backend="vllm", vllm_python=str(tmp_path / "python"))
    with pytest.raises(ConfigError, match=r"evaluate.vllm_python: .*/python is no program here"):
        EvaluationProcess().evaluate(job, silent)


def interpreter(path: Path, *options: str) -> Path:
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {" ".join(options)} "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_an_interpreter_without_vllm(data: Path, tmp_path: Path) -> None:
    other = interpreter(tmp_path / "python")
    job = make_job(
        tmp_path, choices_task(data), backend="vllm", vllm_python=str(other), device="auto"
    )
    with pytest.raises(ConfigError, match="vllm is not installed in the interpreter"):
        EvaluationProcess().evaluate(job, silent)


def test_an_interpreter_without_lm_eval(tmp_path: Path) -> None:
    other = interpreter(tmp_path / "python", "-S")
    job = make_job(tmp_path, "mmlu_dev", backend="vllm", vllm_python=str(other), device="auto")
    with pytest.raises(ConfigError, match=r"vllm_python: .* cannot run the evaluation"):
        EvaluationProcess().evaluate(job, silent)


def test_the_job_that_was_asked_lies_beside_the_answer(worker: Script, job: EvaluationJob) -> None:
    with pytest.raises(EvaluationError):
        worker("raise SystemExit(1)\n").evaluate(job, silent)
    written = (Path(job.directory) / JOB_FILE).read_bytes()
    assert EvaluationJob.model_validate_json(written) == job
    assert job.model_path == str(DEMO)
