"""The local registry as one page for people: models, their versions, and which one is the champion.

It only shows. Some custom properties are our own convention: a model's `champion`, the name of a
version, and `champion_history`, a JSON list (`osft_assets.core.champion` writes them); a version's
`verdict` and `forced_because`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from osft_assets.core.champion import CHAMPION, HISTORY
from osft_assets.core.markup import clean, html_table
from osft_assets.core.redaction import redact
from osft_assets.core.registered_properties import FORCED_BECAUSE, VERDICT
from resources.local_registry.kinds import MODEL, MODEL_ARTIFACT, VERSION
from resources.local_registry.rows import Shown
from resources.local_registry.store import Store

_VERSIONS = ("version", "role", "state", "registered (UTC)", "author", "verdict", "format", "where")
_HISTORY = ("version", "at", "by", "kind", "reason")
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; margin: .5rem 0 1rem; }
table { border-collapse: collapse; font-size: 14px; }
th, td { border-bottom: 1px solid #8886; padding: .3rem .7rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; min-width: 4rem; }
"""


def registry_page(store: Store) -> str:
    """All of the registry, the models by name and the newest versions first."""
    versions = _by_parent(store.everything(VERSION))
    artifacts = _by_parent(store.everything(MODEL_ARTIFACT))
    models = sorted((model for _, model in store.everything(MODEL)), key=lambda m: m["name"])
    sections = [_model(m, versions.get(m["id"], [])[::-1], artifacts) for m in models]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width"/>'
        f"<title>Local registry</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>Local registry</h1><p>{_shown(str(store.path))}</p>"
        f"{''.join(sections) or '<p>No model is registered yet.</p>'}</main></body></html>\n"
    )


def _model(
    model: Shown, versions: Sequence[Shown], artifacts: Mapping[str, Sequence[Shown]]
) -> str:
    properties = _properties(model)
    champion = str(properties.pop(CHAMPION, ""))
    history = _history(properties.pop(HISTORY, "[]"))
    rows = [_version(v, artifacts.get(v["id"], []), champion) for v in versions]
    parts = [
        f"<h2>{_shown(model['name'])}</h2>{_sentences(model, champion, versions)}",
        f'<div class="wide">{html_table(_VERSIONS, rows)}</div>',
        _details("Champions so far", _HISTORY, history),
        _details("Properties of the model", ("property", "value"), _pairs(properties)),
        *(
            _details(f"Properties of {v['name']}", ("property", "value"), _pairs(_properties(v)))
            for v in versions
        ),
    ]
    return f"<section>{''.join(parts)}</section>"


def _sentences(model: Shown, champion: str, versions: Sequence[Shown]) -> str:
    told = f"Champion: {champion}." if champion else "No champion."
    if champion and champion not in {version["name"] for version in versions}:
        told += " There is no such version."
    about = f"State: {model.get('state', '')}. Owner: {model.get('owner') or 'nobody'}."
    return f"<p><b>{_shown(told)}</b> {_shown(about)} {_shown(model.get('description', ''))}</p>"


def _version(version: Shown, artifacts: Sequence[Shown], champion: str) -> tuple[str, ...]:
    return (
        version["name"],
        "★ champion" if version["name"] == champion else "",
        version.get("state", ""),
        _time(version["createTimeSinceEpoch"]),
        version.get("author", ""),
        _verdict(_properties(version)),
        ", ".join(_format(artifact) for artifact in artifacts),
        ", ".join(redact(artifact.get("uri", "")) for artifact in artifacts) or "not registered",
    )


def _verdict(properties: Mapping[str, Any]) -> str:
    forced = properties.get(FORCED_BECAUSE)
    return f"{properties.get(VERDICT, '')}{f', forced: {forced}' if forced else ''}"


def _history(text: Any) -> list[tuple[str, ...]]:
    """The newest first. What is not of our form is shown as it is: others may write there too."""
    try:
        entries = json.loads(text)
        rows = [tuple(str(entry.get(name, "")) for name in _HISTORY) for entry in entries]
    except (ValueError, TypeError, AttributeError):
        return [(str(text),)]
    return rows[::-1]


def _properties(record: Shown) -> dict[str, Any]:
    """The values without their types."""
    return {
        name: next(value for field, value in typed.items() if field != "metadataType")
        for name, typed in record.get("customProperties", {}).items()
    }


def _pairs(properties: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [(name, str(value)) for name, value in sorted(properties.items())]


def _details(heading: str, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    table = f'<div class="wide">{html_table(columns, rows)}</div>'
    return f"<details><summary>{_shown(heading)}</summary>{table}</details>"


def _by_parent(records: Sequence[tuple[str, Shown]]) -> dict[str, list[Shown]]:
    grouped: dict[str, list[Shown]] = {}
    for parent, record in records:
        grouped.setdefault(parent, []).append(record)
    return grouped


def _format(artifact: Shown) -> str:
    return f"{artifact.get('modelFormatName', '')} {artifact.get('modelFormatVersion', '')}".strip()


def _time(milliseconds: str) -> str:
    return f"{datetime.fromtimestamp(int(milliseconds) / 1000, UTC):%Y-%m-%d %H:%M}"


def _shown(text: str) -> str:
    return escape(clean(text))
