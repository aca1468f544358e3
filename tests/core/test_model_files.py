"""Which of the files of a repository are needed, and what a card says."""

from pathlib import Path

import pytest

from osft_assets.core.errors import ModelError
from osft_assets.core.model_card import license_of
from osft_assets.core.model_files import is_model_with_tokenizer, needed_files, needed_model

WHOLE = ["config.json", "tokenizer.json", "model.safetensors"]


@pytest.mark.parametrize(
    "name",
    [
        *("generation_config.json", "tokenizer.model", "merges.txt", "vocab.json"),
        *("chat_template.jinja", "qwen.tiktoken", "model.safetensors.index.json"),
        *("model-00001-of-00002.safetensors", "additional_chat_templates/tools.jinja"),
    ],
)
def test_what_training_reads_is_needed(name: str) -> None:
    assert name in needed_files([*WHOLE, name], trust_remote_code=False)


@pytest.mark.parametrize(
    "name",
    [
        *("pytorch_model.bin", "model.gguf", "model.onnx", "tf_model.h5", "flax_model.msgpack"),
        *("consolidated.00.pth", "consolidated.safetensors", "original/config.json"),
        *("onnx/model.safetensors", "README.md", ".gitattributes", "modeling_tiny.py"),
        *("training_args.bin", "../config.json", "additional_chat_templates/../x.jinja"),
    ],
)
def test_nothing_else_is_needed(name: str) -> None:
    assert name not in needed_files([*WHOLE, name], trust_remote_code=False)


def test_code_is_needed_only_where_it_is_trusted() -> None:
    names = [*WHOLE, "modeling_tiny.py", "tests/test_tiny.py"]

    assert needed_files(names, trust_remote_code=True) == sorted([*WHOLE, "modeling_tiny.py"])


def test_pickled_weights_are_needed_where_there_are_no_others() -> None:
    names = ["config.json", "pytorch_model.bin", "optimizer.bin"]

    assert needed_files(names, trust_remote_code=False) == ["config.json", "pytorch_model.bin"]


@pytest.mark.parametrize(
    ("names", "expected_error"),
    [
        ([], "s3://b/m/ is no model: it has no config.json and no weights (*.safetensors). Found: "
         "nothing."),
        (["model.safetensors"], "it has no config.json. Found: model.safetensors."),
        (["config.json", "model.gguf"], "it has no weights (*.safetensors). Found: config.json, m"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused_with_what_was_found(
    names: list[str], expected_error: str
) -> None:
    with pytest.raises(ModelError) as refused:
        needed_model("s3://b/m/", names, trust_remote_code=False)

    assert expected_error in str(refused.value)


@pytest.mark.parametrize("missing", WHOLE)
def test_a_directory_without_one_of_the_three_is_no_model_to_train(missing: str) -> None:
    assert is_model_with_tokenizer(WHOLE)
    assert not is_model_with_tokenizer(name for name in WHOLE if name != missing)


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("---\nlanguage: en\nlicense: apache-2.0\n---\n# About", "apache-2.0"),
        ("---\nlicense: 'mit'\n---\n", "mit"),
        ("---\nlicense: other\nlicense_name: qwen-research\n---\n", "qwen-research"),
        ("---\nlanguage: en\n---\nlicense: mit\n", ""),
        ("# About\nlicense: mit\n", ""),
        ("", ""),
    ],
)
def test_the_licence_is_read_from_the_card(tmp_path: Path, card: str, expected: str) -> None:
    (tmp_path / "README.md").write_text(card)

    assert license_of(tmp_path) == expected


def test_a_model_without_a_card_tells_no_licence(tmp_path: Path) -> None:
    assert license_of(tmp_path) == ""
