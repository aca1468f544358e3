"""Settings that lm-eval would drop or turn round have the effect they name."""

import logging
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from osft_assets.core.evaluation_job import EvaluationOutcome
from osft_assets.core.worker_log import is_worth_saying
from osft_assets.core.workspace import Workspace
from resources.evaluation_worker import Evaluation
from resources.task_names import TaskNames
from tests.evaluation.parts import (
    CHATS,
    FACTS,
    choices_task,
    generation_task,
    make_job,
    rows_to_score,
    run,
    samples,
    score,
    scores_of,
)


def answers(outcome: EvaluationOutcome) -> list[str]:
    return [sample["resps"][0][0] for sample in samples(outcome, "own_answers")]


def test_max_tokens_shortens_the_answers_of_a_task_with_a_length_of_its_own(
    data: Path, tmp_path: Path
) -> None:
    long = answers(run(make_job(tmp_path, generation_task(data))))
    job = make_job(tmp_path, generation_task(data), gen_kwargs={"max_tokens": 2})
    short = answers(run(job))
    assert sum(map(len, short)) < sum(map(len, long)) / 2
    assert all(whole.startswith(cut) for cut, whole in zip(short, long, strict=True))


def test_a_temperature_alone_makes_the_model_sample(data: Path, tmp_path: Path) -> None:
    hot = {"temperature": 5.0}
    greedy, *drawn = (
        answers(run(make_job(tmp_path, generation_task(data), gen_kwargs=gen, seed=seed)))
        for gen, seed in (({}, 1), (hot, 1), (hot, 2))
    )
    assert greedy != drawn[0]
    assert drawn[0] != drawn[1]


def test_the_same_seed_draws_the_same_answers(data: Path, tmp_path: Path) -> None:
    first, second = (
        answers(
            run(make_job(tmp_path / place, generation_task(data), gen_kwargs={"temperature": 5.0}))
        )
        for place in ("one", "two")
    )
    assert first == second


def test_gen_kwargs_reach_the_holdout_too(tmp_path: Path) -> None:
    rows = rows_to_score(tmp_path / "eval.jsonl", CHATS)
    job = make_job(tmp_path, rows=[rows], gen_kwargs={"max_tokens": 1}, max_gen_toks=64)
    said = [sample["resps"][1][0] for sample in samples(run(job), "holdout")]
    assert all(len(text) < 20 for text in said)


def test_gen_kwargs_without_a_task_that_writes_are_noted(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(make_job(tmp_path, choices_task(data), gen_kwargs={"max_tokens": 2}))
    assert "Loading the model for 1 task\n" in capsys.readouterr().out
    assert outcome.notes == ("gen_kwargs have no effect: none of the tasks lets the model write",)


def test_examples_of_a_task_that_wants_none_are_noted(data: Path, tmp_path: Path) -> None:
    fixed = choices_task(data, num_fewshot=0, fewshot_config={"samples": FACTS[:2]})
    outcome = run(make_job(tmp_path, fixed, num_fewshot=1))
    assert outcome.notes == ("num_fewshot has no effect on own_choices: their definition says 0",)
    assert score(outcome, "own_choices", "acc").shots == 0


def test_benchmarks_can_be_asked_through_the_chat_template(data: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path, choices_task(data), apply_chat_template=True, system_instruction="Hi.")
    prompt = samples(run(job), "own_choices")[0]["arguments"][0][0]
    assert prompt.startswith("<|im_start|>system\nHi.<|im_end|>")
    assert prompt.rstrip().endswith("<|im_start|>assistant")


def test_mmlu_dev_needs_no_network_and_says_what_it_is(tmp_path: Path) -> None:
    outcome = run(make_job(tmp_path, "mmlu_dev", limit=3))
    scores = scores_of(outcome, "mmlu_dev")
    assert "Not the MMLU test set" in scores.caveat
    assert {s.chance for s in scores.scores} == {0.25}
    assert len({s.task for s in scores.scores}) == 5
    assert score(outcome, "mmlu_dev", "acc").value == pytest.approx(
        sum(s.value for s in scores.scores if s.task != "mmlu_dev") / 4
    )


def test_mmlu_dev_has_281_questions() -> None:
    from resources.mmlu_dev import questions

    found = questions()
    assert len(found) == 281
    assert len({question["subject"] for question in found}) == 57
    assert all(len(q["choices"]) == 4 and q["answer"] in range(4) for q in found)


def test_only_what_lm_eval_says_to_nobody_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Evaluation(make_job(tmp_path, "mmlu_dev"))
    log = logging.getLogger("lm_eval.api.task")
    log.warning("own_rows: Custom kwargs can be passed to `--metadata` in console (as json)")
    log.warning("own_rows: Task has no fewshot split")
    assert caplog.messages == ["own_rows: Task has no fewshot split"]


def test_the_names_of_tasks_are_listed_once(indexed: Path) -> None:
    start = time.monotonic()
    names = TaskNames(Workspace(indexed))
    directories = names.directories(["mmlu", "arc_easy"])
    assert time.monotonic() - start < 1
    assert [directory.name for directory in directories] == ["mmlu", "arc"]


def test_whoever_waits_for_the_list_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lm_eval.tasks.TaskManager", lambda: SimpleNamespace(task_index={}))
    assert not TaskNames(Workspace(tmp_path)).known
    [line] = capsys.readouterr().out.splitlines()
    assert is_worth_saying(line)


def test_a_damaged_list_of_names_is_made_again(indexed: Path, tmp_path: Path) -> None:
    [kept] = (indexed / "_lm_eval").iterdir()
    other = tmp_path / "_lm_eval" / kept.name
    other.parent.mkdir()
    other.write_bytes(kept.read_bytes()[:1000])
    assert "arc_easy" in TaskNames(Workspace(tmp_path)).known
    assert other.stat().st_size == kept.stat().st_size
