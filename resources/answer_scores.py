"""How close a generated answer is to the one in the row: each score is 0 to 1, more is better.

BLEU and ROUGE come from sacrebleu and rouge_score, which lm-eval brings.
"""

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

ANSWER_SCORES = (
    *("exact_match", "contains_match", "token_f1", "bleu"),
    *("rouge1", "rouge2", "rougeL"),
)
_NOT_WORDS = re.compile(r"[^\w\s]")


def answer_scores(said: str, expected: str) -> dict[str, float]:
    """Every score of one answer."""
    rouge = _rouge().score(expected, said)
    return {
        "exact_match": float(said.strip() == expected.strip()),
        "contains_match": float(_plain(expected) in _plain(said)),
        "token_f1": _overlap(_plain(said).split(), _plain(expected).split()),
        "bleu": _sentence_bleu()(said, [expected]).score / 100,
        "rouge1": rouge["rouge1"].fmeasure,
        "rouge2": rouge["rouge2"].fmeasure,
        "rougeL": rouge["rougeL"].fmeasure,
    }


def _plain(text: str) -> str:
    """Lower case, without punctuation, single spaces; the text itself when it is nothing else."""
    return " ".join(_NOT_WORDS.sub("", text.lower()).split()) or " ".join(text.split())


def _overlap(said: list[str], expected: list[str]) -> float:
    """F1 of the words, as SQuAD counts it."""
    if not said or not expected:
        return float(said == expected)
    shared = sum((Counter(said) & Counter(expected)).values())
    return 2 * shared / (len(said) + len(expected))


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=_Words())


class _Words:
    """rouge_score's own tokenizer keeps a-z and 0-9 only: every Chinese answer would score 0."""

    def tokenize(self, text: str) -> list[str]:
        return re.findall(r"\w+", text.lower())


@cache
def _sentence_bleu() -> Callable[..., Any]:
    from sacrebleu import sentence_bleu

    scored: Callable[..., Any] = sentence_bleu
    return scored
