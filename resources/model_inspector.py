"""Reads the files of a model without loading it: configuration, tokenizer, chat template, weights.

No torch and no transformers, and no code of the model runs: so it is quick, needs no GPU, and can
look at a model nobody trusts yet. The weights are `resources.model_weights`.
"""

import json
from pathlib import Path
from typing import Any

from osft_assets.core.errors import ModelError
from osft_assets.core.model_files import CONFIG
from osft_assets.core.model_records import ModelFindings
from resources.model_weights import examine_weights

_TOKENIZER, _TOKENIZER_CONFIG = "tokenizer.json", "tokenizer_config.json"
# What a tokenizer that has no tokenizer.json is made from.
_VOCABULARIES = ("*.model", "*.tiktoken", "vocab.json", "vocab.txt", "tekken.json")


class ModelFiles:
    """Examines a directory in the format of Hugging Face transformers."""

    def inspect(self, directory: Path) -> ModelFindings:
        """What is there and what is wrong with it."""
        try:
            return _inspected(directory)
        except OSError as problem:
            raise ModelError(
                f"Cannot read {problem.filename or directory}: {problem.strerror}. Check it, and "
                "that its volume is mounted"
            ) from None


def _inspected(directory: Path) -> ModelFindings:
    architecture, config_problem = _config(directory)
    weights = examine_weights(directory)
    return ModelFindings(
        architecture=architecture,
        parameters=weights.parameters,
        dtype=weights.dtype,
        size_bytes=weights.size_bytes,
        has_chat_template=_has_chat_template(directory),
        config_problem=config_problem,
        tokenizer_problem=_tokenizer_problem(directory),
        weights_problem=weights.problem,
        weights_were_examined=weights.were_examined,
    )


def _config(directory: Path) -> tuple[str, str]:
    """The architecture, and what is wrong."""
    path = directory / CONFIG
    if not path.is_file():
        if (directory / "adapter_config.json").is_file():
            return "", f"it is a LoRA adapter without {CONFIG}: merge it into its base model first"
        return "", f"there is no {CONFIG}"
    config = _object(path)
    if config is None:
        return "", f"{CONFIG} is no valid JSON object"
    listed = config.get("architectures")
    name = listed[0] if isinstance(listed, list) and listed else config.get("model_type")
    if not isinstance(name, str) or not name:
        return "", f"{CONFIG} has neither architectures nor model_type"
    return name, ""


def _tokenizer_problem(directory: Path) -> str:
    config = directory / _TOKENIZER_CONFIG
    if config.is_file() and _object(config) is None:
        return f"{_TOKENIZER_CONFIG} is no valid JSON object"
    path = directory / _TOKENIZER
    if path.is_file():
        found = _object(path)
        if found is None or not isinstance(found.get("model"), dict):
            return f"{_TOKENIZER} is no valid JSON object with a model in it"
        return ""
    vocabularies = [path for pattern in _VOCABULARIES for path in directory.glob(pattern)]
    if not vocabularies:
        return f"there is no {_TOKENIZER}, and no vocabulary either ({', '.join(_VOCABULARIES)})"
    empty = [path.name for path in vocabularies if not path.stat().st_size]
    return f"{', '.join(empty)} is empty" if empty else ""


def _has_chat_template(directory: Path) -> bool:
    templates = [directory / "chat_template.jinja"]
    templates += directory.glob("additional_chat_templates/*.jinja")
    if any(path.is_file() and path.stat().st_size for path in templates):
        return True
    configs = [directory / _TOKENIZER_CONFIG, directory / "chat_template.json"]
    return any((_object(path) or {}).get("chat_template") for path in configs if path.is_file())


def _object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None. Not msgspec: some configurations hold NaN or Infinity."""
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
