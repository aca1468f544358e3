"""Which side a row goes to, decided by its content."""

from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.splits import ContentSplit, rescued
from tests.core.properties import repeatable

shares = st.floats(min_value=0.01, max_value=0.99)
seeds = st.integers(0, 2**32)
many_lines = st.lists(st.binary(min_size=1, max_size=20), unique=True, max_size=50)


def trained(lines: list[bytes], split: ContentSplit) -> set[bytes]:
    return {line for line in lines if split.digest(line) < split.threshold}


@repeatable
@given(many_lines, many_lines, shares, seeds)
def test_appending_rows_never_moves_old_ones(
    old: list[bytes], new: list[bytes], share: float, seed: int
) -> None:
    before = trained(old, ContentSplit(share, seed))

    after = trained(old + new, ContentSplit(share, seed))

    assert after & set(old) == before


@repeatable
@given(many_lines, shares, shares, seeds)
def test_a_larger_share_only_adds_to_what_is_trained_on(
    lines: list[bytes], one: float, other: float, seed: int
) -> None:
    smaller, larger = sorted((one, other))

    kept = trained(lines, ContentSplit(smaller, seed))

    assert kept <= trained(lines, ContentSplit(larger, seed))


@repeatable
@given(many_lines, seeds)
def test_a_share_of_one_holds_nothing_out(lines: list[bytes], seed: int) -> None:
    assert trained(lines, ContentSplit(1, seed)) == set(lines)


@repeatable
@given(st.sampled_from([0.1, 0.5, 0.8, 0.9, 0.99]), st.integers(0, 1000))
def test_the_share_is_met_on_average(share: float, seed: int) -> None:
    split, rows = ContentSplit(share, seed), 20_000
    five_sigma = 5 * (rows * share * (1 - share)) ** 0.5

    kept = len(trained([b"row %d" % number for number in range(rows)], split))

    assert abs(kept - rows * share) < five_sigma


def test_another_seed_holds_out_other_rows() -> None:
    lines = [b"row %d" % number for number in range(1000)]

    assert trained(lines, ContentSplit(0.5, 1)) != trained(lines, ContentSplit(0.5, 2))


def test_only_a_share_below_one_has_a_holdout() -> None:
    assert ContentSplit(0.999, 42).has_holdout
    assert not ContentSplit(1, 42).has_holdout


def test_the_row_nearest_to_the_empty_side_changes_sides() -> None:
    assert rescued([5, 9, 2], "holdout") == 9
    assert rescued([5, 9, 2], "train") == 2
