"""One training of the demo's model on new facts, and what it answers afterwards.

The worker of the product, `resources.training_worker`, in forks of one process: each is the call of
Training Hub, its verification and its certificate, and the imports are paid once. The answers are
the model's greedy ones, without lm-eval.
"""

import json
import os
import random
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from osft_assets.core.model_records import ModelRecord
from osft_assets.core.recipes.pipeline import training_recipe
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from osft_assets.core.worker import JOB_FILE, OUTCOME_FILE
from osft_assets.demo.rows import demo_rows

DEMO = Path(__file__).parents[1] / "osft_assets/defs/demo"
_TRAIN_SHARE = 0.8
Row = dict[str, Any]


@dataclass(frozen=True)
class Contender:
    """A way to train: that of a pipeline of the demo, or a control that is none."""

    pipeline: str
    at_random: bool = False  # which directions are frozen, instead of the largest


CONTENDERS = {
    "sft": Contender("demo_sft"),
    "sft, matrices only": Contender("demo_sft_matrices"),
    "osft, strict": Contender("demo"),
    "osft, mini-trainer's": Contender("demo_osft"),
    "control: random directions": Contender("demo", at_random=True),
}


@dataclass(frozen=True)
class Score:
    """Shares of right answers, and what the training took."""

    contender: str
    rate: float
    seed: int
    new: float
    old: float
    skills: Mapping[str, float]
    cpu_seconds: float


def prepare() -> None:
    """Import what the forks need, once; before it, what has to be set before."""
    from resources.training_environment import prepare_for_cpu

    prepare_for_cpu(os.environ, parameters=1_000_000)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    for library in ("instructlab.training.main_ds", "mini_trainer.train", "training_hub"):
        import_module(library)


def measure(name: str, rate: float, seed: int) -> Score:
    """Train, ask, and forget about the files."""
    before = _child_seconds()
    with TemporaryDirectory() as place:
        directory = Path(place)
        train, holdout = _rows(seed)
        job = _job(directory, CONTENDERS[name], train, {"learning_rate": rate, "seed": seed})
        _in_a_fork(lambda: _train(job, CONTENDERS[name].at_random), directory / "log")
        outcome = TrainingOutcome.model_validate_json((directory / OUTCOME_FILE).read_bytes())
        spent = _child_seconds() - before
        _in_a_fork(lambda: _ask(directory, outcome.model, holdout), directory / "log")
        answered = json.loads((directory / "answers.json").read_text())
    skills = answered["old"]
    old = sum(skills.values()) / len(skills)
    return Score(name, rate, seed, answered["new"][""], old, skills, round(spent, 1))


def _rows(seed: int) -> tuple[list[Row], list[Row]]:
    """The same facts for every seed, in another order, and another choice of what is held out.

    Not other facts: the base model's tokenizer was made with the demo's towns in view, and names
    that it takes apart are learnt at other rates (tried: 92.5 % of its own, 30 % of others).
    """
    rows = list({row["messages"][0]["content"]: row for row in demo_rows()}.values())
    random.Random(seed).shuffle(rows)
    count = round(_TRAIN_SHARE * len(rows))
    return rows[:count], rows[count:]


def _job(
    directory: Path, contender: Contender, rows: list[Row], more: dict[str, Any]
) -> TrainingJob:
    pipelines = {
        each["attributes"]["name"]: each["attributes"]
        for each in yaml.safe_load_all((DEMO / "defs.yaml").read_text())
    }
    settings = pipelines[contender.pipeline]
    recipe = training_recipe(settings["algorithm"])(**{**settings["train"], **more})
    path = directory / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    job = TrainingJob(
        algorithm=settings["algorithm"],
        directory=str(directory),
        rows_directory=str(directory / "rows"),
        model=_model(),
        train_path=str(path),
        train_rows=len(rows),
        holdout_path="",
        holdout_rows=0,
        kind="messages",
        recipe=recipe.model_dump(),
    )
    (directory / JOB_FILE).write_text(job.model_dump_json())
    return job


def _model() -> ModelRecord:
    return ModelRecord(
        uri=str(DEMO / "model"),
        revision="",
        path=str(DEMO / "model"),
        fingerprint="",
        architecture="Qwen2ForCausalLM",
        parameters=960_192,
        dtype="bfloat16",
        size_bytes=0,
        has_chat_template=True,
    )


def _train(job: TrainingJob, at_random: bool) -> None:
    from resources import training_worker

    if at_random:
        _choose_directions_at_random(job.recipe["seed"])
    code = training_worker.main(str(Path(job.directory) / JOB_FILE))
    if code:
        raise RuntimeError(f"the worker ended with {code}")


def _choose_directions_at_random(seed: int) -> None:
    """The singular triplets are shuffled: as many are frozen as ever, but not the largest."""
    import torch

    decompose = torch.linalg.svd
    dice = torch.Generator().manual_seed(seed)

    def shuffled(matrix: Any, **options: Any) -> tuple[Any, Any, Any]:
        u, s, v = decompose(matrix, **options)
        order = torch.randperm(len(s), generator=dice)
        return u[:, order], s[order], v[order]

    vars(torch.linalg)["svd"] = shuffled


def _ask(directory: Path, model: str, holdout: list[Row]) -> None:
    import torch

    from osft_assets.demo.model import exact_match, load

    torch.set_num_threads(1)
    known = load(directory / model)
    lines = (DEMO / "old_skills.jsonl").read_text().splitlines()
    found = {
        "new": exact_match(*known, holdout),
        "old": exact_match(*known, [json.loads(line) for line in lines]),
    }
    (directory / "answers.json").write_text(json.dumps(found))


def _in_a_fork(work: Callable[[], None], log: Path) -> None:
    child = os.fork()
    if not child:
        code = 1
        try:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(output, 1)
            os.dup2(output, 2)
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - or the parent's code would go on here, twice
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"a fork failed: {log.read_text()[-3000:]}")


def _child_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
