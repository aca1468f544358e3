"""Puts conversations to models, in a process of its own: `python -m resources.prompt_worker FILE`.

Greedy, so that the same question has the same answer. The parent is `resources.prompt_process`.
"""

import sys
from pathlib import Path
from typing import Any

from osft_assets.core.errors import EvaluationError, OsftError
from osft_assets.core.prompts import Message, PromptJob, PromptOutcome
from resources.library_versions import library_versions
from resources.worker_main import answer, end_with_the_parent

_LIBRARIES = ("torch", "transformers")


def main(job_path: str) -> int:
    """The exit code."""
    path = Path(job_path)
    job = PromptJob.model_validate_json(path.read_bytes())
    end_with_the_parent()
    return answer(path.parent, lambda: _prompted(job), _unexpected)


def _unexpected(problem: Exception) -> OsftError:
    return EvaluationError(f"the model could not be asked: {type(problem).__name__}: {problem}")


def _prompted(job: PromptJob) -> PromptOutcome:
    library_versions(_LIBRARIES)
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    answers = tuple(_answers(path, job, device) for path in job.model_paths)
    return PromptOutcome(answers=answers, device=device)


def _answers(path: str, job: PromptJob, device: str) -> tuple[str, ...]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    trust = job.trust_remote_code
    tokenizer: Any = AutoTokenizer.from_pretrained(path, trust_remote_code=trust)
    model: Any = AutoModelForCausalLM.from_pretrained(
        path, dtype="auto" if device == "cuda" else "float32", trust_remote_code=trust
    )
    model.to(device).eval()
    found = tuple(
        _answer(model, tokenizer, conversation, job.max_new_tokens)
        for conversation in job.conversations
    )
    del model  # before the next one is loaded: a GPU may hold one only
    return found


def _answer(model: Any, tokenizer: Any, conversation: tuple[Message, ...], most: int) -> str:
    asked = _tokens(tokenizer, conversation).to(model.device)
    said = model.generate(
        **asked,
        max_new_tokens=most,
        do_sample=False,
        **dict.fromkeys(("temperature", "top_p", "top_k")),  # or it warns that they mean nothing
        pad_token_id=_padding(tokenizer),
    )
    new = said[0, asked["input_ids"].shape[1] :]
    return str(tokenizer.decode(new, skip_special_tokens=True)).strip()


def _tokens(tokenizer: Any, conversation: tuple[Message, ...]) -> Any:
    """By the model's template; a model without one goes on from the last message."""
    if tokenizer.chat_template is None:
        return tokenizer(conversation[-1]["content"], return_tensors="pt")
    return tokenizer.apply_chat_template(
        list(conversation), add_generation_prompt=True, return_tensors="pt", return_dict=True
    )


def _padding(tokenizer: Any) -> Any:
    """Or generation says that it takes the mark of the end."""
    found = tokenizer.pad_token_id
    return tokenizer.eos_token_id if found is None else found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
