"""Public and own tasks score what lm-eval itself computes, to the last digit."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from osft_assets.core.evaluation_job import EvaluationOutcome
from osft_assets.core.scores import read_documents
from tests.evaluation.parts import (
    DEMO,
    FACTS,
    choices_task,
    generation_task,
    make_job,
    run,
    scores_of,
    task,
    value,
    write_rows,
)

MEAN = {"aggregation": "mean", "higher_is_better": True}
TEXT = "Sollun makes oak barrels, and shows them after the harvest."


def every_type(data: str) -> list[dict[str, Any]]:
    """One task of each output type; F1 and BLEU are no mean over the documents."""
    return [
        task("own_likelihood", "loglikelihood", data, metric_list=[{"metric": "acc", **MEAN}]),
        task("own_texts", "loglikelihood_rolling", data, doc_to_target="{{question}} " + TEXT),
        choices_task(data, metric_list=[{"metric": m, **MEAN} for m in ("acc", "acc_norm")]),
        generation_task(data, metric_list=[{"metric": m} for m in ("exact_match", "bleu")]),
    ]


NAMES = ["own_likelihood", "own_texts", "own_choices", "own_answers"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data") / "facts.jsonl", FACTS)


@pytest.fixture(scope="module")
def outcome(data: Path, tmp_path_factory: pytest.TempPathFactory) -> EvaluationOutcome:
    return run(make_job(tmp_path_factory.mktemp("all"), *every_type(str(data))))


@pytest.fixture(scope="module")
def direct(data: Path) -> dict[str, Any]:
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    found: dict[str, Any] = lm_eval.simple_evaluate(
        model=HFLM(pretrained=str(DEMO), dtype="auto", device="cpu", batch_size=8),
        tasks=every_type(str(data)),
        task_manager=TaskManager(include_defaults=False),
    )
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_task_scores_what_lm_eval_computes(
    name: str, outcome: EvaluationOutcome, direct: dict[str, Any]
) -> None:
    told = {
        key: number
        for key, number in direct["results"][name].items()
        if "," in key and "_stderr" not in key
    }
    assert told
    assert {s.key: s.value for s in scores_of(outcome, name).overall()} == told


@pytest.mark.parametrize("name", NAMES)
def test_its_errors_are_lm_evals_where_it_has_them(
    name: str, outcome: EvaluationOutcome, direct: dict[str, Any]
) -> None:
    for score in scores_of(outcome, name).overall():
        told = direct["results"][name][f"{score.metric}_stderr,{score.filter}"]
        assert told == "N/A" or score.stderr == told


@pytest.mark.parametrize("name", NAMES)
def test_its_documents_add_up_to_it_or_are_not_there(name: str, outcome: EvaluationOutcome) -> None:
    directory = Path(outcome.directories[name])
    for score in scores_of(outcome, name).overall():
        found = read_documents(directory, score.key)
        if score.metric in ("bleu", "word_perplexity", "byte_perplexity"):
            assert not found
        else:
            total = sum(d.total for d in found) / sum(d.weight for d in found)
            assert total == pytest.approx(score.value, abs=1e-6)
            assert len(found) == len(FACTS)


def test_of_multiple_choice_it_is_known_what_guessing_scores(outcome: EvaluationOutcome) -> None:
    chances = {
        score.metric: score.chance
        for name in NAMES
        for score in scores_of(outcome, name).overall()
        if score.chance is not None
    }
    assert chances == {"acc": pytest.approx(1 / 3), "acc_norm": pytest.approx(1 / 3)}


def test_the_data_files_of_a_yaml_file_are_beside_it(
    outcome: EvaluationOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(tmp_path / "mine" / "facts.jsonl", FACTS)
    definition = tmp_path / "mine" / "choices.yaml"
    definition.write_text(yaml.safe_dump(choices_task("facts.jsonl")))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    found = run(make_job(tmp_path / "job", str(definition)))
    assert value(found, "own_choices", "acc") == value(outcome, "own_choices", "acc")


def group_of(directory: Path, *parts: Any) -> Path:
    """The file of a group that averages its parts; `one` and `rest` have files beside it."""
    write_rows(directory / "one.jsonl", FACTS[:1])
    write_rows(directory / "rest.jsonl", FACTS[1:])
    for name in ("one", "rest"):
        values = choices_task(f"{name}.jsonl", name)
        (directory / f"{name}.yaml").write_text(yaml.safe_dump(values))
    group = {
        "group": "both",
        "task": list(parts),
        "aggregate_metric_list": [{"metric": "acc", "weight_by_size": False}],
        "metadata": {"version": 1.0},
    }
    path = directory / "both.yaml"
    path.write_text(yaml.safe_dump(group))
    return path


def test_the_data_files_of_a_part_within_a_groups_file_are_beside_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = group_of(tmp_path / "mine", "one", choices_task("rest.jsonl", "within"))
    monkeypatch.setattr("resources.task_names.TaskNames._scanned", lambda _: {})
    found = run(make_job(tmp_path / "job", str(group)))
    assert len(read_documents(Path(found.directories["both"]), "acc,none")) == len(FACTS)


def test_a_group_of_own_files_has_a_score_and_those_of_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = group_of(tmp_path / "mine", "one", "rest")
    monkeypatch.setattr("resources.task_names.TaskNames._scanned", lambda _: {})
    found = run(make_job(tmp_path / "job", str(group)))
    scores = {s.task: s.value for s in scores_of(found, "both").scores if s.metric == "acc"}
    assert scores["both"] == pytest.approx((scores["one"] + scores["rest"]) / 2)
    documents = read_documents(Path(found.directories["both"]), "acc,none")
    assert len(documents) == 4
    assert sum(d.total for d in documents) / sum(d.weight for d in documents) == pytest.approx(
        scores["both"]
    )
