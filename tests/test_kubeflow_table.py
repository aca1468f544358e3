"""The tables of docs/kubeflow.md are what the code does."""

from pathlib import Path

from osft_assets.kubeflow_table import kubeflow_tables, with_tables

_PAGE = Path(__file__).parent.parent / "docs/kubeflow.md"


def test_the_page_is_current() -> None:
    page = _PAGE.read_text()

    assert kubeflow_tables() in page, "run `make docs`"
    assert page == with_tables(page)


def test_a_stale_page_is_told_from_a_current_one() -> None:
    stale = _PAGE.read_text().replace("`train.num_epochs`", "`train.epochs`")

    assert kubeflow_tables() not in stale
    assert with_tables(stale) == _PAGE.read_text()


def test_the_tables_are_for_people() -> None:
    tables = kubeflow_tables()

    row = "| `phase_02_train_opt_labels` | `pod.labels` | dict of str, or text `KEY=VAL,KEY=VAL` |"
    assert row in tables
    assert "| `phase_02_train_man_workers` | `pod.workers` | int | `4` |" in tables
    assert "| `pvc_path` | The workspace" in tables
    cells = {row.count("|") for row in tables.splitlines() if row.startswith("|")}
    assert cells == {3, 6}, "a type or a sentence ends its cell"
