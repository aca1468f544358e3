"""What a training may count on: devices and kernels, packages of trackers, matrices of the model.

The rules that follow from it are `core.training_placement`.
"""

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from osft_assets.core.errors import ConfigError
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.recipes.trackers import TRACKERS
from osft_assets.core.redaction import credentials_in
from osft_assets.core.training_placement import Machine


def find_machine(algorithm: str) -> Machine:
    """What is here."""
    import torch

    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Machine(
        cuda_devices=devices,
        has_flash_attention=devices > 0 and _has_flash_attention(algorithm),
        has_liger=find_spec("liger_kernel") is not None,
    )


def _has_flash_attention(algorithm: str) -> bool:
    try:
        import_module(
            "flash_attn"
        )  # installed for another torch it is there and cannot be imported
    except ImportError:
        return False
    if algorithm == "osft":
        return True
    # instructlab-training knows Ampere, Ada and Hopper, and refuses to start on what is newer.
    model = import_module("instructlab.training.model").Model
    return bool(model.supports_flash_attention())


def refuse_missing_trackers(recipe: OsftRecipe | SftRecipe, environment: Mapping[str, str]) -> None:
    """Or training would fail after the weights are loaded."""
    for tracker in TRACKERS:
        package, setting, variable = tracker.package, tracker.place, tracker.variable
        by_setting = bool(getattr(recipe, setting, ""))
        if not by_setting and not environment.get(variable):
            continue
        place = setting if by_setting else f"the environment variable {variable}"
        if credentials_in(environment.get(variable, "")):
            raise ConfigError(
                f"{variable} carries a credential, and the trainers print it. Take it out and set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
            )
        if find_spec(package) is None:
            raise ConfigError(
                f"{place} is set, but the package {package} is not installed. pip install "
                f"{package}, or remove it"
            )
        if package == "wandb" and not environment.get("WANDB_API_KEY"):
            raise ConfigError(
                f"{place} is set, but WANDB_API_KEY is not. Set it, or remove {place}"
            )


def patterns_for(model: ModelRecord, asked: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The names of the matrices OSFT constrains, and what is worth a note.

    mini-trainer would guess them from the path: anything with "opt" in it, such as /opt/app-root,
    is taken for an OPT model, and 93 % of a Qwen stays unconstrained.
    """
    patterns = list(asked) if asked else _known_patterns(model)
    names = _matrix_names(model)
    if not any(pattern in name for pattern in patterns for name in names):
        what = "target_patterns" if asked else f"what OSFT knows of {model.architecture}"
        examples = ", ".join(sorted({name.removesuffix(".weight") for name in names})[:3])
        raise ConfigError(
            f"{what} ({', '.join(patterns)}) matches no matrix of the model. It has such as "
            f"{examples}. Set target_patterns to parts of such names"
        )
    idle = [pattern for pattern in asked if not any(pattern in name for name in names)]
    notes = (f"target_patterns match nothing: {', '.join(idle)}",) if idle else ()
    return patterns, notes


def _known_patterns(model: ModelRecord) -> list[str]:
    config = json.loads((Path(model.path) / "config.json").read_bytes())
    kind = str(config.get("model_type", ""))
    architectures = config.get("architectures") or [""]
    # mini-trainer knows some by names with a hyphen (gpt-oss), which no architecture has.
    names = f"{architectures[0]} {kind} {kind.replace('_', '-')}"
    osft = import_module("mini_trainer.osft_utils")
    return list(osft.get_model_patterns(names))


def _matrix_names(model: ModelRecord) -> list[str]:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    trust = model.trust_remote_code
    loader: Any = AutoModelForCausalLM
    config = AutoConfig.from_pretrained(model.path, trust_remote_code=trust)
    with torch.device("meta"):  # names and shapes only: no memory, whatever the size
        skeleton = loader.from_config(config, trust_remote_code=trust)
    return [name for name, weight in skeleton.named_parameters() if weight.dim() == 2]


def device_name() -> str:
    """The GPUs' name, or "cpu"."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"
