"""Rows of ours as lm-eval tasks: the holdout, and any other rows a model is to be scored on.

Chats are asked through the model's own template, one document for every turn of the assistant with
the real conversation before it. Documents are read from beginning to end. Token rows are scored
where their labels are. What the scores of one document are is in `resources.answer_scores`; how the
prompts reach the model unchanged, `resources.evaluated_model`.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osft_assets.core.errors import EvaluationError
from osft_assets.core.evaluation_job import RowsToScore
from osft_assets.core.rows import IGNORED_LABEL
from resources.answer_scores import ANSWER_SCORES, answer_scores

_VERSION = "1.0"
_LN2 = math.log(2)
Documents = list[dict[str, Any]]


@dataclass(frozen=True)
class Reader:
    """What the model makes of text: its template, its tokens, and how many it can read."""

    template: Callable[[list[dict[str, Any]]], str]
    token_count: Callable[[str], int]
    most_tokens: int


def read_rows(rows: RowsToScore) -> list[dict[str, Any]]:
    """The rows of the file, as the dataset stage wrote them."""
    with Path(rows.path).open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def documents_of(rows: RowsToScore, reader: Reader) -> tuple[Documents, int]:
    """What is scored, and how many turns are not since the model cannot read so much."""
    split = {"messages": _turns, "documents": _texts, "tokens": _segments}[rows.row_kind]
    every = [
        {**document, "row": number}
        for number, row in enumerate(read_rows(rows))
        for document in split(row, reader)
    ]
    fitting = [document for document in every if document["tokens"] <= reader.most_tokens]
    if not fitting:
        raise EvaluationError(
            f"{rows.name}: none of {rows.rows:,} rows can be scored. Expected an assistant's "
            f"answer after a question, within the {reader.most_tokens:,} tokens the model reads. "
            "Look at the holdout, or set evaluate.holdout: false"
        )
    return fitting, len(every) - len(fitting)


def _turns(row: Mapping[str, Any], reader: Reader) -> Iterator[dict[str, Any]]:
    messages = row["messages"]
    for number, message in enumerate(messages):
        text = message["content"]
        if message["role"] == "pretraining":
            yield from _texts({"document": text}, reader)
        if message["role"] == "assistant" and number and not text.isspace():
            context = reader.template(messages[:number])
            yield {
                "turn": number,
                "context": context,
                "expected": text,
                "answer_tokens": (answer := reader.token_count(text)),
                "tokens": reader.token_count(context) + answer,
            }


def _texts(row: Mapping[str, Any], reader: Reader) -> Iterator[dict[str, Any]]:
    text = row["document"]
    tokens = reader.token_count(text)
    # Read in windows, so any length fits.
    yield {"turn": 0, "context": "", "expected": text, "answer_tokens": tokens, "tokens": 0}


def _segments(row: Mapping[str, Any], _: Reader) -> Iterator[dict[str, Any]]:
    ids, labels = row["input_ids"], row["labels"]
    learnt = [label != IGNORED_LABEL for label in labels]
    start = 1  # the first token has nothing before it
    while start < len(ids):
        end = start
        while end < len(ids) and learnt[end] == learnt[start]:
            end += 1
        if learnt[start]:
            yield {
                "turn": start,
                "context": json.dumps(ids[:start]),
                "expected": json.dumps(ids[start:end]),
                "answer_tokens": end - start,
                "tokens": end,
            }
        start = end


def row_task(rows: RowsToScore, documents: Documents, generation: Mapping[str, Any]) -> Any:
    """The task, as lm-eval runs it."""
    from lm_eval.api.task import ConfigurableTask

    kind = type("RowTask", (_RowTask, ConfigurableTask), {})
    return kind(rows, documents, dict(generation))


_Task: Any = object


class _RowTask(_Task):  # type: ignore[misc] # lm-eval's, which is not imported with this module
    """What lm-eval asks of a task."""

    def __init__(self, rows: RowsToScore, documents: Documents, generation: dict[str, Any]) -> None:
        import datasets

        self._kind, self._generation = rows.row_kind, generation
        config = {
            "task": rows.name,
            "custom_dataset": lambda **_: {"test": datasets.Dataset.from_list(documents)},
            "test_split": "test",
            "output_type": "loglikelihood",
            "doc_to_text": "context",
            "doc_to_target": "expected",
            "num_fewshot": 0,
            "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
            "metadata": {"version": _VERSION, "generation": generation},
        }
        super().__init__(config=config)

    def fewshot_context(self, doc: dict[str, Any], *_: Any, **__: Any) -> str:
        return str(doc["context"])

    def doc_to_text(self, doc: dict[str, Any], *_: Any) -> str:
        return str(doc["context"])

    def doc_to_target(self, doc: dict[str, Any], *_: Any) -> str:
        return str(doc["expected"])  # never as a template: it is somebody's text

    def construct_requests(self, doc: dict[str, Any], ctx: str, **known: Any) -> list[Any]:
        from lm_eval.api.instance import Instance

        text, metadata = doc["expected"], known["metadata"]
        if not ctx:
            return [Instance("loglikelihood_rolling", doc, (text,), 0, metadata)]
        likelihood = Instance("loglikelihood", doc, (ctx, text), 0, metadata)
        if self._kind == "tokens":
            return [likelihood]
        answer = Instance("generate_until", doc, (ctx, self._generation), 1, metadata)
        return [likelihood, answer]

    def process_results(self, doc: dict[str, Any], results: list[Any]) -> dict[str, Any]:
        return _scores(self._kind, doc, results)

    def aggregation(self) -> dict[str, Any]:
        from lm_eval.api.metrics import mean

        ratios = dict.fromkeys(("bits_per_byte", "bits_per_token"), ratio)
        return {**ratios, "token_perplexity": _perplexity, **dict.fromkeys(ANSWER_SCORES, mean)}

    def higher_is_better(self) -> dict[str, bool]:
        worse = dict.fromkeys(("bits_per_byte", "bits_per_token", "token_perplexity"), False)
        return worse | dict.fromkeys(ANSWER_SCORES, True)


def _scores(kind: str, doc: dict[str, Any], results: list[Any]) -> dict[str, Any]:
    found = results[0]
    bits = -(found[0] if isinstance(found, tuple | list) else found) / _LN2
    if not math.isfinite(bits):
        raise EvaluationError(
            f"row {doc['row'] + 1} turn {doc['turn']} has a log-likelihood of {-bits * _LN2}: the "
            "model computes no numbers. Look at its weights, or set evaluate.dtype: float32"
        )
    scores: dict[str, Any] = {"bits_per_token": (bits, doc["answer_tokens"])}
    scores["token_perplexity"] = (bits, doc["answer_tokens"])
    if kind != "tokens":
        scores["bits_per_byte"] = (bits, len(doc["expected"].encode()))
    if len(results) > 1:
        scores |= answer_scores(str(results[1]), doc["expected"])
    return scores


def ratio(items: list[tuple[float, float]]) -> float:
    """The metric of pairs of (bits, bytes or tokens)."""
    return math.fsum(total for total, _ in items) / math.fsum(weight for _, weight in items)


def _perplexity(items: list[tuple[float, float]]) -> float:
    return float(2 ** ratio(items))
