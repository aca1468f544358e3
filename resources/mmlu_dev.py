"""`mmlu_dev`: a benchmark that needs no network, out of what ships in lm-eval's own package.

lm-eval's few-shot prompts for MMLU hold the public development questions, five a subject: 281 of
the 282 can be read as multiple choice. They are NOT the MMLU test set, and most models have seen
them in training. Good for noticing a drift between two models; no number to publish.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

CAVEAT = (
    "281 public development questions of MMLU, from lm-eval's package. Not the MMLU test set, and "
    "probably in the pre-training data: good for a drift between two models, not for a claim."
)
NAME = "mmlu_dev"
_VERSION = "1.0"
_QUESTION = re.compile(r"^(.*?)\n?\s*\(A\)(.*?)\(B\)(.*?)\(C\)(.*?)\(D\)(.*)$", re.S)
_ANSWER = re.compile(r"answer is \(?([ABCD])\)?")
_LETTERS = "ABCD"
_PROMPT = "{{question}}\n" + "".join(
    f"{letter}. {{{{choices[{index}]}}}}\n" for index, letter in enumerate(_LETTERS)
)


def questions() -> list[dict[str, Any]]:
    """Every question: subject, category, question, choices, answer."""
    import lm_eval
    from lm_eval.tasks._yaml_loader import load_yaml

    directory = Path(lm_eval.__file__).parent / "tasks" / "mmlu" / "flan_cot_fewshot"
    found = []
    for path in sorted(directory.glob("mmlu_*.yaml")):
        config = load_yaml(path, resolve_func=False)
        tag = config.get("tag") or config.get("group")
        category = (tag if isinstance(tag, str) else tag[0]).removeprefix("mmlu_flan_cot_fewshot_")
        for sample in config["fewshot_config"]["samples"]:
            question = _QUESTION.match(sample["question"].strip())
            answer = _ANSWER.search(sample["target"])
            if question and answer:
                text, *choices = (part.strip() for part in question.groups())
                found.append(
                    {
                        "subject": config["dataset_name"],
                        "category": category.removesuffix("_tasks"),
                        "question": text,
                        "choices": choices,
                        "answer": _LETTERS.index(answer[1]),
                    }
                )
    return found


def mmlu_dev() -> Any:
    """The benchmark: one task a category, and their mean over the questions."""
    from lm_eval.api.group import AggMetricConfig, Group

    by_category = defaultdict(list)
    for question in questions():
        by_category[question["category"]].append(question)
    group = Group(
        name=NAME,
        aggregate_metric_list=[AggMetricConfig(metric="acc", weight_by_size=True)],
        metadata={"version": _VERSION},
    )
    for category, asked in by_category.items():
        group.add(_task(f"{NAME}_{category}", asked))
    return group


def _task(name: str, asked: list[dict[str, Any]]) -> Any:
    import datasets
    from lm_eval.api.task import ConfigurableTask

    return ConfigurableTask(
        config={
            "task": name,
            "custom_dataset": lambda **_: {"test": datasets.Dataset.from_list(asked)},
            "test_split": "test",
            "output_type": "multiple_choice",
            "doc_to_text": f"{_PROMPT}Answer:",
            "doc_to_choice": list(_LETTERS),
            "doc_to_target": "answer",
            "num_fewshot": 0,
            "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
            "metadata": {"version": _VERSION},
        }
    )
