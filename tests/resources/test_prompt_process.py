"""Questions by hand: the real worker with the demo's model, and workers that fail."""

import sys
from pathlib import Path

import pytest

from osft_assets.core.errors import EvaluationError
from osft_assets.core.prompts import PromptJob
from resources.prompt_process import PromptProcess
from tests.commands import ROOT

DEMO_MODEL = str(ROOT / "osft_assets/defs/demo/model")


def job(*questions: str, model: str = DEMO_MODEL) -> PromptJob:
    return PromptJob(
        model_paths=(model, model),
        conversations=tuple(({"role": "user", "content": each},) for each in questions),
        max_new_tokens=20,
    )


def test_every_model_answers_every_question_and_always_the_same() -> None:
    asked = job("What do you get when you add 2 and 10 together?", "Please add 5 and 8.")

    outcome = PromptProcess().answer(asked)

    first, second = outcome.answers
    assert first == second
    assert len(first) == 2
    assert first[0] == "12"


def test_a_model_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="the model could not be asked: ") as raised:
        PromptProcess().answer(job("Hello?", model=str(tmp_path)))

    assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import a_module_that_is_not_there", "Its last words:.*No module named 'a_module_that"),
        ("import os; os.kill(os.getpid(), 9)", "Ask fewer questions at a time"),
    ],
)
def test_a_worker_that_ends_early_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, expected: str
) -> None:
    (tmp_path / "worker_of_a_test.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{':'.join(filter(None, sys.path))}")

    with pytest.raises(EvaluationError, match=f"(?s){expected}"):
        PromptProcess("worker_of_a_test").answer(job("Hello?"))


def test_what_lies_in_the_current_directory_is_not_what_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worker_of_another_checkout.py").write_text("print('it ran')")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(EvaluationError, match="No module named worker_of_another_checkout"):
        PromptProcess("worker_of_another_checkout").answer(job("Hello?"))
