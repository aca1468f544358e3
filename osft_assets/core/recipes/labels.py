"""Who owns a pipeline, and how its assets are found: what Dagster accepts, told before it is asked.

What a pipeline is made of: `core.recipes.pipeline`.
"""

from typing import Annotated

from osft_assets.core.recipes.base import matching

# Set by us and by Dagster on every asset: osft_assets/assets/labels.py.
_OURS = r"(?!(osft|dagster)/)"
_WORD = r"[A-Za-z0-9_.-]{1,63}"

Owner = Annotated[
    str,
    matching(
        r"team:\S.*|[^@\s]+@[^@\s]+\.[A-Za-z]{2,}",
        "team:NAME, or an e-mail address such as ada@example.org",
    ),
]
TagName = Annotated[
    str,
    matching(
        rf"{_OURS}({_WORD}/)?{_WORD}",
        "letters, digits, '_', '-' and '.', with at most one '/', and not below osft/ or dagster/",
    ),
]
TagValue = Annotated[
    str, matching(rf"({_WORD})?", "at most 63 letters, digits, '_', '-' and '.', without spaces")
]
