"""The model that ships for the demo: it loads, knows its old skills, and knows no new fact."""

import json
from pathlib import Path
from typing import Any

import pytest

from osft_assets.demo import skills as demo_skills
from osft_assets.demo.model import DEMO, exact_match, load, tokenized
from osft_assets.demo.rows import demo_rows, more_rows

TRAINER_DROPS_BELOW = 20  # tokens


def rows_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEMO / name).read_text().splitlines()]


@pytest.fixture(scope="module")
def model_and_tokenizer() -> tuple[Any, Any]:
    pytest.importorskip("torch")
    return load(DEMO / "model")


def test_it_is_small_enough_to_ship() -> None:
    files = {path.name: path.stat().st_size for path in (DEMO / "model").iterdir()}

    assert sum(files.values()) < 3_000_000
    assert {"config.json", "generation_config.json", "model.safetensors"} <= set(files)
    assert {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"} <= set(files)


def test_the_chat_template_marks_who_speaks(model_and_tokenizer: tuple[Any, Any]) -> None:
    _, tokenizer = model_and_tokenizer
    chat = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]

    assert tokenizer.apply_chat_template(chat, tokenize=False) == (
        "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n"
    )
    asked = tokenizer.apply_chat_template(chat[:1], tokenize=False, add_generation_prompt=True)
    assert asked == "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize("name", ["new_facts.jsonl", "more_facts.jsonl", "old_skills.jsonl"])
def test_the_trainer_drops_no_row(name: str, model_and_tokenizer: tuple[Any, Any]) -> None:
    _, tokenizer = model_and_tokenizer
    lengths = [len(tokens) for tokens, _ in tokenized(tokenizer, rows_of(name))]

    assert min(lengths) >= TRAINER_DROPS_BELOW
    assert max(lengths) < 128


def test_any_text_survives_the_tokenizer(model_and_tokenizer: tuple[Any, Any]) -> None:
    _, tokenizer = model_and_tokenizer
    texts = [m["content"] for row in rows_of("new_facts.jsonl") for m in row["messages"]]

    for text in {*texts, "Ünï 汉字 🙂 \t12.5%"}:
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_it_answers_questions_of_every_old_skill(model_and_tokenizer: tuple[Any, Any]) -> None:
    marks = exact_match(*model_and_tokenizer, rows_of("old_skills.jsonl"))

    assert len(marks) == 5
    assert min(marks.values()) >= 0.9, marks


@pytest.mark.parametrize("name", ["new_facts.jsonl", "more_facts.jsonl"])
def test_it_does_not_know_the_new_facts(name: str, model_and_tokenizer: tuple[Any, Any]) -> None:
    marks = exact_match(*model_and_tokenizer, rows_of(name))

    assert marks[""] <= 0.1


def test_the_exam_that_ships_is_the_one_the_code_makes() -> None:
    assert demo_skills.exam() == rows_of("old_skills.jsonl")


def test_the_facts_that_ship_are_those_the_code_makes() -> None:
    assert list(demo_rows()) == rows_of("new_facts.jsonl")
    assert list(more_rows()) == rows_of("more_facts.jsonl")


def test_no_question_of_the_exam_is_practised() -> None:
    asked = {row["messages"][0]["content"] for row in demo_skills.exam()}
    practised = {row["messages"][0]["content"] for row in demo_skills.practice(5000)}

    assert len(asked) == 5 * demo_skills.QUESTIONS_A_SKILL
    assert not asked & practised


def test_a_model_is_made_as_a_hub_directory_beside_its_exam(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from osft_assets.demo.model import make

    make(tmp_path / "model", steps=1)
    model, tokenizer = load(tmp_path / "model")

    assert model.num_parameters() == 960_192
    assert len(tokenizer) == model.config.vocab_size
    assert (tmp_path / "old_skills.jsonl").read_bytes() == (DEMO / "old_skills.jsonl").read_bytes()
