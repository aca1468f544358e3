"""What `registry_entry` is: where a checkpoint was registered, and on what grounds.

How it is made is `core.registration`; what is claimed of it later, `core.registry_claims`.
"""

from typing import Literal

from osft_assets.core.lineage import fingerprint
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.records import Record
from osft_assets.core.registry_records import LOCAL_REGISTRY, RegisteredVersion


class RegistryEntry(Record):
    """What `registry_entry` is. `registered` is None where the pipeline skips the registry."""

    pipeline: str
    checkpoint_fingerprint: str
    model_fingerprint: str
    verdict: Literal["passed", "blocked"]
    forced_because: str
    registered: RegisteredVersion | None
    card_path: str
    lineage_path: str

    @property
    def fingerprint(self) -> str:
        """The same entry in the same registry."""
        where = self.registered.model_dump(exclude={"created"}) if self.registered else {}
        return fingerprint({"model": self.model_fingerprint, "registered": where})

    def place(self, recipe: RegistryRecipe) -> RegistryRecipe:
        """The registry it is in, which the launchpad may have set: `recipe`, with its address."""
        where = self.registered.registry if self.registered else LOCAL_REGISTRY
        return recipe.model_copy(update={"address": "" if where == LOCAL_REGISTRY else where})


def model_name(pipeline: str, recipe: RegistryRecipe) -> str:
    """What a pipeline's model is called in the registry."""
    return recipe.reg_name or f"{pipeline}-model"
