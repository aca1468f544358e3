"""Which files of a repository, a bucket or a directory make up a model.

Weights come as safetensors where there are any; other formats of the same weights (GGUF, ONNX,
TensorFlow, Flax, Mistral's consolidated file) are not wanted.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from osft_assets.core.errors import ModelError
from osft_assets.core.lineage import file_sha256, fingerprint

CONFIG = "config.json"
README = "README.md"
SAFETENSORS = re.compile(r"(?!consolidated)[^/]+\.safetensors")
PICKLED = re.compile(r"pytorch_model[^/]*\.bin")
_BESIDE_THE_WEIGHTS = re.compile(
    r"[^/]+\.(json|txt|model|jinja|tiktoken)|additional_chat_templates/[^/]+\.jinja"
)
_WEIGHTS = re.compile(f"{SAFETENSORS.pattern}|{PICKLED.pattern}")
_TOKENIZER = re.compile(
    r"tokenizer(_config)?\.json|[^/]+\.(model|tiktoken)|vocab\.(json|txt)|tekken\.json"
)
_CODE = re.compile(r"[^/]+\.py")
_LISTED = 10


def needed_files(names: Iterable[str], trust_remote_code: bool) -> list[str]:
    """The names, relative to the model's directory, of what training and evaluation read."""
    found = sorted(names)
    has_safetensors = any(SAFETENSORS.fullmatch(name) for name in found)
    patterns = [_BESIDE_THE_WEIGHTS, SAFETENSORS if has_safetensors else PICKLED]
    if trust_remote_code:
        patterns.append(_CODE)
    return [name for name in found if any(pattern.fullmatch(name) for pattern in patterns)]


def needed_model(place: str, names: Iterable[str], trust_remote_code: bool) -> list[str]:
    """The same; refused when they make up no model."""
    found = list(names)
    needed = needed_files(found, trust_remote_code)
    missing = [] if CONFIG in needed else [CONFIG]
    if not any(_WEIGHTS.fullmatch(name) for name in needed):
        missing.append("weights (*.safetensors)")
    if missing:
        listed = ", ".join(sorted(found)[:_LISTED]) or "nothing"
        raise ModelError(
            f"{place} is no model: it has no {' and no '.join(missing)}. Found: {listed}. Expected "
            "a model in the format of Hugging Face transformers. Check the address"
        )
    return needed


def is_model_with_tokenizer(names: Iterable[str]) -> bool:
    """Whether a directory with these files holds all it takes to train."""
    found = list(names)
    wanted = (re.compile(re.escape(CONFIG)), _TOKENIZER, _WEIGHTS)
    return all(any(pattern.fullmatch(name) for name in found) for pattern in wanted)


def content_fingerprint(directory: Path) -> str:
    """Of everything in the files that decides what the model answers; not of its model card."""
    names = (str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())
    hashes = {name: file_sha256(directory / name) for name in needed_files(names, True)}
    return fingerprint(hashes)
