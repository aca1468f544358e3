"""The parameters of a Kubeflow run: their names, and which pipeline they were of.

What they are here is `core.kubeflow_translation`. The file itself is read by
`osft_assets.commands.run_config`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from osft_assets.core.errors import ConfigError
from osft_assets.core.old_meanings import GONE
from osft_assets.core.old_parameters import COMPONENT_PARAMETERS, PIPELINE_PARAMETERS
from osft_assets.core.suggestions import did_you_mean

_WRAPPINGS = ("runtimeConfig", "runtime_config", "pipeline_spec", "pipelineSpec", "parameters")
_ALGORITHM = "training_algorithm"


def parameters_of(document: Any) -> dict[str, Any]:
    """Names and values, without what Kubeflow wraps around them."""
    for key in _WRAPPINGS:
        if isinstance(document, Mapping) and isinstance(document.get(key), Mapping | list):
            return parameters_of(document[key])
    is_list = isinstance(document, list) and all(isinstance(each, Mapping) for each in document)
    if document and is_list:
        return {str(each.get("name")): each.get("value") for each in document}
    if isinstance(document, Mapping) and document:
        return {str(name): value for name, value in document.items()}
    raise ConfigError("expected parameters, such as phase_02_train_opt_seed: 42, and found none")


def algorithm_of(parameters: Mapping[str, Any]) -> str:
    """Which pipeline they were of, or ConfigError where they do not tell."""
    said = str(parameters.get(_ALGORITHM) or "").lower()
    if said and said not in PIPELINE_PARAMETERS:
        raise ConfigError(f"{_ALGORITHM}: expected OSFT or SFT")
    phases = {name for name in parameters if name.startswith("phase_")}
    fits = [name for name, known in _names().items() if phases <= known]
    if phases and not fits:
        only = {name: sorted(phases & known - _shared()) for name, known in _names().items()}
        raise ConfigError(
            f"{only['osft'][0]} is of the OSFT pipeline only, {only['sft'][0]} of the SFT pipeline "
            "only. Remove one of them"
        )
    if said:
        return said
    if not phases and not _only_sft_set(parameters):
        return "osft"  # what a component trained when nobody said anything else
    if phases and len(fits) == 1:
        return fits[0]
    raise ConfigError("these parameters fit OSFT and SFT. Say which: --pipeline osft or sft")


def _names() -> dict[str, set[str]]:
    return {name: {each.name for each in table} for name, table in PIPELINE_PARAMETERS.items()}


def _shared() -> set[str]:
    return set.intersection(*_names().values())


def _only_sft_set(parameters: Mapping[str, Any]) -> bool:
    sft = ("training_save_samples", "training_accelerate_full_state_at_epoch")
    return any(parameters.get(name) is not None for name in sft) or (
        parameters.get("training_backend") == "instructlab-training"
    )


def refuse_unknown_names(names: Iterable[str]) -> None:
    """Raise ConfigError with the nearest name there is."""
    known = (*set.union(*_names().values()), *(each.name for each in COMPONENT_PARAMETERS), *GONE)
    lines = []
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or " See docs/kubeflow.md for the names."
            lines.append(f"{name}: no Kubeflow pipeline or component has this parameter.{hint}")
    if lines:
        raise ConfigError("\n".join(lines))
