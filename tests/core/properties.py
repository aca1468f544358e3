"""How property tests run here, and the values they draw."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

# The same examples every time: a red build means that the code changed, not the dice.
repeatable = settings(derandomize=True, deadline=None, max_examples=60)

texts = st.text(max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | texts
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def messages(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A conversation that ends with something to learn, with optional keys here and there."""
    roles = st.sampled_from(["system", "user", "assistant", "tool", "function", "pretraining"])
    turns = draw(st.lists(st.tuples(roles, st.text(min_size=1, max_size=20)), max_size=4))
    conversation = [_with_optional_keys(draw, role, content) for role, content in turns]
    return [*conversation, _with_optional_keys(draw, "assistant", "learn this")]


def _with_optional_keys(draw: st.DrawFn, role: str, content: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": role, "content": content}
    if draw(st.booleans()):
        message["reasoning_content"] = draw(texts)
    extras = draw(st.dictionaries(st.sampled_from(["name", "id", "weight"]), scalars, max_size=2))
    return message | extras
