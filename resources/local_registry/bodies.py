"""What a request's body may say: exactly what the client's own generated models allow.

A field that they do not know is refused, and so is what they would silently drop.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import mr_openapi as api  # type: ignore[import-untyped]
from pydantic import ValidationError

from resources.local_registry.kinds import ARTIFACT
from resources.local_registry.refusals import wrong
from resources.local_registry.rows import IMMUTABLE, Shown

_CREATED: dict[str, Any] = {
    "registered_model": api.RegisteredModelCreate,
    "model_version": api.ModelVersionCreate,
    "model-artifact": api.ModelArtifactCreate,
    "doc-artifact": api.DocArtifactCreate,
    "dataset-artifact": api.DataSetCreate,
    "metric": api.MetricCreate,
    "parameter": api.ParameterCreate,
}
_CHANGED: dict[str, Any] = {
    "registered_model": api.RegisteredModelUpdate,
    "model_version": api.ModelVersionUpdate,
    "model-artifact": api.ModelArtifactUpdate,
    "doc-artifact": api.DocArtifactUpdate,
    "dataset-artifact": api.DataSetUpdate,
    "metric": api.MetricUpdate,
    "parameter": api.ParameterUpdate,
}
# The client asserts a step when it reads metrics, and leaves it out when it writes some.
_MISSING = {"metric": {"step": "0"}}
_PROPERTY = '{"string_value": "text", "metadataType": "MetadataStringValue"}'


def read_json(raw: bytes) -> Shown:
    """The object in a body. NaN and infinities, which Python writes, are no JSON."""
    try:
        body = json.loads(raw, parse_constant=_no_json, parse_float=_finite)
        json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as problem:
        raise wrong(f"the body is no JSON: {problem}") from None
    if not isinstance(body, dict):
        raise wrong("the body is no JSON object")
    return body


def artifact_kind(body: Mapping[str, Any]) -> str:
    """Which kind of artifact a body describes."""
    kind = body.get("artifactType")
    if kind not in ARTIFACT:
        raise wrong(f"artifactType is {kind!r}: expected one of {', '.join(ARTIFACT)}")
    return str(kind)


def created(kind: str, body: Mapping[str, Any]) -> Shown:
    """The content of a new record, with the defaults of what the body leaves out."""
    return {**_MISSING.get(kind, {}), **_checked(_CREATED[kind], kind, body)}


def changed(kind: str, body: Mapping[str, Any]) -> Shown:
    """The fields that a body sets. The immutable ones are passed on, for a comparison."""
    given = {name: value for name, value in body.items() if value is not None}
    kept = {name: given.pop(name) for name in IMMUTABLE if name in given}
    content = _checked(_CHANGED[kind], kind, given)
    return {**{name: content[name] for name in given}, **kept}


def _checked(model: Any, kind: str, body: Mapping[str, Any]) -> Shown:
    given = {name: value for name, value in body.items() if value is not None}
    known = {field.alias or name for name, field in model.model_fields.items()}
    if strange := sorted(given.keys() - known):
        raise wrong(f"{', '.join(strange)}: not known here. Expected: {', '.join(sorted(known))}")
    if given.get("artifactType", kind) != kind:
        raise wrong(f"artifactType is {given['artifactType']!r}: expected {kind} here")
    if "customProperties" in given:
        given["customProperties"] = _properties(given["customProperties"])
    try:
        content: Shown = model.model_validate(given).to_dict()
    except ValidationError as problem:
        raise wrong(_told(problem)) from None
    return content


def _properties(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise wrong("customProperties is no JSON object")
    return {name: _property(name, value) for name, value in given.items()}


def _property(name: str, value: Any) -> Any:
    try:
        return api.MetadataValue.from_dict(value)
    except ValidationError as problem:
        raise wrong(f"customProperties.{name}: {_told(problem)}") from None
    except (ValueError, AttributeError):  # of no known type; no object at all
        raise wrong(f"customProperties.{name}: expected a value such as {_PROPERTY}") from None


def _told(problem: ValidationError) -> str:
    errors = problem.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in errors)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _no_json(text)
    return number


def _no_json(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
