"""What each loaded pipeline was told, read from its definitions: for commands that list them."""

from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from osft_assets.core.recipes.registry import RegistryRecipe


@dataclass(frozen=True)
class PipelineFacts:
    """One pipeline. `registry` and `model` are where and as what it registers."""

    name: str
    algorithm: str
    data_uri: str
    schedule: str
    model: str
    registry: RegistryRecipe = field(repr=False)


def pipeline_names(defs: dg.Definitions) -> list[str]:
    """Of those that there is a job for."""
    jobs = [job.name for job in defs.jobs or ()]
    return sorted(job.removesuffix("_pipeline") for job in jobs if job.endswith("_pipeline"))


def pipeline_facts(defs: dg.Definitions) -> list[PipelineFacts]:
    """Of every pipeline, by name."""
    assets = {
        key.to_user_string(): asset
        for asset in defs.assets or ()
        if isinstance(asset, dg.AssetsDefinition)
        for key in asset.keys
    }
    names = sorted(key.partition("/")[0] for key in assets if key.endswith("/train_split"))
    crons = _crons(defs)
    return [_facts(name, assets, crons.get(name, "")) for name in names]


def _facts(name: str, assets: dict[str, dg.AssetsDefinition], cron: str) -> PipelineFacts:
    champion = assets[f"{name}/champion"]
    metadata = champion.metadata_by_key[dg.AssetKey([name, "champion"])]
    return PipelineFacts(
        name=name,
        algorithm=champion.tags_by_key[dg.AssetKey([name, "champion"])]["osft/algorithm"],
        data_uri=str(_settings(assets[f"{name}/train_split"])["data_uri"].default_value),
        schedule=cron,
        model=str(metadata["model"]),
        registry=RegistryRecipe.model_validate(
            getattr(metadata["registry"], "value", metadata["registry"])
        ),
    )


def _settings(asset: dg.AssetsDefinition) -> dict[str, Any]:
    schema: Any = asset.op.config_schema  # Dagster does not say that it has fields
    return dict(schema.config_type.fields)


def _crons(defs: dg.Definitions) -> dict[str, str]:
    schedules = [one for one in defs.schedules or () if isinstance(one, dg.ScheduleDefinition)]
    return {one.job_name.removesuffix("_pipeline"): str(one.cron_schedule) for one in schedules}
