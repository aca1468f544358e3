"""From what lm-eval returns to the files that comparisons read: scores, documents, samples.

Their form is `core.scores`. A metric gets its documents only when these add up to the reported
number; the others (corpus BLEU, F1, perplexity of words) are compared by their errors alone.
"""

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from osft_assets.core.comparison import stderr_of, value_of
from osft_assets.core.errors import EvaluationError
from osft_assets.core.scores import (
    DOCUMENTS_FILE,
    RESULTS_FILE,
    SAMPLES_FILE,
    DocumentScore,
    Measured,
    Score,
    TaskKind,
)
from resources.chance import chance_of
from resources.document_values import added_by, cluster_of

_CLOSE = 1e-6


@dataclass(frozen=True)
class Found:
    """What lm-eval returned for one task or group, and the parts it has."""

    name: str
    kind: TaskKind
    results: Mapping[str, Any]
    parts: Mapping[str, Any]  # lm_eval's tasks, by name

    def write(self, directory: Path, *, with_texts: bool) -> tuple[Score, ...]:
        """The files beside the marker; the scores that go into it."""
        documents = self._documents()
        scores = tuple(self._scores(documents))
        with (directory / DOCUMENTS_FILE).open("w", encoding="utf-8") as stream:
            for document in documents:
                stream.write(document.model_dump_json() + "\n")
        if with_texts:
            _write_samples(directory / SAMPLES_FILE, self.results["samples"])
        kept = {key: value for key, value in self.results.items() if key != "samples"}
        (directory / RESULTS_FILE).write_text(json.dumps(kept, indent=2, default=str))
        return scores

    def prompt_hashes(self) -> dict[str, str]:
        """Of every part: what it asked, and what was right, as lm-eval's own tracker hashes it."""
        return {
            name: hashlib.sha256(
                "".join(
                    s["doc_hash"] + s["prompt_hash"] + s["target_hash"] for s in samples
                ).encode()
            ).hexdigest()
            for name, samples in self.results["samples"].items()
        }

    def _scores(self, documents: list[DocumentScore]) -> Iterator[Score]:
        for task, found in self.results["results"].items():
            for key, value in found.items():
                metric, comma, used_filter = key.partition(",")
                if not comma or metric.endswith("_stderr"):
                    continue
                self._refuse_no_number(task, key, value)
                yield Score(
                    task=task,
                    metric=metric,
                    filter=used_filter,
                    value=float(value),
                    stderr=self._stderr(task, metric, used_filter, documents),
                    n=int(found.get("sample_len") or 0),
                    higher_is_better=self._direction(task, metric),
                    version=str(self.results["versions"].get(task, "")),
                    shots=int(self.results["n-shot"].get(task) or 0),
                    chance=self._chance(task, metric, key),
                )

    def _stderr(
        self, task: str, metric: str, used_filter: str, documents: list[DocumentScore]
    ) -> float | None:
        told = self.results["results"][task].get(f"{metric}_stderr,{used_filter}")
        if isinstance(told, int | float) and math.isfinite(told):
            return float(told)
        key = f"{metric},{used_filter}"
        if task != self.name:
            return None
        measured = [
            Measured(d.document, d.cluster, *d.metrics[key]) for d in documents if key in d.metrics
        ]
        return stderr_of(measured) if measured else None

    def _chance(self, task: str, metric: str, key: str) -> float | None:
        parts = self.parts if task == self.name else {task: self.parts.get(task)}
        if not all(parts.values()):
            return None  # a group within the group
        weights = {name: self._weights.get((name, key), 1.0) for name in parts}
        return chance_of(metric, self.results["samples"], parts, weights)

    def _direction(self, task: str, metric: str) -> bool | None:
        higher = self.results["higher_is_better"].get(task, {}).get(metric)
        return None if higher is None else bool(higher)

    def _refuse_no_number(self, task: str, key: str, value: Any) -> None:
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise EvaluationError(
                f"{task}: {key} is {value}, expected a number. The model's weights may be broken, "
                "or its precision too low: look at the samples, or set evaluate.dtype: float32"
            )

    def _documents(self) -> list[DocumentScore]:
        weights = self._weights
        metrics: dict[tuple[str, str], dict[str, tuple[float, float]]] = defaultdict(dict)
        for task, samples in self.results["samples"].items():
            adders = self.parts[task].aggregation()
            for sample in samples:
                cluster = cluster_of(task, sample)
                for metric in sample["metrics"]:
                    key = f"{metric},{sample['filter']}"
                    added = added_by(adders.get(metric), sample[metric])
                    weight = weights.get((task, key), 1.0)
                    if added:
                        place = (f"{task}/{sample['doc_id']}", cluster)
                        metrics[place][key] = (added[0] * weight, added[1] * weight)
        true = self._that_add_up(metrics)
        return [
            DocumentScore(
                document=document,
                cluster=cluster,
                metrics={key: pair for key, pair in found.items() if key in true},
            )
            for (document, cluster), found in metrics.items()
        ]

    @cached_property
    def _weights(self) -> dict[tuple[str, str], float]:
        """Of the documents of a part, where a group counts its parts and not their documents."""
        group = self.results["results"].get(self.name, {})
        weights: dict[tuple[str, str], float] = {}
        for key, value in group.items():
            if "_stderr," in key:
                continue  # may be "N/A" for a part
            told = {
                t: r for t, r in self.results["results"].items() if t in self.parts and key in r
            }
            if len(told) < 2 or not isinstance(value, int | float):
                continue
            mean = sum(found[key] for found in told.values()) / len(told)
            if math.isclose(mean, value, abs_tol=_CLOSE):
                weights |= {(task, key): 1 / found["sample_len"] for task, found in told.items()}
        return weights

    def _that_add_up(
        self, metrics: Mapping[tuple[str, str], Mapping[str, tuple[float, float]]]
    ) -> set[str]:
        reported = self.results["results"].get(self.name, {})
        by_key: dict[str, list[Measured]] = defaultdict(list)
        for (document, cluster), found in metrics.items():
            for key, pair in found.items():
                by_key[key].append(Measured(document, cluster, *pair))
        return {
            key
            for key, measured in by_key.items()
            if key in reported
            and math.isclose(value_of(measured), reported[key], rel_tol=_CLOSE, abs_tol=_CLOSE)
        }


def _write_samples(path: Path, samples: Mapping[str, list[Mapping[str, Any]]]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for task, found in samples.items():
            for sample in found:
                line = json.dumps({"task": task, **sample}, ensure_ascii=False, default=str)
                stream.write(line + "\n")
