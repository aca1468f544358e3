"""Small models in the format of Hugging Face transformers, whole and broken."""

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path

BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "F8_E4M3": 1, "F8_E5M2": 1}


def safetensors(
    tensors: Mapping[str, tuple[str, tuple[int, ...]]], values: Mapping[str, bytes] | None = None
) -> bytes:
    """A file with these tensors, by name: kind and shape. Their values are zero unless given."""
    header, data = {}, b""
    for name, (dtype, shape) in tensors.items():
        content = (values or {}).get(name, bytes(math.prod(shape) * BYTES[dtype]))
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        data += content
    return with_header(json.dumps({"__metadata__": {"format": "pt"}, **header}).encode(), data)


def with_header(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


WEIGHTS = safetensors({"embed": ("BF16", (8, 4)), "head": ("BF16", (4, 8))})


def model(**replaced: bytes | None) -> dict[str, bytes]:
    """The files of a whole model by name; `config_json=None` leaves config.json out."""
    files: dict[str, bytes | None] = {
        "config.json": json.dumps({"architectures": ["TinyForCausalLM"]}).encode(),
        "tokenizer.json": json.dumps({"model": {"type": "BPE", "vocab": {"a": 0}}}).encode(),
        "tokenizer_config.json": json.dumps({"chat_template": "{{ messages }}"}).encode(),
        "model.safetensors": WEIGHTS,
    }
    suffixes = (".safetensors", ".json", ".md", ".py", ".bin", ".jinja")
    for key, content in replaced.items():
        suffix = next(end for end in suffixes if key.endswith(end.replace(".", "_")))
        files[key[: -len(suffix)] + suffix] = content
    return {name: content for name, content in files.items() if content is not None}


def shards(**broken: bytes | None) -> dict[str, bytes]:
    """A model in two files and an index; `first` and `second` replace or leave out one."""
    names = {
        "first": "model-00001-of-00002.safetensors",
        "second": "model-00002-of-00002.safetensors",
    }
    whole = {
        "first": safetensors({"a": ("F32", (3, 5))}),
        "second": safetensors({"b": ("F32", (7,))}),
    }
    index = {"weight_map": {"a": names["first"], "b": names["second"]}}
    files = model(model_safetensors=None)
    files["model.safetensors.index.json"] = json.dumps(index).encode()
    found = {**whole, **broken}
    return files | {names[key]: content for key, content in found.items() if content is not None}


def write_model(directory: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return directory
