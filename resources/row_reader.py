"""What the model makes of text, known from its files alone: template, tokens, longest input."""

from collections.abc import Sequence
from typing import Any

from osft_assets.core.errors import EvaluationError
from osft_assets.core.evaluation_job import RowsToScore
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from resources.evaluation_errors import explained
from resources.row_tasks import Reader


def reader_of(path: str, recipe: EvaluationRecipe, rows: Sequence[RowsToScore]) -> Reader:
    """The reader; EvaluationError when the rows need what the model has not."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        trusted = recipe.trust_remote_code
        config = AutoConfig.from_pretrained(path, trust_remote_code=trusted)
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=trusted)
    except Exception as problem:  # noqa: BLE001 - of the files, and of the code they name
        raise explained(problem, f"The tokenizer in {path} cannot be loaded") from problem
    refuse_no_tokenizer(tokenizer, path)
    if any(each.row_kind == "messages" for each in rows) and not tokenizer.chat_template:
        raise EvaluationError(
            f"{path} has no chat template, and the rows are chats: nobody knows how to ask. Give "
            "the base model one (chat_template.jinja), or set evaluate.holdout: false"
        )

    def template(messages: list[dict[str, Any]]) -> str:
        spoken = messages
        if recipe.system_instruction and messages[0]["role"] != "system":
            spoken = [{"role": "system", "content": recipe.system_instruction}, *messages]
        options = recipe.model_args.get("chat_template_args") or {}
        text = tokenizer.apply_chat_template(
            spoken, tokenize=False, add_generation_prompt=True, **options
        )
        return str(text)

    def count(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    return Reader(template, count, _most_tokens(config, recipe))


def refuse_no_tokenizer(tokenizer: Any, path: str) -> None:
    """Without its files transformers makes an empty one, of a few special tokens at most."""
    if not tokenizer("Is there anything?", add_special_tokens=False)["input_ids"]:
        raise EvaluationError(
            f"{path} has no tokenizer: expected tokenizer.json beside the weights"
        )


def _most_tokens(config: Any, recipe: EvaluationRecipe) -> int:
    given = recipe.model_args.get("max_length") or recipe.model_args.get("max_model_len")
    text = config.get_text_config()
    known = (getattr(text, name, None) for name in ("n_positions", "max_position_embeddings"))
    return int(given or next(filter(None, known), 2048))
