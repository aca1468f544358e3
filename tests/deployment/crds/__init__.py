"""Kubeflow Trainer's API as an API server has it: custom resource definitions, in both dialects.

Made of the typed models of `kubeflow-trainer-api` 2.3.0, which are made of the same Go types as the
real ones: every field and its type is there; defaults, descriptions and the rules written in CEL
are not. Of a TrainJob, releases up to 2.1 differ in what `_make_old` changes. What it makes was
compared with the models of 2.1.0: the same, but for `status.trainerStatus` and one field of
projected volumes.
"""

from collections.abc import Mapping
from typing import Any, Literal

import jsonschema
from kubeflow_trainer_api import models

Dialect = Literal["2.1", "2.3"]
DIALECTS: tuple[Dialect, ...] = ("2.1", "2.3")
KINDS: Mapping[str, Any] = {
    "TrainJob": models.TrainerV1alpha1TrainJob,
    "ClusterTrainingRuntime": models.TrainerV1alpha1ClusterTrainingRuntime,
}
_GROUP, _VERSION = "trainer.kubeflow.org", "v1alpha1"
_CORE = "IoK8sApiCoreV1"
_INT_OR_STRING = {
    "x-kubernetes-int-or-string": True,
    "anyOf": [{"type": "integer"}, {"type": "string"}],
}
_KEPT = ("type", "format", "enum", "items", "additionalProperties", "properties", "required")


def crd(kind: str, dialect: Dialect) -> dict[str, Any]:
    """What `kubectl apply` installs."""
    plural = f"{kind.lower()}s"
    version = {
        "name": _VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema(kind, dialect)},
        "subresources": {"status": {}} if kind == "TrainJob" else {},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{_GROUP}"},
        "spec": {
            "group": _GROUP,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
            },
            "scope": "Namespaced" if kind == "TrainJob" else "Cluster",
            "versions": [version],
        },
    }


def validate(document: Mapping[str, Any], dialect: Dialect) -> None:
    """Raise jsonschema.ValidationError where an API server would refuse it, or prune a field."""
    closed = _closed(schema(document["kind"], dialect))
    jsonschema.validate(document, closed)
    assert document["apiVersion"] == f"{_GROUP}/{_VERSION}"


def schema(kind: str, dialect: Dialect) -> dict[str, Any]:
    """Of one kind, with all that it refers to written out, as a definition has to have it."""
    whole = KINDS[kind].model_json_schema(by_alias=True)
    parts = whole["$defs"]
    if dialect == "2.1" and kind == "TrainJob":
        _make_old(parts)
    found = _written_out(whole, parts)
    found["properties"]["metadata"] = {"type": "object"}
    found["required"] = ["metadata", "spec"]
    return found


def _make_old(parts: dict[str, Any]) -> None:
    job = parts["TrainerV1alpha1TrainJobSpec"]["properties"]
    for name in ("runtimePatches", "activeDeadlineSeconds"):
        del job[name]
    words = {"additionalProperties": {"type": "string"}, "type": "object"}
    job |= {"labels": words, "annotations": words, "podTemplateOverrides": _many(_OLD)}
    parts["TrainerV1alpha1Trainer"]["properties"]["numProcPerNode"] = _INT_OR_STRING


def _of(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{_CORE}{name}"}


def _many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


_TEXT = {"type": "string"}
_OLD_CONTAINER = _object(
    "name", name=_TEXT, env=_many(_of("EnvVar")), volumeMounts=_many(_of("VolumeMount"))
)
# One of `spec.podTemplateOverrides`.
_OLD = _object(
    "targetJobs",
    targetJobs=_many(_object("name", name=_TEXT)),
    metadata={"$ref": "#/$defs/IoK8sApimachineryPkgApisMetaV1ObjectMeta"},
    spec=_object(
        affinity=_of("Affinity"),
        containers=_many(_OLD_CONTAINER),
        imagePullSecrets=_many(_of("LocalObjectReference")),
        initContainers=_many(_OLD_CONTAINER),
        nodeSelector={"type": "object", "additionalProperties": _TEXT},
        schedulingGates=_many(_of("PodSchedulingGate")),
        serviceAccountName=_TEXT,
        tolerations=_many(_of("Toleration")),
        volumes=_many(_of("Volume")),
    ),
)


def _written_out(part: dict[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """A definition may neither refer to anything nor say that a field may be null."""
    if "x-kubernetes-int-or-string" in part:
        return part
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        is_either = name.endswith(("Quantity", "IntOrString"))
        return _INT_OR_STRING if is_either else _written_out(parts[name], parts)
    if "anyOf" in part:
        (real,) = [each for each in part["anyOf"] if each != {"type": "null"}]
        return _written_out(real, parts)
    found = {name: part[name] for name in _KEPT if part.get(name)}
    if found.get("additionalProperties") is True:
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    for name in ("items", "additionalProperties"):
        if name in found:
            found[name] = _written_out(found[name], parts)
    if "properties" in found:
        fields = found["properties"].items()
        found["properties"] = {name: _written_out(field, parts) for name, field in fields}
    return found


def _closed(part: Any) -> Any:
    """The same, with fields that nobody named refused: an API server would drop them silently."""
    if isinstance(part, list):
        return [_closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    closed = {name: _closed(each) for name, each in part.items()}
    if part.get("type") == "object" and isinstance(part.get("properties"), dict):
        closed["additionalProperties"] = False
    return closed
