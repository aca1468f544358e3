"""The recipes of all stages, each with its own tests beside this file."""

from osft_assets.core.recipes.automation import (
    FreshnessRecipe,
    NewDataRecipe,
    RetryRecipe,
    ScheduleRecipe,
)
from osft_assets.core.recipes.base import Recipe
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pod import EvaluationPodRecipe, PodRecipe, SftPodRecipe
from osft_assets.core.recipes.promotion import PromotionRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.recipes.sft import SftRecipe

RECIPES: list[type[Recipe]] = [
    BaseModelRecipe,
    DatasetRecipe,
    EvaluationPodRecipe,
    EvaluationRecipe,
    FreshnessRecipe,
    NewDataRecipe,
    OsftRecipe,
    PodRecipe,
    PromotionRecipe,
    RegistryRecipe,
    RetryRecipe,
    ScheduleRecipe,
    SftPodRecipe,
    SftRecipe,
]
