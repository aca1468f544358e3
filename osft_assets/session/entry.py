"""The checkpoint in a model registry, as a session shows it."""

from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.registry_entry import RegistryEntry
from osft_assets.session.shown import Shown, facts, listed, text_of, title


@dataclass(frozen=True, repr=False)
class Entry(Shown):
    """The checkpoint in a model registry; `version` is empty where the registry is skipped."""

    record: RegistryEntry
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the model."""
        return self.record.registered.name if self.record.registered else ""

    @property
    def version(self) -> str:
        """Of the model, such as 1.0.0."""
        return self.record.registered.version if self.record.registered else ""

    @property
    def uri(self) -> str:
        """Where it is loaded from."""
        return self.record.registered.uri if self.record.registered else ""

    @property
    def card(self) -> str:
        """The model card, as Markdown."""
        return Path(self.record.card_path).read_text(encoding="utf-8") if self.version else ""

    def _title(self) -> str:
        known = self.record.registered
        if known is None:
            return "Nothing was registered: registry is skip."
        before = "" if known.created else ", as before"
        return f"Registered as {known.name} {known.version} in {known.registry}{before}"

    def _facts(self) -> dict[str, str]:
        return {"uri": self.uri, "card": self.record.card_path} if self.version else {}

    def _lines(self) -> list[str]:
        return [self._title(), *text_of(self._facts()), *self.warnings]

    def _parts(self) -> list[str]:
        told = facts(self._facts()) if self.version else ""
        return [title(self._title()), told, listed(self.warnings)]
