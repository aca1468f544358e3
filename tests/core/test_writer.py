"""One JSONL file, hashed and measured while it is written."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.records import SplitFile
from osft_assets.core.writer import SplitWriter
from tests.core.properties import repeatable


def written(path: Path, lines: list[bytes]) -> SplitFile:
    with SplitWriter(path) as writer:
        for line in lines:
            writer.add(line)
    return writer.file


@repeatable
@given(
    st.lists(st.binary(min_size=1, max_size=40).filter(lambda line: b"\n" not in line), max_size=30)
)
def test_the_record_describes_the_real_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("writer") / "train.jsonl"

    file = written(path, lines)

    content = path.read_bytes()
    assert content == b"".join(line + b"\n" for line in lines)
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert (file.name, file.rows, file.size_bytes) == ("train.jsonl", len(lines), len(content))


def test_more_lines_than_a_block_holds_stay_in_order(tmp_path: Path) -> None:
    lines = [b"%d" % number for number in range(2_500)]

    file = written(tmp_path / "train.jsonl", lines)

    assert (tmp_path / "train.jsonl").read_bytes().splitlines() == lines
    assert file.rows == 2_500


def test_lines_are_counted_in_fourths_of_a_doubling_of_their_length(tmp_path: Path) -> None:
    lines = [b"x" * length for length in (1, 2, 3, 4, 4, 7, 1024)]

    file = written(tmp_path / "train.jsonl", lines)

    assert file.length_buckets == ((0, 1), (4, 1), (6, 1), (8, 2), (11, 1), (40, 1))


def test_no_lines_make_an_empty_file(tmp_path: Path) -> None:
    file = written(tmp_path / "eval.jsonl", [])

    assert (tmp_path / "eval.jsonl").read_bytes() == b""
    assert (file.rows, file.size_bytes, file.length_buckets) == (0, 0, ())


def fail_while_writing(path: Path) -> None:
    with SplitWriter(path) as writer:
        writer.add(b"collected, not written")
        raise KeyError


def test_an_error_leaves_collected_lines_unwritten(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        fail_while_writing(tmp_path / "train.jsonl")

    assert (tmp_path / "train.jsonl").read_bytes() == b""
