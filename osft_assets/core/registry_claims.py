"""What is claimed of a registry entry after it was made, and whether it is so.

Registering compares already what it wrote; here the registry is asked again, later, as whoever
deploys the model would ask it.
"""

from collections.abc import Mapping

from osft_assets.core.registered_properties import VERDICT
from osft_assets.core.registry_entry import RegistryEntry
from osft_assets.core.registry_records import (
    FINGERPRINT_PROPERTY,
    RegisteredModel,
    RegisteredVersion,
    VersionListing,
)

CLAIMS = {
    "entry_is_in_the_registry": "The version is there, live, with these weights and this address.",
    "gate_was_passed": "Nobody forced the model past the gate, and the registry has its verdict.",
}
WARNINGS = frozenset({"gate_was_passed"})


def judge(entry: RegistryEntry, model: RegisteredModel | None) -> Mapping[str, str]:
    """What is wrong with each claim, or nothing. `model`: what the registry has under its name."""
    forced = f"It was blocked, and forced: {entry.forced_because}." if entry.forced_because else ""
    known = entry.registered
    found = _found(known, model) if known else None
    judged_since = _judged_since(entry, known, found) if known and found else ""
    return {
        "entry_is_in_the_registry": _missing(known, model, found) if known else "",
        "gate_was_passed": f"{forced} {judged_since}".strip(),
    }


def _found(known: RegisteredVersion, model: RegisteredModel | None) -> VersionListing | None:
    versions = model.versions if model else ()
    return next((one for one in versions if one.version == known.version), None)


def _judged_since(entry: RegistryEntry, known: RegisteredVersion, found: VersionListing) -> str:
    """A version keeps what was written first; whoever promotes it reads that."""
    kept = found.properties.get(VERDICT, entry.verdict)
    if kept == entry.verdict:
        return ""
    return (
        f"{known.registry} keeps {known.name} {known.version} as {kept}, as it was judged when it "
        f"was registered; now it is {entry.verdict}. Correct its properties there, or archive it."
    )


def _missing(
    known: RegisteredVersion, model: RegisteredModel | None, found: VersionListing | None
) -> str:
    named = f"{known.name} {known.version}"
    again = "Materialize registry_entry again."
    if model and model.state != "LIVE":
        return f"The model {known.name} is {model.state} in {known.registry}. Make it LIVE there."
    if found is None:
        return f"There is no {named} in {known.registry}. {again}"
    if found.state != "LIVE":
        return f"{named} is {found.state} in {known.registry}. Make it LIVE there, or train anew."
    if found.properties.get(FINGERPRINT_PROPERTY) != known.fingerprint:
        return f"{named} is another model in {known.registry}. {again}"
    if not found.uri or found.uri != known.uri:
        return f"{named} is at {found.uri or 'no address'}, not at {known.uri}. {again}"
    return ""
