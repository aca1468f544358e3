"""The flat names of the Kubeflow pipelines as the launchpad of a job, and back to run config.

The jobs of the pipelines `osft` and `sft` take them (docs/decisions/0016); all others take what
Dagster calls run config. Dagster maps while it plans a run, so a wrong value makes none.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, get_origin

import dagster as dg

from osft_assets.config import launch_schema
from osft_assets.core.flat_config import (
    Sections,
    changed_settings,
    flat_default,
    flat_parameters,
    sections_of,
    takes_flat_names,
    without_flat_name,
)
from osft_assets.core.old_parameters import PIPELINE_PARAMETERS, OldParameter
from osft_assets.core.recipes.pipeline import PipelineRecipe

# Metadata of a job: how its pipeline trains.
ALGORITHM = "algorithm"
_EVALUATIONS = ("base_scores", "scores", "champion_scores")
# The op that makes each section's assets, named after the pipeline.
_OPS = {
    "dataset": ("dataset",),
    "base_model": ("base_model",),
    "train": ("training",),
    "pod": ("training",),
    "evaluate": _EVALUATIONS,
    "evaluation_pod": _EVALUATIONS,
    "gate": ("forgetting_report",),
    "registry": ("registry_preflight", "registry_entry"),
}
# The key in an op's config where a section does not have the op to itself.
_KEYS = {"train": "train", "pod": "pod", "evaluation_pod": "pod"}
# Dagster's own parts of run config, passed on.
_DAGSTERS = ("execution", "loggers")
_ANY_DICT: Any = dg.Permissive()  # type: ignore[no-untyped-call]
# Text that YAML may have read as a number.
_LIKE_A_NUMBER = ("cpu", "memory", "num_procs", "batch", "format_version", "reg_version")


def flat_mapping(pipeline: PipelineRecipe) -> dg.ConfigMapping | None:
    """The launchpad of its job; None when the job takes Dagster's own run config."""
    if not takes_flat_names(pipeline):
        return None
    schemas = {name: launch_schema(getattr(pipeline, name)) for name in sections_of(pipeline)}
    fields = {
        each.name: _field(pipeline, each, schemas[each.section][each.field])
        for each in flat_parameters(pipeline)
    }
    fields |= {name: _section(pipeline, name, schema) for name, schema in schemas.items()}
    fields |= {name: dg.Field(_ANY_DICT, is_required=False) for name in _DAGSTERS}
    return dg.ConfigMapping(config_fn=partial(_run_config, pipeline), config_schema=fields)


def _run_config(pipeline: PipelineRecipe, given: Mapping[str, Any]) -> dict[str, Any]:
    passed_on = {name: given[name] for name in _DAGSTERS if name in given}
    changes = changed_settings(pipeline, given)
    return passed_on | {"ops": ops_config(pipeline.name, changes)}


def ops_config(pipeline: str, changes: Sections) -> dict[str, Any]:
    """Run config of the ops whose sections change."""
    ops: dict[str, Any] = {}
    for section, values in changes.items():
        for op in _OPS[section]:
            config = ops.setdefault(f"{pipeline}__{op}", {"config": {}})["config"]
            config |= {_KEYS[section]: values} if section in _KEYS else values
    return ops


def job_config(job: dg.JobDefinition, settings: Sections) -> dict[str, Any]:
    """What a job takes to be run with these settings, by section."""
    pipeline = job.name.removesuffix("_pipeline")
    if job.config_mapping is None:
        return {"ops": ops_config(pipeline, settings)}
    names = {each.place: each.name for each in PIPELINE_PARAMETERS[pipeline]}
    config: dict[str, Any] = {}
    for section, values in settings.items():
        for field, value in values.items():
            if name := names.get(f"{section}.{field}"):
                config[name] = value
            else:
                config.setdefault(section, {})[field] = value
    return config


def _section(pipeline: PipelineRecipe, section: str, schema: dict[str, dg.Field]) -> dg.Field:
    """What has no flat name."""
    return dg.Field(
        {name: schema[name] for name in without_flat_name(pipeline, section)},
        is_required=False,
        description=f"Settings of {section} that the Kubeflow pipeline did not have.",
    )


def _field(pipeline: PipelineRecipe, parameter: OldParameter, nested: dg.Field) -> dg.Field:
    field = type(getattr(pipeline, parameter.section)).model_fields[parameter.field]
    extra = field.json_schema_extra
    is_secret = isinstance(extra, dict) and bool(extra.get("secret"))
    is_text_or_more = get_origin(field.annotation) in (dict, list)
    of_any_type = is_secret or is_text_or_more or parameter.field in _LIKE_A_NUMBER
    return dg.Field(
        # Ours checks what may be of any type: Dagster's refusal would repeat a secret.
        dg.Any if of_any_type else nested.config_type,
        default_value=flat_default(pipeline, parameter),
        is_required=False,
        description=f"{parameter.place}: {field.description}",
    )
