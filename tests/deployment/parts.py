"""What stands in deployment/, read once for the tests: manifests, Helm values, images."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOYMENT = ROOT / "deployment"
MANIFESTS = DEPLOYMENT / "manifests"
IMAGES = DEPLOYMENT / "images"

Document = dict[str, Any]


def manifests() -> list[Document]:
    """Every Kubernetes object that a kustomization lists, and the examples of secrets."""
    files = [
        *_resources(MANIFESTS),
        *_resources(MANIFESTS / "oauth2-proxy"),
        *_resources(MANIFESTS / "trainer"),
        MANIFESTS / "secrets.example.yaml",
    ]
    return [document for file in files for document in _documents(file)]


def _resources(directory: Path) -> list[Path]:
    listed = yaml.safe_load((directory / "kustomization.yaml").read_text())["resources"]
    return [directory / name for name in listed]


def _documents(file: Path) -> list[Document]:
    return [one for one in yaml.safe_load_all(file.read_text()) if one]


def of_kind(kind: str) -> list[Document]:
    return [document for document in manifests() if document["kind"] == kind]


def titled(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def values(*overlays: str) -> Document:
    """helm/values.yaml with these files over it, as Helm merges them: maps deep, lists whole."""
    read: Document = {}
    for name in ("values", *overlays):
        _lay_over(read, yaml.safe_load((DEPLOYMENT / "helm" / f"{name}.yaml").read_text()))
    return read


def _lay_over(below: Document, above: Document) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _lay_over(below[key], value)
        elif value is None:
            below.pop(key, None)
        else:
            below[key] = value


def code_server() -> Document:
    """The one code server of helm/values.yaml."""
    (only,) = values()["dagster-user-deployments"]["deployments"]
    return dict(only)
