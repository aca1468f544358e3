"""Own rows score what torch computes from the model, the template and the text."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.errors import EvaluationError
from osft_assets.core.evaluation_job import EvaluationOutcome
from osft_assets.core.scores import read_documents
from tests.evaluation.parts import (
    CHATS,
    DEMO,
    make_job,
    rows_to_score,
    run,
    samples,
    score,
    scores_of,
    value,
)

TEXTS = ["Sollun makes oak barrels, and shows them after the harvest.", "Größe: 5 m."]


class Direct:
    """The model, asked without lm-eval."""

    def __init__(self, dtype: str = "float32") -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer: Any = AutoTokenizer.from_pretrained(DEMO)
        self._model: Any = AutoModelForCausalLM.from_pretrained(DEMO, dtype=dtype).eval()
        self._torch = torch

    def ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def bits(self, context: list[int], answer: list[int]) -> float:
        torch = self._torch
        with torch.no_grad():
            # Not the last token, which is only predicted: in bfloat16 the length rounds otherwise.
            logits = self._model(torch.tensor([(context + answer)[:-1]])).logits[0].float()
        known = torch.log_softmax(logits, dim=-1)
        places = range(len(context), len(context) + len(answer))
        ids = zip(places, answer, strict=True)
        return -math.fsum(float(known[place - 1, token]) for place, token in ids) / math.log(2)


@pytest.fixture(scope="module")
def direct() -> Direct:
    return Direct()


@pytest.fixture(scope="module")
def chats(tmp_path_factory: pytest.TempPathFactory) -> EvaluationOutcome:
    directory = tmp_path_factory.mktemp("chats")
    rows = rows_to_score(directory / "eval.jsonl", CHATS)
    return run(make_job(directory, rows=[rows], max_gen_toks=6, dtype="float32"))


def turns(direct: Direct) -> list[tuple[list[int], str]]:
    """Every turn of the assistant: the prompt's tokens and the answer."""
    found = []
    for row in CHATS:
        messages = row["messages"]
        for number, message in enumerate(messages):
            if message["role"] == "assistant":
                prompt = direct.tokenizer.apply_chat_template(
                    messages[:number], tokenize=False, add_generation_prompt=True
                )
                found.append((direct.ids(prompt), message["content"]))
    return found


def assert_costs(outcome: EvaluationOutcome, direct: Direct) -> None:
    """The bits of the chats are what torch computes."""
    asked = turns(direct)
    assert len(asked) == 3
    bits = math.fsum(direct.bits(prompt, direct.ids(text)) for prompt, text in asked)
    tokens = sum(len(direct.ids(text)) for _, text in asked)
    size = sum(len(text.encode()) for _, text in asked)
    assert value(outcome, "holdout", "bits_per_token") == pytest.approx(bits / tokens, abs=1e-4)
    assert value(outcome, "holdout", "bits_per_byte") == pytest.approx(bits / size, abs=1e-4)
    perplexity = 2 ** (bits / tokens)
    assert value(outcome, "holdout", "token_perplexity") == pytest.approx(perplexity, rel=1e-4)


def test_chats_cost_the_bits_that_torch_computes(chats: EvaluationOutcome, direct: Direct) -> None:
    assert_costs(chats, direct)


def test_the_likelihoods_of_a_model_in_bfloat16_are_not_rounded_too(tmp_path: Path) -> None:
    rows = rows_to_score(tmp_path / "eval.jsonl", CHATS)
    job = make_job(tmp_path, rows=[rows], max_gen_toks=2, dtype="bfloat16", batch="1")
    assert_costs(run(job), Direct("bfloat16"))


def test_every_turn_is_a_document_and_a_conversation_a_cluster(chats: EvaluationOutcome) -> None:
    found = read_documents(Path(chats.directories["holdout"]), "bits_per_token,none")
    assert len(found) == 3
    assert len({d.cluster for d in found}) == 2
    scored = score(chats, "holdout", "bits_per_token")
    assert scored.n == 3
    assert scored.stderr is not None
    assert scored.higher_is_better is False


def test_an_answer_of_the_model_begins_after_the_real_conversation(
    chats: EvaluationOutcome, direct: Direct
) -> None:
    asked = [sample["doc"]["context"] for sample in samples(chats, "holdout")]
    assert [direct.ids(prompt) for prompt in asked] == [ids for ids, _ in turns(direct)]
    assert all(prompt.endswith("<|im_start|>assistant\n") for prompt in asked)


def test_each_answer_is_as_the_model_goes_on_by_itself(
    chats: EvaluationOutcome, direct: Direct
) -> None:
    import torch

    prompt, _ = turns(direct)[0]
    with torch.no_grad():
        said = direct._model.generate(
            torch.tensor([prompt]), max_new_tokens=6, do_sample=False, pad_token_id=0
        )
    text = direct.tokenizer.decode(said[0][len(prompt) :], skip_special_tokens=True)
    [sample] = [s for s in samples(chats, "holdout") if s["doc_id"] == 0]
    assert sample["resps"][1][0] == text or sample["resps"][1][0] == text.strip()


def test_documents_cost_the_bits_that_torch_computes(tmp_path: Path, direct: Direct) -> None:
    rows = rows_to_score(tmp_path / "eval.jsonl", [{"document": t} for t in TEXTS], "documents")
    found = run(make_job(tmp_path, rows=[rows], dtype="float32"))
    start = [direct.tokenizer.bos_token_id or direct.tokenizer.eos_token_id]
    bits = math.fsum(direct.bits(start, direct.ids(text)) for text in TEXTS)
    tokens = sum(len(direct.ids(text)) for text in TEXTS)
    size = sum(len(text.encode()) for text in TEXTS)
    assert value(found, "holdout", "bits_per_token") == pytest.approx(bits / tokens, abs=1e-4)
    assert value(found, "holdout", "bits_per_byte") == pytest.approx(bits / size, abs=1e-4)


def test_token_rows_cost_the_bits_of_their_labels(tmp_path: Path, direct: Direct) -> None:
    ids = direct.ids(TEXTS[0])
    labels = [-100, -100, *ids[2:5], -100, *ids[6:]]
    rows = [{"input_ids": ids, "labels": labels}]
    scored = rows_to_score(tmp_path / "e.jsonl", rows, "tokens")
    found = run(make_job(tmp_path, rows=[scored], dtype="float32"))
    bits = direct.bits(ids[:2], ids[2:5]) + direct.bits(ids[:6], ids[6:])
    learnt = len(ids) - 3
    assert value(found, "holdout", "bits_per_token") == pytest.approx(bits / learnt, abs=1e-4)
    assert {s.metric for s in scores_of(found, "holdout").scores} == {
        "bits_per_token",
        "token_perplexity",
    }


def test_a_system_instruction_is_said_where_the_chat_has_none_of_its_own(tmp_path: Path) -> None:
    rows = rows_to_score(tmp_path / "eval.jsonl", CHATS)
    job = make_job(tmp_path, rows=[rows], max_gen_toks=2, system_instruction="Be kind.")
    first, _, last = (sample["doc"]["context"] for sample in samples(run(job), "holdout"))
    assert "Be kind." not in first
    assert last.startswith("<|im_start|>system\nBe kind.<|im_end|>")


def test_a_text_that_looks_like_a_template_is_scored_as_it_is(tmp_path: Path) -> None:
    text = "Write {{ question }} and {% if x %}."
    chat = {
        "messages": [
            {"role": "user", "content": "{{context}}?"},
            {"role": "assistant", "content": text},
        ]
    }
    job = make_job(tmp_path, rows=[rows_to_score(tmp_path / "e.jsonl", [chat])], max_gen_toks=2)
    [sample] = samples(run(job), "holdout")
    assert sample["target"] == text
    assert sample["arguments"][0][1] == text
    assert "{{context}}?" in sample["arguments"][0][0]


def test_an_answer_beyond_what_the_model_reads_is_left_out_and_counted(tmp_path: Path) -> None:
    long = json.loads(json.dumps(CHATS[1]))
    long["messages"][1]["content"] = "barrels " * 600
    job = make_job(
        tmp_path, rows=[rows_to_score(tmp_path / "e.jsonl", [long, CHATS[1]])], max_gen_toks=2
    )
    outcome = run(job)
    assert score(outcome, "holdout", "bits_per_token").n == 1
    assert any("holdout: 1 answers are left out" in note for note in outcome.notes)


def test_rows_none_of_which_the_model_can_read_are_refused(tmp_path: Path) -> None:
    job = make_job(
        tmp_path,
        rows=[rows_to_score(tmp_path / "e.jsonl", CHATS)],
        model_args={"max_length": 4},
    )
    with pytest.raises(EvaluationError, match=r"none of 2 rows can be scored.*the 4 tokens"):
        run(job)
