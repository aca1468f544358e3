"""Lines of something that is still being written."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.line_tail import LineTail
from tests.core.properties import repeatable


class Pipe:
    """Both ends of one."""

    def __init__(self) -> None:
        reader, self._writer = os.pipe()
        self.tail = LineTail(reader)

    def write(self, content: bytes) -> None:
        os.write(self._writer, content)

    def close_writer(self) -> None:
        os.close(self._writer)
        self._writer = -1

    def close(self) -> None:
        os.close(self.tail.descriptor)
        if self._writer >= 0:
            os.close(self._writer)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def test_nothing_was_written_yet(pipe: Pipe) -> None:
    assert pipe.tail.lines() == []
    assert not pipe.tail.ended


def test_a_line_comes_once(pipe: Pipe) -> None:
    pipe.write(b"one\ntwo\n")

    assert pipe.tail.lines() == ["one", "two"]
    assert pipe.tail.lines() == []


def test_half_a_line_waits_for_its_end(pipe: Pipe) -> None:
    pipe.write(b"one\ntw")
    first = pipe.tail.lines()
    pipe.write(b"o\n")

    assert (first, pipe.tail.lines()) == (["one"], ["two"])


def test_a_carriage_return_ends_a_line_and_blank_lines_are_none(pipe: Pipe) -> None:
    pipe.write(b"10%\r20%\r\n\n  \n30%\r")

    assert pipe.tail.lines() == ["10%", "20%", "30%"]


def test_half_a_character_waits_for_its_end(pipe: Pipe) -> None:
    pipe.write("Stra\u00dfe".encode()[:5])
    first = pipe.tail.lines()
    pipe.write("Stra\u00dfe\n".encode()[5:])

    assert (first, pipe.tail.lines()) == ([], ["Stra\u00dfe"])


def test_bytes_that_are_no_text_are_replaced(pipe: Pipe) -> None:
    pipe.write(b"\xff\xfe\n")

    assert pipe.tail.lines() == ["\ufffd\ufffd"]


def test_the_end_is_noticed(pipe: Pipe) -> None:
    pipe.write(b"one\n")
    pipe.close_writer()

    assert pipe.tail.lines() == ["one"]
    assert pipe.tail.ended


def test_the_last_line_may_lack_its_end(pipe: Pipe) -> None:
    pipe.write(b"one\nKilled")
    pipe.close_writer()

    assert pipe.tail.lines() == ["one"]
    assert pipe.tail.rest() == ["Killed"]
    assert pipe.tail.rest() == []


def test_there_is_no_rest_after_a_whole_line(pipe: Pipe) -> None:
    pipe.write(b"one\n")
    pipe.tail.lines()

    assert pipe.tail.rest() == []


def test_who_writes_without_pause_does_not_keep_us() -> None:
    with subprocess.Popen(["yes", "x" * 99], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        tail = LineTail(process.stdout.fileno())
        counts: list[int] = []
        while sum(counts) < 50_000:
            counts.append(len(tail.lines()))
        process.kill()

    assert max(counts) <= 10_486  # a mebibyte


def test_a_file_is_followed_past_its_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"st')
    tail = LineTail(os.open(path, os.O_RDONLY))
    first, ended = tail.lines(), tail.ended
    with path.open("ab") as stream:
        stream.write(b'ep": 2}\n')

    assert (first, ended) == (['{"step": 1}'], True)
    assert tail.lines() == ['{"step": 2}']
    os.close(tail.descriptor)


def test_a_long_file_is_read_in_turns_until_its_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"x" * 99 + b"\n" + b"y" * 3_000_000 + b"\n")
    tail = LineTail(os.open(path, os.O_RDONLY))

    found = tail.lines()
    assert not tail.ended
    while not tail.ended:
        found += tail.lines()

    assert [len(line) for line in found] == [99, 3_000_000]
    os.close(tail.descriptor)


@repeatable
@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_lines_are_the_same_however_they_are_cut(content: bytes, cuts: list[int]) -> None:
    pipe = Pipe()
    found: list[str] = []
    places = sorted({0, len(content), *(min(cut, len(content)) for cut in cuts)})
    for start, end in zip(places, places[1:], strict=False):
        pipe.write(content[start:end])
        found += pipe.tail.lines()
    found += pipe.tail.rest()
    pipe.close()

    whole = content.replace(b"\r", b"\n").split(b"\n")
    assert found == [line.decode(errors="replace") for line in whole if line.strip()]
