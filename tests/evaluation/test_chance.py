"""What guessing scores, where it is known."""

from typing import Any

import pytest

from resources.chance import chance_of

_MANY = {"many": 1.0}


class Choices:
    """A task, as far as chance is concerned."""

    def __init__(self, *choices: str, output_type: str = "multiple_choice") -> None:
        self.OUTPUT_TYPE, self._choices = output_type, choices

    def doc_to_choice(self, doc: dict[str, Any]) -> list[str]:
        return list(doc.get("choices", self._choices))


def sample(target: Any = 0, **doc: Any) -> dict[str, Any]:
    return {"target": target, "doc": doc}


@pytest.mark.parametrize(
    ("samples", "chance"),
    [
        ([sample()], 1 / 4),
        ([sample(), sample(choices=["yes", "no"])], 3 / 8),
        ([sample(target=[0, 2])], 1 / 2),
    ],
    ids=["four choices", "as many as a question has", "two of them right"],
)
def test_chance_is_one_of_the_choices(samples: list[dict[str, Any]], chance: float) -> None:
    assert chance_of("acc", {"many": samples}, {"many": Choices(*"abcd")}, _MANY) == chance


def test_the_parts_of_a_group_count_as_they_do_in_its_score() -> None:
    tasks = {"two": Choices(*"ab"), "four": Choices(*"abcd")}
    samples = {"two": [sample()], "four": [sample()] * 3}

    by_size = chance_of("acc", samples, tasks, {"two": 1.0, "four": 1.0})
    by_part = chance_of("acc", samples, tasks, {"two": 1.0, "four": 1 / 3})

    assert (by_size, by_part) == (pytest.approx(5 / 16), pytest.approx(3 / 8))


@pytest.mark.parametrize(
    ("metric", "output_type"), [("f1", "multiple_choice"), ("acc", "loglikelihood")]
)
def test_of_anything_else_nobody_knows(metric: str, output_type: str) -> None:
    tasks = {"many": Choices(*"abcd", output_type=output_type)}
    assert chance_of(metric, {"many": [sample()]}, tasks, _MANY) is None
