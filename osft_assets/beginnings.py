"""Whether every pipeline that starts from another can: a question to all of them together."""

import dagster as dg

from osft_assets.core.errors import ConfigError


def with_beginnings(pipelines: dg.Definitions) -> dg.Definitions:
    """The same, once every `start_from` leads somewhere: no single file can tell."""
    made = [asset for asset in pipelines.assets or () if isinstance(asset, dg.AssetsDefinition)]
    specs = [spec for asset in made for spec in asset.specs]
    _refuse_twins([spec.key for spec in specs])
    there = {spec.key.path[0] for spec in specs}
    for spec in specs:
        for upstream in (dep.asset_key.path[0] for dep in spec.deps):
            if upstream not in there:
                raise ConfigError(
                    f"The pipeline {spec.key.path[0]} starts from {upstream}, which no defs.yaml "
                    f"defines. There are: {', '.join(sorted(there))}"
                )
    _refuse_circles({spec.key.path[0]: _start(spec) for spec in specs if _start(spec)})
    return pipelines


def _refuse_twins(keys: list[dg.AssetKey]) -> None:
    twins = sorted({key.path[0] for key in keys if keys.count(key) > 1})
    if twins:
        raise ConfigError(
            f"More than one defs.yaml defines the pipeline {twins[0]}. Change attributes.name in "
            "all of them but one"
        )


def _start(spec: dg.AssetSpec) -> str:
    """The other pipeline that this asset needs, or nothing."""
    others = [dep.asset_key.path[0] for dep in spec.deps]
    return next((name for name in others if name != spec.key.path[0]), "")


def _refuse_circles(starts: dict[str, str]) -> None:
    for first in starts:
        chain = [first]
        while (following := starts.get(chain[-1])) and following not in chain:
            chain.append(following)
        if following:
            raise ConfigError(
                f"Pipelines start from each other: {' -> '.join([*chain, following])}. Give one of "
                "them a base_model"
            )
