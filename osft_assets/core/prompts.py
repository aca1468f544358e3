"""Questions that a person puts to models by hand, and what they answer. No score comes of it.

Who asks is behind `core.ports.Prompter`; questions whose answers are counted are `core.evaluation`.
"""

from osft_assets.core.records import Record

Message = dict[str, str]  # of a role and a content


class PromptJob(Record):
    """Every conversation is put to every model, one model after the other."""

    model_paths: tuple[str, ...]
    conversations: tuple[tuple[Message, ...], ...]
    max_new_tokens: int
    trust_remote_code: bool = False


class PromptOutcome(Record):
    """`answers`: for each model, in the order asked, an answer to each conversation."""

    answers: tuple[tuple[str, ...], ...]
    device: str
