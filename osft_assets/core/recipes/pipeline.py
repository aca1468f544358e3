"""One pipeline, as its YAML file says it: a name, an algorithm, and a recipe for each stage."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from osft_assets.core.recipes.automation import (
    FreshnessRecipe,
    NewDataRecipe,
    RetryRecipe,
    ScheduleRecipe,
)
from osft_assets.core.recipes.base import Recipe, knob, matching
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.recipes.labels import Owner, TagName, TagValue
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pod import EvaluationPodRecipe, PodRecipe, SftPodRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.rows import RowKind

# Instead of the address of a base model.
_CHAMPION = "champion"
# Fit for asset keys and for paths.
_NAME, _EXPECTED = r"[a-z][a-z0-9_]{0,62}", "lower-case letters, digits and '_', a letter first"
_Name = Annotated[str, matching(_NAME, _EXPECTED)]
_NameOrNothing = Annotated[str, matching(f"({_NAME})?", _EXPECTED)]


class PipelineRecipe(Recipe):
    """What `build_pipeline` builds from. `defined_in` is the file that error messages name."""

    name: _Name = knob("", "Key prefix and group of the assets, and directory in the workspace.")
    algorithm: Literal["osft", "sft"] = knob("osft", "How the model is trained.")
    dataset: DatasetRecipe = Field(default_factory=DatasetRecipe)
    base_model: BaseModelRecipe = Field(default_factory=BaseModelRecipe)
    start_from: _NameOrNothing = knob(
        "", "Another pipeline, whose newest checkpoint to train on, instead of base_model."
    )
    train: OsftRecipe | SftRecipe = Field(default_factory=OsftRecipe)
    pod: PodRecipe = Field(default_factory=PodRecipe)
    evaluate: EvaluationRecipe = Field(default_factory=EvaluationRecipe)
    evaluation_pod: EvaluationPodRecipe = Field(default_factory=EvaluationPodRecipe)
    gate: GateRecipe = Field(default_factory=GateRecipe)
    registry: RegistryRecipe = Field(default_factory=RegistryRecipe)
    schedule: ScheduleRecipe = Field(default_factory=ScheduleRecipe)
    retrain_on_new_data: NewDataRecipe = Field(default_factory=NewDataRecipe)
    freshness: FreshnessRecipe = Field(default_factory=FreshnessRecipe)
    retry: RetryRecipe = Field(default_factory=RetryRecipe)
    owners: tuple[Owner, ...] = knob(
        (), "Who answers for it: team:NAME or an e-mail address. Shown on the page of every asset."
    )
    tags: dict[TagName, TagValue] = knob(
        {}, "Tags of every asset, to find and select them by, beside osft/pipeline and its like."
    )
    defined_in: str = knob("", "The YAML file.")

    @model_validator(mode="before")
    @classmethod
    def _an_algorithm_has_its_own_knobs(cls, values: dict[str, Any]) -> dict[str, Any]:
        algorithm = values.get("algorithm", "osft")
        own = {
            "train": _of_kind(training_recipe(algorithm), "train", values),
            "pod": _of_kind(pod_recipe(algorithm), "pod", values),
        }
        return {**values, **own}

    @model_validator(mode="before")
    @classmethod
    def _no_gpu_for_what_is_for_a_cpu(cls, values: dict[str, Any]) -> dict[str, Any]:
        if not _is_for_a_cpu(values):
            return values
        found = values.get("evaluation_pod") or {}
        given = found.model_dump(exclude_unset=True) if isinstance(found, Recipe) else found
        return {**values, "evaluation_pod": {"gpu": 0, **given}}

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if self.start_from and self.base_model != BaseModelRecipe():
            raise ValueError("base_model and start_from exclude each other: remove one")
        if self.start_from and self.start_from == self.name:
            raise ValueError("start_from names this pipeline itself: name another one")
        return self

    @model_validator(mode="after")
    def _force_is_for_one_run(self) -> Self:
        if self.registry.force:
            raise ValueError(
                "registry.force is for one run: set it in the launchpad of registry_entry, not in "
                "this file"
            )
        return self

    @model_validator(mode="after")
    def _nothing_fails_at_every_tick(self) -> Self:
        asked = {
            "schedule": bool(self.schedule.cron),
            "retrain_on_new_data": self.retrain_on_new_data.enabled,
        }
        if any(asked.values()) and not self.dataset.data_uri:
            which = " and ".join(name for name, is_set in asked.items() if is_set)
            raise ValueError(
                f"{which} would fail at every tick: dataset.data_uri is empty. Set it in this "
                f"file, or remove {which}"
            )
        return self

    @property
    def starts_from_champion(self) -> bool:
        """Whether training goes on from the model's own champion."""
        return self.base_model.base_model == _CHAMPION

    @property
    def row_kind(self) -> RowKind:
        """What the dataset stage prepares, and training will be able to read."""
        return self.train.row_kind


def _is_for_a_cpu(values: dict[str, Any]) -> bool:
    return bool(_said(values, "pod", "gpu") == 0 or _said(values, "evaluate", "device") == "cpu")


def _said(values: dict[str, Any], section: str, setting: str) -> Any:
    found = values.get(section) or {}
    return getattr(found, setting) if isinstance(found, Recipe) else found.get(setting)


def _of_kind(kind: type[Recipe], section: str, values: dict[str, Any]) -> Recipe:
    found = values.get(section) or kind()
    if isinstance(found, Recipe) and not isinstance(found, kind):
        raise ValueError(  # noqa: TRY004 - for pydantic
            f"{section} is a {type(found).__name__}, expected a {kind.__name__}"
        )
    return found if isinstance(found, kind) else kind(**found)


def pod_recipe(algorithm: str) -> type[PodRecipe]:
    """The class that holds an algorithm's pod settings: only their defaults differ."""
    return SftPodRecipe if algorithm == "sft" else PodRecipe


def training_recipe(algorithm: str) -> type[OsftRecipe] | type[SftRecipe]:
    """The class that holds an algorithm's knobs."""
    return SftRecipe if algorithm == "sft" else OsftRecipe
