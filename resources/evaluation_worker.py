"""Evaluates once, in a process of its own: `python -m resources.evaluation_worker job.json`.

Makes the tasks ready, looks which of them this very model has answered before, loads the model only
for the others, and keeps the scores of each as soon as it is done: an evaluation that is stopped
goes on where it was. It also runs under another interpreter, with vLLM, where only pydantic and
lm-eval are needed. The parent is `resources.evaluation_process`.
"""

import logging
import os
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from osft_assets.core.errors import OsftError
from osft_assets.core.evaluation_job import EvaluationJob, EvaluationOutcome, RowsToScore
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.scores import SCORES_FILE, TaskScores
from osft_assets.core.workspace import Workspace
from resources.evaluated_model import Pairs, device_of, exactly, load
from resources.evaluation_call import evaluate, generation_settings
from resources.evaluation_errors import explained
from resources.evaluation_progress import Progress
from resources.evaluation_scores import Found
from resources.evaluation_tasks import Asked, benchmarks, without_effect
from resources.library_versions import installed_versions
from resources.row_reader import reader_of, refuse_no_tokenizer
from resources.row_tasks import Reader, documents_of, row_task
from resources.scores_place import ScoresPlace
from resources.shared_work import in_turn
from resources.task_names import TaskNames
from resources.worker_main import answer, end_with_the_parent, say

_LOG_LINE = "[%(levelname)s] %(name)s: %(message)s"
_LIBRARIES = ("lm-eval", "torch", "transformers", "datasets", "vllm")
# Of those, what can change a score.
_DECIDE = ("lm-eval", "torch", "transformers", "vllm")
# What a logger of lm-eval says to nobody.
_UNSAID = {
    # One line for every prompt that is cut, up to thousands: they are counted instead.
    "lm_eval.models.huggingface": "Combined length",
    # A hint at a command line that is not ours, for every task whose rows are ours.
    "lm_eval.api.task": "Custom kwargs can be passed to `--metadata` in console",
}


def main(job_path: str) -> int:
    """The exit code."""
    job = EvaluationJob.model_validate_json(Path(job_path).read_bytes())
    end_with_the_parent()
    return answer(Path(job.directory), Evaluation(job).run, _unexpected)


def _unexpected(problem: Exception) -> OsftError:
    return explained(problem, "Evaluation")


def _begin_log(verbosity: str) -> None:
    logging.basicConfig(level="WARNING", format=_LOG_LINE, stream=sys.stdout)
    logging.getLogger("lm_eval").setLevel(verbosity)
    for name, words in _UNSAID.items():
        logging.getLogger(name).addFilter(partial(_is_said, words))


def _is_said(words: str, record: logging.LogRecord) -> bool:
    return words not in record.getMessage()


class Evaluation:
    """One job, from its tasks to its scores."""

    def __init__(self, job: EvaluationJob) -> None:
        self._job = job
        self._recipe = EvaluationRecipe(**job.recipe)
        self._workspace = Workspace(Path(job.workspace))
        self._limit = None if self._recipe.limit == -1 else self._recipe.limit
        self._notes: list[str] = []
        _begin_log(self._recipe.verbosity)

    def run(self) -> EvaluationOutcome:
        """Every task, answered now or before."""
        start = time.monotonic()
        asked = [*self._rows(), *benchmarks(self._recipe, self._names())]
        self._notes += without_effect(self._recipe, asked)
        device = device_of(self._recipe, self._job.gpus_needed)
        places = self._places(asked, device)
        missing = [each for each in asked if not places[each.name].is_whole]
        reused = tuple(each.name for each in asked if each not in missing)
        if reused:
            say(f"Answered before by this very model: {', '.join(reused)}")
        if missing:
            self._answer(missing, places, device)
        return EvaluationOutcome(
            directories={name: str(place.directory) for name, place in places.items()},
            reused=reused,
            backend=self._recipe.backend,
            device=device,
            versions=installed_versions(_LIBRARIES),
            notes=tuple(self._notes),
            seconds=time.monotonic() - start,
        )

    def _names(self) -> TaskNames:
        return TaskNames(self._workspace)

    def _rows(self) -> list[Asked]:
        if not self._job.rows:
            return []
        reader = reader_of(self._job.model_path, self._recipe, self._job.rows)
        generation = {
            "until": [],
            "do_sample": False,
            "max_gen_toks": min(self._recipe.max_gen_toks, reader.most_tokens // 2),
            **generation_settings(self._recipe),
        }
        return [self._row_task(rows, reader, generation) for rows in self._job.rows]

    def _row_task(self, rows: RowsToScore, reader: Reader, generation: Mapping[str, Any]) -> Asked:
        documents, left_out = documents_of(rows, reader)
        if left_out:
            self._notes.append(
                f"{rows.name}: {left_out:,} answers are left out, which end after the "
                f"{reader.most_tokens:,} tokens that the model reads"
            )
        pairs: Pairs = "tokens" if rows.row_kind == "tokens" else "text"
        return Asked(rows.name, rows.kind, row_task(rows, documents, generation), pairs)

    def _places(self, asked: list[Asked], device: str) -> dict[str, ScoresPlace]:
        settings = {
            **self._recipe.identity(),
            "device": device.partition(":")[0],
            "versions": installed_versions(_DECIDE),
        }
        parent = Path(self._job.scores_path)
        places = {}
        for each in asked:
            known = each.fingerprint(settings, self._limit)
            safe = "".join(c if c.isalnum() or c in "._-" else "-" for c in each.name)[:60]
            places[each.name] = ScoresPlace(parent, safe, known, self._recipe.log_samples)
        return places

    def _answer(self, missing: list[Asked], places: Mapping[str, ScoresPlace], device: str) -> None:
        progress = Progress(say)
        say(f"Loading the model for {len(missing)} task{'' if len(missing) == 1 else 's'}")
        try:
            model = load(self._recipe, self._job.model_path, device, progress)
        except Exception as problem:  # noqa: BLE001 - theirs are of every kind
            raise explained(problem, "The model cannot be loaded") from problem
        refuse_no_tokenizer(model.tokenizer, self._job.model_path)
        for number, each in enumerate(in_turn(missing, places, say), start=1):
            say(f"{each.name}: task {number} of {len(missing)}")
            self._evaluate(each, model, places[each.name])
        for task, count in model.cut.items():
            if count:
                self._notes.append(
                    f"{task}: {count:,} prompts were cut at their beginning, to the "
                    f"{model.max_length:,} tokens that the model reads"
                )

    def _evaluate(self, asked: Asked, model: Any, place: ScoresPlace) -> None:
        start = time.monotonic()
        model.task = asked.name
        try:
            with exactly(model, asked.pairs):
                results = evaluate(asked, model, self._recipe, self._limit)
        except Exception as problem:  # noqa: BLE001 - theirs are of every kind
            raise explained(problem, asked.name) from problem
        found = Found(asked.name, asked.kind, results, asked.parts)
        with self._workspace.publish(place.parent) as draft:
            scores = found.write(draft.directory, with_texts=place.with_texts)
            marker = TaskScores(
                name=asked.name,
                kind=asked.kind,
                fingerprint=place.fingerprint,
                model_fingerprint=self._job.model_fingerprint,
                scores=scores,
                prompt_hashes=found.prompt_hashes(),
                seconds=time.monotonic() - start,
                caveat=asked.caveat,
            )
            (draft.directory / SCORES_FILE).write_text(marker.model_dump_json(indent=2))
            draft.name = place.directory.name
            draft.replaces = place.directory.exists() and not place.is_whole


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(main(sys.argv[1]))
