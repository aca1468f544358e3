"""What an examination of a model's files finds: every way in which they can be broken."""

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from osft_assets.core.errors import ModelError
from osft_assets.core.model_records import ModelFindings
from resources.model_inspector import ModelFiles
from tests.models import WEIGHTS, model, safetensors, shards, with_header, write_model

FIRST = "model-00001-of-00002.safetensors"
INDEX = "model.safetensors.index.json"


def inspect(directory: Path, files: Mapping[str, bytes]) -> ModelFindings:
    return ModelFiles().inspect(write_model(directory, files))


def test_a_model_in_shards_is_counted_whole(tmp_path: Path) -> None:
    findings = inspect(tmp_path, shards())

    assert findings.parameters == 3 * 5 + 7
    assert findings.dtype == "float32"
    assert findings.size_bytes == sum(p.stat().st_size for p in tmp_path.glob("*.safetensors"))
    assert findings.weights_problem == ""


def test_the_dtype_is_that_of_most_parameters(tmp_path: Path) -> None:
    weights = safetensors({"a": ("F16", (100,)), "b": ("F32", (60,)), "c": ("F32", (30,))})

    assert inspect(tmp_path, model(model_safetensors=weights)).dtype == "float16"


@pytest.mark.parametrize(
    ("config", "architecture", "problem"),
    [
        (None, "", "there is no config.json"),
        (b"{", "", "config.json is no valid JSON object"),
        (b"[]", "", "config.json is no valid JSON object"),
        (b"\xff\xfe", "", "config.json is no valid JSON object"),
        (b"{}", "", "config.json has neither architectures nor model_type"),
        (b'{"architectures": []}', "", "config.json has neither architectures nor model_type"),
        (b'{"architectures": [], "model_type": "tiny"}', "tiny", ""),
        (b'{"architectures": ["A"], "scale": Infinity}', "A", ""),
        (b"[" * 100_000, "", "config.json is no valid JSON object"),
    ],
)
def test_the_configuration_is_read(
    tmp_path: Path, config: bytes | None, architecture: str, problem: str
) -> None:
    findings = inspect(tmp_path, model(config_json=config))

    assert (findings.architecture, findings.config_problem) == (architecture, problem)


def test_an_adapter_is_told_from_a_model(tmp_path: Path) -> None:
    findings = inspect(tmp_path, model(config_json=None, adapter_config_json=b"{}"))

    assert "it is a LoRA adapter without config.json: merge it" in findings.config_problem


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (model(tokenizer_json=None), "there is no tokenizer.json, and no vocabulary either"),
        (model(tokenizer_json=b"{"), "tokenizer.json is no valid JSON object with a model"),
        (model(tokenizer_json=b"{}"), "tokenizer.json is no valid JSON object with a model"),
        (model(tokenizer_config_json=b"{"), "tokenizer_config.json is no valid JSON object"),
        (model(tokenizer_json=None) | {"tokenizer.model": b""}, "tokenizer.model is empty"),
        (model(tokenizer_json=None) | {"tokenizer.model": b"x"}, ""),
        (model(tokenizer_json=None) | {"vocab.json": b"{}", "merges.txt": b""}, ""),
        (model(tokenizer_config_json=None), ""),
    ],
)
def test_the_tokenizer_is_read(tmp_path: Path, files: Mapping[str, bytes], problem: str) -> None:
    found = inspect(tmp_path, files).tokenizer_problem

    assert found.startswith(problem)
    assert bool(found) == bool(problem)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("tokenizer_config.json", b'{"chat_template": "{{ x }}"}', True),
        ("tokenizer_config.json", b'{"chat_template": [{"name": "default"}]}', True),
        ("tokenizer_config.json", b'{"chat_template": ""}', False),
        ("tokenizer_config.json", b"{}", False),
        ("tokenizer_config.json", b"{", False),
        ("chat_template.jinja", b"{{ x }}", True),
        ("chat_template.jinja", b"", False),
        ("chat_template.json", b'{"chat_template": "{{ x }}"}', True),
        ("additional_chat_templates/default.jinja", b"{{ x }}", True),
    ],
)
def test_a_chat_template_is_found_wherever_it_may_be(
    tmp_path: Path, name: str, content: bytes, expected: bool
) -> None:
    files = model(tokenizer_config_json=None) | {name: content}

    assert inspect(tmp_path, files).has_chat_template == expected


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        (WEIGHTS[:-1], "model.safetensors is cut off: "),
        (WEIGHTS[:100], "model.safetensors is cut off: "),
        (WEIGHTS[:20], "model.safetensors is cut off: 20 bytes, and its header alone is"),
        (WEIGHTS[:5], "model.safetensors is no safetensors file"),
        (b"", "model.safetensors is no safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "model.safetensors is no safetensors"),
        (WEIGHTS + b"\0", "but its header tells of"),
        (struct.pack("<Q", 2**40) + b"{}", "model.safetensors is no safetensors file"),
        (with_header(b"nonsense"), "has a header that is no list of tensors"),
        (with_header(b"[]"), "has a header that is no list of tensors"),
        (with_header(b'{"a": {"dtype": "F32"}}'), "has a header that is no list of tensors"),
        (with_header(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', bytes(4)),
         "the header gives a 4 bytes, which does not fit F32 of shape [2]"),
        (with_header(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}', bytes(8)),
         "does not fit F32"),
        (with_header(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', bytes(8)),
         "a does not begin where the one before it ends"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_whole_is_found(tmp_path: Path, weights: bytes, problem: str) -> None:
    assert problem in inspect(tmp_path, model(model_safetensors=weights)).weights_problem


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (shards(second=None), "model-00002-of-00002.safetensors: listed in "
         "model.safetensors.index.json, but not there. Download it again"),
        (shards(second=safetensors({"other": ("F32", (7,))})),
         "model-00002-of-00002.safetensors lacks b, which model.safetensors.index.json says"),
        (shards(first=safetensors({"a": ("F32", (3, 5))})[:-3]), f"{FIRST} is cut off"),
        (shards() | {INDEX: b"{"}, f"{INDEX} has no weight_map"),
        (shards() | {INDEX: b'{"weight_map": {}}'}, f"{INDEX} has no weight_map"),
        (shards() | {INDEX: b'{"weight_map": {"a": "../x.safetensors"}}'}, "../x.safetensors: li"),
        (model(model_safetensors=None, adapter_model_safetensors=WEIGHTS),
         f"found adapter_model.safetensors, but neither model.safetensors nor {INDEX}"),
        (model(model_safetensors=None), "there are no weights: expected *.safetensors"),
    ],
)  # fmt: skip
def test_weights_that_are_not_all_there_are_found(
    tmp_path: Path, files: Mapping[str, bytes], problem: str
) -> None:
    findings = inspect(tmp_path, files)

    assert problem in findings.weights_problem
    assert findings.weights_were_examined


@pytest.mark.parametrize(
    ("dtype", "pattern", "value"),
    [
        ("F64", "<d", math.nan),
        ("F64", "<d", -math.inf),
        ("F32", "<f", math.nan),
        ("F32", "<f", math.inf),
        ("F16", "<e", math.nan),
        ("F16", "<e", -math.inf),
        ("BF16", "<H", 0x7F80),
        ("BF16", "<H", 0xFF80),
        ("BF16", "<H", 0xFFC1),
        ("F8_E5M2", "<B", 0xFC),
        ("F8_E4M3", "<B", 0x7F),
    ],
)
def test_a_value_that_is_not_finite_is_found_and_named(
    tmp_path: Path, dtype: str, pattern: str, value: float
) -> None:
    one = struct.pack(pattern, value)
    values = {"bad": bytes(len(one) * 3) + one + bytes(len(one)), "worse": one * 5}
    shapes = {"good": (dtype, (4, 5)), "bad": (dtype, (5,)), "worse": (dtype, (5,))}

    findings = inspect(tmp_path, model(model_safetensors=safetensors(shapes, values)))

    assert findings.weights_problem == (
        "2 tensors hold values that are not finite (NaN or infinite). The first is bad in "
        "model.safetensors, with 1"
    )
    assert findings.parameters == 30


@pytest.mark.parametrize(
    ("dtype", "pattern", "largest"),
    [
        ("F64", "<d", 1.7976931348623157e308),
        ("F32", "<I", 0xFF7FFFFF),
        ("F16", "<e", -65504.0),
        ("BF16", "<H", 0xFF7F),
        ("F8_E5M2", "<B", 0xFB),
        ("F8_E4M3", "<B", 0xFE),
        ("I64", "<q", -1),
    ],
)
def test_the_largest_finite_value_is_fine(
    tmp_path: Path, dtype: str, pattern: str, largest: float
) -> None:
    values = {"edge": struct.pack(pattern, largest) * 3}
    weights = safetensors({"edge": (dtype, (3,))}, values)

    assert inspect(tmp_path, model(model_safetensors=weights)).weights_problem == ""


def test_a_value_far_into_a_large_tensor_is_found(tmp_path: Path) -> None:
    count = 3 * 2**20 + 5
    content = bytes(2 * (count - 1)) + struct.pack("<H", 0x7F80)
    weights = safetensors(
        {"odd": ("F8_E5M2", (3,)), "large": ("BF16", (count,))}, {"large": content}
    )

    problem = inspect(tmp_path, model(model_safetensors=weights)).weights_problem

    assert "1 tensor holds values" in problem
    assert "large in model.safetensors, with 1" in problem


def test_pickled_weights_are_told_and_not_read(tmp_path: Path) -> None:
    files = model(model_safetensors=None, pytorch_model_bin=b"\x80\x02cposix\nsystem\n")

    findings = inspect(tmp_path, files)

    assert (
        "pytorch_model.bin is in pickle format, which is not examined" in findings.weights_problem
    )
    assert "Convert it to safetensors" in findings.weights_problem
    assert not findings.weights_were_examined
    assert findings.size_bytes


def test_pickled_weights_beside_safetensors_do_not_matter(tmp_path: Path) -> None:
    findings = inspect(tmp_path, model(pytorch_model_bin=b"x"))

    assert findings.weights_problem == ""
    assert findings.weights_were_examined


def test_a_link_to_nothing_is_a_missing_file(tmp_path: Path) -> None:
    write_model(tmp_path, shards(second=None))
    (tmp_path / "model-00002-of-00002.safetensors").symlink_to(tmp_path / "gone")

    assert "but not there" in ModelFiles().inspect(tmp_path).weights_problem


def test_a_directory_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Cannot read .*gone: No such file or directory"):
        ModelFiles().inspect(tmp_path / "gone")


def test_an_index_that_names_no_files_is_told(tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"a": ["x"]}}).encode()

    assert "but not there" in inspect(tmp_path, shards() | {INDEX: index}).weights_problem
