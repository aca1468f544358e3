"""From what lm-eval returns to documents that add up to it."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.errors import EvaluationError
from osft_assets.core.scores import Measured, read_documents
from resources.evaluation_scores import Found


class Part:
    """A task, as far as its scores are concerned."""

    OUTPUT_TYPE = "generate_until"

    def __init__(self, **adders: Callable[[Any], float]) -> None:
        self._adders = adders

    def aggregation(self) -> dict[str, Callable[[Any], float]]:
        return self._adders


def sample(number: int, **metrics: Any) -> dict[str, Any]:
    hashes = {f"{what}_hash": f"{what} {number}" for what in ("doc", "prompt", "target")}
    doc = {"question": f"Number {number}?"}
    return (
        {"doc_id": number, "doc": doc, "filter": "none", "metrics": [*metrics]} | metrics | hashes
    )


def results(found: dict[str, Any], samples: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "results": found,
        "samples": samples,
        "versions": dict.fromkeys(found, 1.0),
        "n-shot": dict.fromkeys(found, 0),
        "higher_is_better": {name: {"acc": True, "f1": True} for name in found},
    }


def mean() -> Callable[[Any], float]:
    from lm_eval.api.metrics import mean as lm_eval_mean

    adder: Callable[[Any], float] = lm_eval_mean
    return adder


def written(found: Found, directory: Path, key: str = "acc,none") -> list[Measured]:
    found.write(directory, with_texts=False)
    return read_documents(directory, key)


def group_of(value: float) -> Found:
    """Two parts: 1 of 1 right, and 1 of 3."""
    samples = {
        "one": [sample(0, acc=1.0)],
        "rest": [sample(0, acc=1.0), sample(1, acc=0.0), sample(2, acc=0.0)],
    }
    scores = {
        "both": {"alias": "both", "acc,none": value, "acc_stderr,none": 0.1, "sample_len": 4},
        "one": {"acc,none": 1.0, "acc_stderr,none": "N/A", "sample_len": 1},
        "rest": {"acc,none": 1 / 3, "acc_stderr,none": 0.3, "sample_len": 3},
    }
    parts = {name: Part(acc=mean()) for name in samples}
    return Found("both", "benchmark", results(scores, samples), parts)


def test_a_group_that_counts_its_documents_weighs_them_all_the_same(tmp_path: Path) -> None:
    documents = written(group_of(2 / 4), tmp_path)
    assert [d.weight for d in documents] == [1, 1, 1, 1]
    assert sum(d.total for d in documents) == 2


def test_a_group_that_counts_its_parts_weighs_those_the_same(tmp_path: Path) -> None:
    documents = written(group_of(2 / 3), tmp_path)
    assert [d.weight for d in documents] == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])


def test_a_group_with_another_arithmetic_has_no_documents(tmp_path: Path) -> None:
    assert written(group_of(0.9), tmp_path) == []


def test_documents_of_two_parts_are_never_mistaken_for_each_other(tmp_path: Path) -> None:
    documents = written(group_of(0.5), tmp_path)
    assert [d.document for d in documents] == ["one/0", "rest/0", "rest/1", "rest/2"]


def test_the_scores_of_the_parts_are_kept_beside_the_groups(tmp_path: Path) -> None:
    scores = group_of(0.5).write(tmp_path, with_texts=False)
    assert {(s.task, s.n, s.stderr) for s in scores} == {
        ("both", 4, 0.1),
        ("one", 1, None),
        ("rest", 3, 0.3),
    }


def alone(value: Any, **adders: Callable[[Any], float]) -> Found:
    samples = {"own": [sample(0, f1=(1, 1)), sample(1, f1=(0, 1))]}
    found = {"own": {"f1,none": value, "f1_stderr,none": "N/A", "sample_len": 2}}
    return Found("own", "benchmark", results(found, samples), {"own": Part(**adders)})


def test_a_metric_that_does_not_add_up_has_no_documents(tmp_path: Path) -> None:
    assert written(alone(0.6, f1=lambda _: 0.6), tmp_path, "f1,none") == []


@pytest.mark.parametrize("value", [math.nan, math.inf, "N/A"])
def test_a_score_that_is_no_number_is_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"own: f1,none is .*expected a number"):
        alone(value).write(tmp_path, with_texts=False)


def test_texts_are_kept_where_they_are_wanted(tmp_path: Path) -> None:
    group_of(0.5).write(tmp_path, with_texts=True)
    lines = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text().splitlines()]
    assert [line["task"] for line in lines] == ["one", "rest", "rest", "rest"]


def test_another_prompt_has_another_hash() -> None:
    hashes = group_of(0.5).prompt_hashes()
    assert hashes["one"] != hashes["rest"]
    assert hashes == group_of(0.9).prompt_hashes()
