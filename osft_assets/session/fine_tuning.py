"""`FineTuning`: one pipeline, step by step, from a Python session.

Only the way in: the steps run the pipeline's own assets and checks (`session.runs`), a failure is
one of our errors (`session.failures`), and what they give shows itself (`session.shown`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import dagster as dg

from osft_assets.beginnings import with_beginnings
from osft_assets.core.errors import ConfigError
from osft_assets.core.forgetting_report import report_path
from osft_assets.core.ports import Prompter
from osft_assets.core.prompts import PromptJob
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.workspace import Workspace
from osft_assets.definitions import defs, served_pipelines, with_resources
from osft_assets.definitions import workspace as default_workspace
from osft_assets.pipeline import build_pipeline
from osft_assets.pipeline_facts import pipeline_names
from osft_assets.session.answers import Answers
from osft_assets.session.attributes import attributes_in, recipe_of
from osft_assets.session.checkpoint import Checkpoint
from osft_assets.session.data import Data
from osft_assets.session.entry import Entry
from osft_assets.session.failures import refuse_failure, warnings_of
from osft_assets.session.report import Report
from osft_assets.session.runs import Runs

_Step = Literal["prepare", "train", "evaluate", "register"]
_ASSETS: dict[_Step, tuple[str, ...]] = {
    "prepare": ("train_split", "holdout_split", "base_model"),
    "train": ("checkpoint", "training_metrics"),
    "evaluate": ("base_scores", "scores", "champion_scores", "forgetting_report"),
    "register": ("registry_entry",),
}


class FineTuning:
    """A pipeline to run by hand.

    `attributes` are those of a `defs.yaml`; without any, it is the pipeline of that name which the
    code location serves. `start_from` may also be another FineTuning. `workspace` is where it
    writes, instead of OSFT_WORKSPACE; `resources` replace those of the definitions, as tests do;
    `says=False` makes it silent.

    Every step first runs those before it that were not run yet. Nothing is computed twice: the
    same rows, model and settings give what was made before.
    """

    name: str
    workspace: Workspace
    _resources: dict[str, Any]
    _pipelines: tuple[PipelineRecipe, ...]

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        name: str,
        *,
        start_from: "str | FineTuning" = "",
        workspace: Path | str | None = None,
        resources: Mapping[str, Any] | None = None,
        says: bool = True,
        **attributes: Any,
    ) -> None:
        before = start_from if isinstance(start_from, FineTuning) else None
        if start_from:
            attributes["start_from"] = before.name if before else start_from
        self.name = name
        self.workspace = _place(workspace, before)
        self._resources = {**(before._resources if before else {}), **(resources or {})}
        own = _new(name, attributes) if attributes else _served(name)
        self._pipelines = (*(before._pipelines if before else ()), *own)
        elsewhere = not attributes or (start_from and not before)
        definitions = _definitions(self._pipelines, bool(elsewhere))
        definitions = with_resources(definitions, workspace=self.workspace, **self._resources)
        self._prompter: Prompter = (definitions.resources or {})["prompter"]
        self._runs = Runs(name, definitions, says)
        self._done: list[_Step] = []
        self._data: Data | None = None
        self._checkpoint: Checkpoint | None = None

    @classmethod
    def from_yaml(cls, file: Path | str, **options: Any) -> Self:
        """The pipeline that a `defs.yaml` elsewhere describes."""
        return cls(**attributes_in(Path(file)), **options)

    def prepare(self) -> Data:
        """The rows, checked and split, and the base model, downloaded and looked at."""
        result = self._run("prepare")
        self._checkpoint = None
        self._data = Data(
            record=self._value(result, "train_split"),
            holdout=self._value(result, "holdout_split"),
            base_model=self._value(result, "base_model"),
            warnings=tuple(warnings_of(result)),
        )
        return self._data

    def train(self) -> Checkpoint:
        """The checkpoint, and how its training went."""
        self._prepared()
        result = self._run("train")
        record = self._value(result, "checkpoint")
        self._checkpoint = Checkpoint(record, tuple(warnings_of(result)))
        return self._checkpoint

    def evaluate(self) -> Report:
        """What was learned and what was forgotten. A model that the gate blocks has a report too:
        look at `passed`.
        """
        if "train" not in self._done:
            self.train()
        result = self._run("evaluate", but_not_of="forgetting_report")
        record = self._value(result, "forgetting_report")
        path = report_path(self.workspace, self.name, record.checkpoint_fingerprint)
        return Report(record, path.with_suffix(".html"), tuple(warnings_of(result)))

    def register(self, force: str = "") -> Entry:
        """The checkpoint as a version in the registry; EvaluationError when the gate blocks it.

        `force` is the reason to register it nevertheless, and is kept with the version.
        """
        if "evaluate" not in self._done:
            self.evaluate()
        result = self._run("register", {"force": force} if force else {})
        return Entry(self._value(result, "registry_entry"), tuple(warnings_of(result)))

    def ask(self, *questions: str, max_new_tokens: int = 128) -> Answers:
        """What the base model and, once there is one, the checkpoint say to each question."""
        base = self._prepared().base_model
        tuned = [str(self._checkpoint.path)] if self._checkpoint else []
        job = PromptJob(
            model_paths=(base.path, *tuned),
            conversations=tuple(({"role": "user", "content": each},) for each in questions),
            max_new_tokens=max_new_tokens,
            trust_remote_code=base.trust_remote_code,
        )
        return Answers(questions, *self._prompter.answer(job).answers)

    def __repr__(self) -> str:
        done = ", ".join(self._done) or "nothing yet"
        return f"FineTuning {self.name!r} in {self.workspace.root}; done: {done}"

    def _prepared(self) -> Data:
        return self._data or self.prepare()

    def _run(
        self, step: _Step, config: Mapping[str, Any] | None = None, but_not_of: str = ""
    ) -> dg.ExecuteInProcessResult:
        order = list(_ASSETS)
        # What was made of the old ones is no more of this step's.
        self._done = [each for each in self._done if order.index(each) < order.index(step)]
        ops = {f"{self.name}__{_ASSETS[step][0]}": {"config": dict(config)}} if config else {}
        result = self._runs.materialize(_ASSETS[step], ops)
        refuse_failure(result, but_not_of)
        self._done.append(step)
        return result

    def _value(self, result: dg.ExecuteInProcessResult, asset: str) -> Any:
        return result.asset_value([self.name, asset])


def _place(given: Path | str | None, before: FineTuning | None) -> Workspace:
    if given is None:
        return before.workspace if before else default_workspace()
    return Workspace(Path(given).expanduser())


def _definitions(pipelines: Sequence[PipelineRecipe], with_served: bool) -> dg.Definitions:
    served = [served_pipelines()] if with_served else []
    return with_beginnings(dg.Definitions.merge(*map(build_pipeline, pipelines), *served))


def _served(name: str) -> Sequence[PipelineRecipe]:
    """None of its own: it must be one that a file defines."""
    names = pipeline_names(defs)
    if name not in names:
        raise ConfigError(
            f"There is no pipeline {name!r}, but {', '.join(names)}. For one of your own, give "
            f"at least its rows: FineTuning({name!r}, dataset=...)"
        )
    return ()


def _new(name: str, attributes: Mapping[str, Any]) -> Sequence[PipelineRecipe]:
    if name in pipeline_names(defs):
        raise ConfigError(
            f"A file in defs/ defines the pipeline {name} already. FineTuning({name!r}) is that "
            "one; for other settings, take another name"
        )
    return (recipe_of({"name": name, **attributes}, f"FineTuning({name!r})"),)
