"""The promotion stage: makes a registered version the champion, or the one before it again.

What a champion is: `core.champion`. Nothing is trained or registered here.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from osft_assets.core.champion import (
    ChampionRecord,
    Promotion,
    before_champion,
    champion_name,
    champion_of,
    history_of,
    newest_of,
    promoted,
)
from osft_assets.core.errors import ConfigError, RegistryError
from osft_assets.core.ports import ModelRegistry
from osft_assets.core.recipes.promotion import PromotionRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registry_records import (
    LOCAL_REGISTRY,
    Property,
    RegisteredModel,
    VersionListing,
)


class PromotionStage:
    """Promotes versions of one model, `name`, in one registry."""

    def __init__(self, registry: ModelRegistry, place: RegistryRecipe, name: str) -> None:
        self._registry, self._place, self._name = registry, place, name

    def run(self, recipe: PromotionRecipe, say: Callable[[str], None]) -> ChampionRecord:
        """The champion, read back."""
        read_model(self._registry, self._place, self._name)
        step = _Step(recipe)
        model = self._registry.amend(self._place, self._name, step)
        promotion, before, change = step.promotion, step.before, step.change
        champion = champion_of(model)
        if champion is None or champion.version != promotion.version:
            raise RegistryError(
                f"{self._name} has the champion {champion.version if champion else 'none'}, not "
                f"{promotion.version}: somebody else promoted one just now. Look at its history"
            )
        replaced = before if change and before != champion.version else ""
        say(_told(self._name, champion, replaced, changed=bool(change)))
        return ChampionRecord(
            registry=model.registry,
            name=model.name,
            version=champion,
            # Of a champion that was one before, how it became it.
            promotion=promotion if change else history_of(model)[-1],
            replaced=replaced,
            changed=bool(change),
        )


class _Step:
    """One promotion, of the model as it is when its turn comes, and what it was before."""

    promotion: Promotion
    before: str
    change: Mapping[str, Property]

    def __init__(self, recipe: PromotionRecipe) -> None:
        self._recipe = recipe

    def __call__(self, model: RegisteredModel) -> Mapping[str, Property]:
        """The properties to set."""
        self.before = champion_name(model)
        self.promotion = _promotion(model, self._recipe)
        self.change = promoted(model, self.promotion)
        return self.change


def read_model(registry: ModelRegistry, place: RegistryRecipe, name: str) -> RegisteredModel:
    """The model; an error when nothing was registered under its name, or ever is."""
    if place.skip:
        raise ConfigError(
            f"The pipeline of {name} skips the registry, so nothing there is used. Remove "
            "`registry: skip` from its YAML file first"
        )
    model = registry.read(place, name)
    if model is None:
        where = place.server or LOCAL_REGISTRY
        raise RegistryError(
            f"There is no model {name} in {where}. Materialize registry_entry first, or check "
            "OSFT_WORKSPACE, registry.address and registry.reg_name"
        )
    return model


def _told(name: str, champion: VersionListing, replaced: str, *, changed: bool) -> str:
    if not changed:
        return f"{name} {champion.version} is the champion already."
    return f"{name} {champion.version} is the champion now, after {replaced or 'none'}."


def _promotion(model: RegisteredModel, recipe: PromotionRecipe) -> Promotion:
    wanted = before_champion(model) if recipe.rollback else recipe.version or newest_of(model)
    return Promotion(
        version=wanted,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        by=recipe.by,
        reason=recipe.reason,
        kind="rollback" if recipe.rollback else "promote",
    )
