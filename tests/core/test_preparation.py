"""From batches of rows to two checked files."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.errors import DatasetError
from osft_assets.core.ports import RowBatch
from osft_assets.core.preparation import Prepared, prepare
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.records import SplitFile
from osft_assets.core.rows import RowParser
from osft_assets.core.splits import ContentSplit
from tests.core.properties import repeatable
from tests.fakes import chat, chats

# Small enough that no row of these tests is trained on by its own hash, and the other way round.
ALMOST_NOTHING, ALMOST_ALL = 1e-12, 1 - 1e-12


def batch(rows: Sequence[Any], file: str = "rows.jsonl", first: int = 1) -> RowBatch:
    raw = [
        row if row is None or isinstance(row, bytes) else msgspec.json.encode(row) for row in rows
    ]
    return RowBatch(file, "line", first, raw, sum(len(row or b"") for row in raw))


def run(batches: Iterable[RowBatch], directory: Path, **settings: Any) -> Prepared:
    directory.mkdir(exist_ok=True)
    recipe = DatasetRecipe(**settings)
    return prepare(batches, recipe, RowParser(), directory, lambda _rows, _bytes: None)


def rows_in(directory: Path, name: str) -> list[Any]:
    return [json.loads(line) for line in (directory / name).read_bytes().splitlines()]


def both_sides(directory: Path) -> list[Any]:
    return rows_in(directory, "train.jsonl") + rows_in(directory, "eval.jsonl")


def line_of(row: Any) -> bytes:
    return RowParser().parse(msgspec.json.encode(row))


# Every row counts once


@repeatable
@given(st.lists(st.integers(0, 30), min_size=3, max_size=60), st.floats(0.05, 1), st.data())
def test_every_row_read_is_counted_exactly_once(
    tmp_path_factory: pytest.TempPathFactory,
    numbers: list[int],
    share: float,
    data: st.DataObject,
) -> None:
    directory = tmp_path_factory.mktemp("counts")
    bad_rows = data.draw(st.integers(0, 5))
    rows = [
        *chats(2, start=100),
        *(chat(f"{n}?", f"{n}.") for n in numbers),
        *[{"a": 1}] * bad_rows,
    ]

    prepared = run([batch(rows)], directory, data_split=share, on_invalid="skip")

    assert prepared.counts.add_up
    assert prepared.counts.read == len(rows)
    assert prepared.counts.invalid == bad_rows
    assert prepared.counts.duplicate == len(numbers) - len(set(numbers))


@repeatable
@given(st.lists(st.integers(0, 30), min_size=2, max_size=60), st.floats(0.05, 0.95))
def test_no_row_is_on_both_sides(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], share: float
) -> None:
    directory = tmp_path_factory.mktemp("sides")
    rows = [*chats(2, start=100), *(chat(f"{n}?", f"{n}.") for n in numbers)]

    run([batch(rows)], directory, data_split=share)

    train = set((directory / "train.jsonl").read_bytes().splitlines())
    holdout = set((directory / "eval.jsonl").read_bytes().splitlines())
    assert not train & holdout
    assert train | holdout == {line_of(row) for row in rows}


def test_duplicates_are_removed_whatever_they_look_like(tmp_path: Path) -> None:
    row = chat("What is rain?", "Water.")
    spaced = json.dumps(row, indent=1).replace("\n", " ").encode()
    alpaca = {"instruction": "What is rain?", "output": "Water."}

    prepared = run([batch([row, spaced, alpaca, *chats(5)])], tmp_path)

    assert prepared.counts.duplicate == 2
    assert both_sides(tmp_path).count(row) == 1


def test_duplicates_in_another_batch_are_removed(tmp_path: Path) -> None:
    prepared = run([batch(chats(5), "a.jsonl"), batch(chats(5), "b.jsonl")], tmp_path)

    assert (prepared.counts.read, prepared.counts.duplicate) == (10, 5)


def test_formats_are_counted(tmp_path: Path) -> None:
    alpaca = [{"instruction": f"Add {n}.", "output": "Done."} for n in range(3)]
    sharegpt = [{"conversations": [{"from": "gpt", "value": "Hello."}]}]

    prepared = run([batch([*chats(5), *alpaca, *sharegpt])], tmp_path)

    assert prepared.formats == {"messages": 5, "alpaca": 3, "conversations": 1}


def test_columns_that_are_not_kept_are_named(tmp_path: Path) -> None:
    rows = [chat("a?", "a.", source="web"), chat("b?", "b.", id=4), chat("c?", "c.", id=5)]

    prepared = run([batch(rows)], tmp_path)

    assert prepared.ignored_columns == ("id", "source")


def test_progress_is_told_after_every_batch(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    batches = [
        RowBatch("a.jsonl", "line", 1, [msgspec.json.encode(row) for row in chats(5)], 100),
        RowBatch("a.jsonl", "line", 6, [msgspec.json.encode(row) for row in chats(2, 5)], 140),
    ]

    prepare(
        batches,
        DatasetRecipe(),
        RowParser(),
        tmp_path,
        lambda rows, size_bytes: told.append((rows, size_bytes)),
    )

    assert told == [(5, 100), (7, 140)]


# The two files


def test_the_record_of_each_file_describes_the_real_one(tmp_path: Path) -> None:
    prepared = run([batch(chats(500))], tmp_path, data_split=0.7)

    for file in (prepared.train, prepared.holdout):
        assert_describes_the_real_file(file, tmp_path)


def test_the_record_is_right_after_a_row_changed_sides(tmp_path: Path) -> None:
    prepared = run([batch(chats(50))], tmp_path, data_split=ALMOST_ALL)

    for file in (prepared.train, prepared.holdout):
        assert_describes_the_real_file(file, tmp_path)


def assert_describes_the_real_file(file: SplitFile, directory: Path) -> None:
    content = (directory / file.name).read_bytes()
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert (file.rows, file.size_bytes) == (content.count(b"\n"), len(content))
    assert sum(rows for _bucket, rows in file.length_buckets) == file.rows


def test_rows_keep_their_order(tmp_path: Path) -> None:
    rows = chats(200)

    run([batch(rows[:120]), batch(rows[120:])], tmp_path, data_split=0.5)

    for name in ("train.jsonl", "eval.jsonl"):
        kept = rows_in(tmp_path, name)
        assert kept == [row for row in rows if row in kept]


def test_the_size_of_the_batches_does_not_matter(tmp_path: Path) -> None:
    rows = chats(200)

    at_once = run([batch(rows)], tmp_path / "at once")
    one_by_one = run([batch([row]) for row in rows], tmp_path / "one by one")

    assert one_by_one == at_once


def test_a_share_of_one_leaves_an_empty_holdout(tmp_path: Path) -> None:
    prepared = run([batch(chats(50))], tmp_path, data_split=1)

    assert (prepared.counts.train, prepared.counts.holdout) == (50, 0)
    assert (tmp_path / "eval.jsonl").read_bytes() == b""


def test_a_share_of_one_is_content_with_a_single_row(tmp_path: Path) -> None:
    run([batch(chats(1))], tmp_path, data_split=1)

    assert rows_in(tmp_path, "train.jsonl") == chats(1)


def test_the_row_with_the_highest_digest_is_held_out_when_none_would_be(tmp_path: Path) -> None:
    rows = chats(50)
    digest = ContentSplit(ALMOST_ALL, 42).digest

    prepared = run([batch(rows)], tmp_path, data_split=ALMOST_ALL)

    assert prepared.counts.holdout == 1
    assert rows_in(tmp_path, "eval.jsonl") == [max(rows, key=lambda row: digest(line_of(row)))]
    assert len(rows_in(tmp_path, "train.jsonl")) == 49


def test_the_row_with_the_lowest_digest_is_trained_on_when_none_would_be(tmp_path: Path) -> None:
    rows = chats(50)
    digest = ContentSplit(ALMOST_NOTHING, 42).digest

    prepared = run([batch(rows)], tmp_path, data_split=ALMOST_NOTHING)

    assert prepared.counts.train == 1
    assert rows_in(tmp_path, "train.jsonl") == [min(rows, key=lambda row: digest(line_of(row)))]
    assert len(rows_in(tmp_path, "eval.jsonl")) == 49


@pytest.mark.parametrize("share", [ALMOST_NOTHING, ALMOST_ALL])
def test_a_row_that_changed_sides_leaves_nothing_but_the_two_files(
    tmp_path: Path, share: float
) -> None:
    run([batch(chats(50))], tmp_path, data_split=share)

    assert {path.name for path in tmp_path.iterdir()} == {"train.jsonl", "eval.jsonl"}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_appending_rows_never_moves_old_ones(tmp_path: Path, share: float) -> None:
    old, new = chats(100), chats(100, start=100)
    run([batch(old)], tmp_path / "old", data_split=share)

    run([batch(old + new)], tmp_path / "both", data_split=share)

    for name in ("train.jsonl", "eval.jsonl"):
        before = rows_in(tmp_path / "old", name)
        assert rows_in(tmp_path / "both", name)[: len(before)] == before


def test_appending_rows_moves_at_most_the_row_that_had_changed_sides(tmp_path: Path) -> None:
    old, new = chats(5), chats(95, start=5)
    run([batch(old)], tmp_path / "old", data_split=ALMOST_ALL)

    run([batch(old + new)], tmp_path / "both", data_split=ALMOST_ALL)

    changed_sides = rows_in(tmp_path / "old", "eval.jsonl")
    stayed = rows_in(tmp_path / "old", "train.jsonl")
    assert len(changed_sides) == 1
    moved = [row for row in stayed if row in rows_in(tmp_path / "both", "eval.jsonl")]
    assert moved == []


def test_another_seed_holds_out_other_rows(tmp_path: Path) -> None:
    run([batch(chats(100))], tmp_path / "one", split_seed=1)
    run([batch(chats(100))], tmp_path / "two", split_seed=2)

    assert rows_in(tmp_path / "one", "eval.jsonl") != rows_in(tmp_path / "two", "eval.jsonl")


# Too little


def test_a_source_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="The source has no rows. Check the address"):
        run([], tmp_path)


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="The source has no rows"):
        run([batch([None, None])], tmp_path)


def test_fewer_than_two_different_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="1 different good rows in 3.* data_split to 1"):
        run([batch(chats(1) * 3)], tmp_path)


@pytest.mark.parametrize("share", [ALMOST_NOTHING, 0.5, ALMOST_ALL])
def test_two_different_rows_are_enough_for_both_sides(tmp_path: Path, share: float) -> None:
    prepared = run([batch(chats(2))], tmp_path, data_split=share)

    assert (prepared.counts.train, prepared.counts.holdout) == (1, 1)


# Bad rows


def test_one_bad_row_is_refused_with_its_place(tmp_path: Path) -> None:
    rows = [*chats(3), None, {"messages": []}]

    with pytest.raises(DatasetError) as refusal:
        run([batch(rows, "part-1.jsonl", first=1_001)], tmp_path)

    assert str(refusal.value).splitlines() == [
        "1 of 4 rows are invalid:",
        "  part-1.jsonl line 1,005: messages is empty",
        "Mend them, or set on_invalid to skip.",
    ]


def test_the_first_20_bad_rows_are_listed_and_the_others_counted(tmp_path: Path) -> None:
    batches = [batch([*chats(5), *[{"messages": []}] * 15]), batch([b"{"] * 1_500, "b.jsonl")]

    with pytest.raises(DatasetError) as refusal:
        run(batches, tmp_path)

    first, *listed, more, _remedy = str(refusal.value).splitlines()
    assert first == "1,515 of 1,520 rows are invalid:"
    assert [line.split(":")[0].strip() for line in listed] == [
        *(f"rows.jsonl line {number}" for number in range(6, 21)),
        *(f"b.jsonl line {number}" for number in range(1, 6)),
    ]
    assert more.strip() == "... and 1,495 more"


def test_bad_rows_are_left_out_and_counted_when_asked(tmp_path: Path) -> None:
    rows = [*chats(10), b"{", {"messages": []}]

    prepared = run([batch(rows)], tmp_path, on_invalid="skip")

    assert (prepared.counts.read, prepared.counts.invalid) == (12, 2)
    assert len(both_sides(tmp_path)) == 10


def test_bad_rows_that_are_left_out_are_still_listed(tmp_path: Path) -> None:
    rows = [*chats(10), *[{"messages": []}] * 30]

    prepared = run([batch(rows)], tmp_path, on_invalid="skip")

    assert len(prepared.first_invalid) == 20
    assert prepared.first_invalid[0] == "rows.jsonl line 11: messages is empty"


def test_nothing_but_bad_rows_is_refused_even_when_they_are_left_out(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"(?s)^3 of 3 rows are invalid.*No row is good"):
        run([batch([{"messages": []}] * 3)], tmp_path, on_invalid="skip")


# Subsets


@pytest.mark.parametrize("per_batch", [1, 3, 7, 100])
def test_a_subset_is_the_first_rows(tmp_path: Path, per_batch: int) -> None:
    rows = chats(20)
    batches = [batch(rows[start : start + per_batch]) for start in range(0, 20, per_batch)]

    prepared = run(batches, tmp_path, subset=7, data_split=1)

    assert prepared.counts.read == 7
    assert rows_in(tmp_path, "train.jsonl") == rows[:7]


def test_blank_lines_do_not_count_towards_a_subset(tmp_path: Path) -> None:
    first, second, third = chats(3)

    run([batch([None, first, None, second, third])], tmp_path, subset=2, data_split=1)

    assert rows_in(tmp_path, "train.jsonl") == [first, second]


def test_a_subset_larger_than_the_source_is_all_of_it(tmp_path: Path) -> None:
    prepared = run([batch(chats(5))], tmp_path, subset=100)

    assert prepared.counts.read == 5


def test_nothing_is_read_beyond_a_subset(tmp_path: Path) -> None:
    def batches() -> Iterable[RowBatch]:
        yield batch(chats(5))
        raise AssertionError("read on")

    prepared = run(batches(), tmp_path, subset=5)

    assert prepared.counts.read == 5


def test_a_bad_row_beyond_a_subset_does_no_harm(tmp_path: Path) -> None:
    prepared = run([batch([*chats(5), b"{"])], tmp_path, subset=5)

    assert prepared.counts.invalid == 0
