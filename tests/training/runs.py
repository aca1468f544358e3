"""A tiny model, rows for it, and the worker run on them: what the tests of training share."""

import json
import os
import random
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osft_assets.core.model_records import ModelRecord
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from resources.process_tree import MARKER_VARIABLE, kill_marked

_CITIES = ("paris", "rome", "oslo", "lima", "cairo", "delhi", "tokyo", "quito")
_SIGHTS = ("river", "tower", "museum", "bridge", "market", "garden")
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORKER = (sys.executable, "-m", "resources.training_worker")
# Small enough for 96 rows to be a dozen steps, which are 2 seconds of the 12 that a run takes.
_SMALL = {
    **{"effective_batch_size": 16, "max_tokens_per_gpu": 1024, "max_seq_len": 256},
    **{"learning_rate": 5e-3, "num_epochs": 2, "use_liger": False},
}


@dataclass(frozen=True)
class Tiny:
    """A model of 120,000 parameters and rows that fit it."""

    model: Path
    train: Path
    holdout: Path
    dtype: str = "float32"


@dataclass(frozen=True)
class Run:
    """A finished worker: its directory, its exit code, what it printed."""

    directory: Path
    exit_code: int
    output: str
    job: TrainingJob

    @property
    def outcome(self) -> TrainingOutcome:
        assert self.exit_code == 0, self.output[-4000:]
        return TrainingOutcome.model_validate_json((self.directory / "outcome.json").read_bytes())

    @property
    def problem(self) -> str:
        assert self.exit_code in (3, 4), self.output[-4000:]
        message: str = json.loads((self.directory / "problem.json").read_bytes())["message"]
        return message

    @property
    def model(self) -> Path:
        return self.directory / self.outcome.model


def chats(count: int, seed: int = 0) -> list[dict[str, Any]]:
    dice = random.Random(seed)
    rows = []
    for _ in range(count):
        city, sight = dice.choice(_CITIES), dice.choice(_SIGHTS)
        answer = f"the {sight} of {city} is called the {city} {sight} ."
        answer += " it is old and very famous ." * dice.randint(0, 3)
        question = f"what is the {sight} of {city} called ?"
        rows.append(
            {
                "messages": [
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": answer},
                ]
            }
        )
    return rows


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def make_tiny(directory: Path, dtype: str = "float32") -> Tiny:
    """Two layers of 64, untied, and a tokenizer of a few hundred tokens with a template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    rows = chats(96)
    text = Tokenizer(models.BPE())
    text.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    text.decoder = decoders.ByteLevel()
    text.train_from_iterator(
        [m["content"] for row in rows for m in row["messages"]] + ["system user assistant"],
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=text, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = _TEMPLATE
    tokenizer.save_pretrained(directory)
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=8 * -(-(len(tokenizer) + 8) // 8),
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=128,
            max_position_embeddings=512,
            tie_word_embeddings=False,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )
    model.to(getattr(torch, dtype)).save_pretrained(directory)
    return Tiny(
        model=directory,
        train=write_rows(directory.parent / "train.jsonl", rows),
        holdout=write_rows(directory.parent / "holdout.jsonl", chats(16, seed=1)),
        dtype=dtype,
    )


def make_job(
    tiny: Tiny, directory: Path, algorithm: str = "osft", *, rows: Path | None = None, **more: Any
) -> TrainingJob:
    """A job in a fresh directory; `more` are settings of the recipe, or fields of the job."""
    recipe_class = OsftRecipe if algorithm == "osft" else SftRecipe
    settings = {k: v for k, v in more.items() if k in recipe_class.model_fields}
    fields = {k: v for k, v in more.items() if k not in settings}
    train = rows or tiny.train
    model = ModelRecord(
        uri="tiny",
        revision="1",
        path=str(tiny.model),
        fingerprint="0",
        architecture="Qwen2ForCausalLM",
        parameters=1,
        dtype=tiny.dtype,
        size_bytes=1,
        has_chat_template=True,
    )
    return TrainingJob(
        **{
            "algorithm": algorithm,
            "directory": str(directory),
            "rows_directory": str(directory / "rows"),
            "model": model,
            "train_path": str(train),
            "train_rows": len(train.read_text().splitlines()),
            "holdout_path": str(tiny.holdout),
            "holdout_rows": 16,
            "kind": "messages",
            "recipe": recipe_class(**(_SMALL | settings)).model_dump(),
            **fields,
        }
    )


def train(job: TrainingJob, command: tuple[str, ...] = WORKER, **environment: str) -> Run:
    """Run the worker as its parent does."""
    directory = Path(job.directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "job.json").write_text(job.model_dump_json())
    marker = uuid.uuid4().hex
    process = subprocess.Popen(
        [*command, str(directory / "job.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, MARKER_VARIABLE: marker, "PYTHONUNBUFFERED": "1", **environment},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        try:
            output = process.stdout.read().decode(errors="replace")
            return Run(directory, process.wait(10), output, job)
        finally:
            kill_marked(marker, 0)
            process.wait(10)
