"""docs/trainjobs.md says what is done in each state: each row has its test, and each test a row."""

import ast
import re
from pathlib import Path

_HERE = Path(__file__).parent
_PAGE = _HERE.parents[1] / "docs" / "trainjobs.md"


def named_in(name: str) -> list[str]:
    tree = ast.parse((_HERE / name).read_text())
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef)]
    return [each.name for each in functions if each.name.startswith("test_")]


def rows() -> list[str]:
    return re.findall(r"\| `(test_\w+)` \|$", _PAGE.read_text(), flags=re.MULTILINE)


def test_every_row_of_the_table_has_its_test() -> None:
    found = [*named_in("test_states.py"), *named_in("test_creation.py")]

    assert sorted(set(rows()) - {*found, *named_in("test_no_orphan.py")}) == []
    assert len(rows()) == len(set(rows())) > 30


def test_every_test_of_a_state_has_its_row() -> None:
    assert sorted(set(named_in("test_states.py")) - set(rows())) == []
