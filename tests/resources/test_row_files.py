"""Files of every format, whole and damaged, read by `resources.row_files`."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, cast

import pytest

from osft_assets.core.errors import DatasetError, RowError
from osft_assets.core.ports import RowBatch
from osft_assets.core.rows import RowParser
from resources.row_files import RowFile, is_data_file, read_files
from tests.fakes import chat, chats, lines

Rows = Sequence[Mapping[str, Any]]
ROWS = [*chats(3), chat("Größe?", "Zwei,\t„drei“\nund \U0001f600")]


def array(rows: Rows) -> bytes:
    return json.dumps(list(rows), indent=1).encode()


def parquet(rows: Rows, **options: Any) -> bytes:
    import pyarrow
    import pyarrow.parquet

    keys = dict.fromkeys(key for row in rows for key in row)  # Arrow looks at the first row only
    stream = io.BytesIO()
    complete = [{key: row.get(key) for key in keys} for row in rows]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(complete), stream, **options)
    return stream.getvalue()


def table(rows: Rows, delimiter: str = ",") -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow(
            cell if isinstance(cell, str) else json.dumps(cell) for cell in row.values()
        )
    return stream.getvalue().encode()


def tabbed(rows: Rows) -> bytes:
    return table(rows, "\t")


def plain(content: bytes) -> bytes:
    return content


def zstd(content: bytes) -> bytes:
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


FORMATS: dict[str, Callable[[Rows], bytes]] = {
    "jsonl": lines,
    "json": array,
    "parquet": parquet,
    "csv": table,
    "tsv": tabbed,
}
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {"": plain, ".gz": gzip.compress, ".zst": zstd}
every_format = pytest.mark.parametrize("name", FORMATS)
every_compression = pytest.mark.parametrize("suffix", COMPRESSIONS)


class Unseekable(io.RawIOBase):
    """A stream such as the web gives. Counts what was taken from it."""

    def __init__(self, *parts: Iterator[bytes]) -> None:
        self.taken = 0
        self._parts = (part for several in parts for part in several)
        self._held = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        held = self._held or next(self._parts, b"")
        block, self._held = held[: len(buffer)], held[len(buffer) :]
        buffer[: len(block)] = block
        self.taken += len(block)
        return len(block)


def read(name: str, content: bytes) -> list[RowBatch]:
    return list(read_files([RowFile(name, lambda: io.BytesIO(content))]))


def canonical(batches: Sequence[RowBatch]) -> list[bytes]:
    """The rows as training gets them; a bad one raises with its place, as a run reports it."""
    parser, parsed = RowParser(), []
    for batch in batches:
        for index, raw in enumerate(batch.rows):
            if raw is None:
                continue
            try:
                parsed.append(parser.parse(raw))
            except RowError as problem:
                raise DatasetError(f"{batch.place(index)}: {problem}") from problem
    return parsed


EXPECTED = [RowParser().parse(row) for row in ROWS]


@every_format
@every_compression
def test_the_same_rows_come_out_of_every_format(name: str, suffix: str) -> None:
    content = COMPRESSIONS[suffix](FORMATS[name](ROWS))

    batches = read(f"data.{name}{suffix}", content)

    assert canonical(batches) == EXPECTED


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.json", lines(ROWS)),
        ("data.jsonl", array(ROWS)),
        ("data.ndjson", lines(ROWS)),
        ("data.parquet", lines(ROWS)),
        ("data.parquet", array(ROWS)),
        ("data.csv", parquet(ROWS)),
        ("data.csv", lines(ROWS)),
        ("data.csv", array(ROWS)),
        ("data.jsonl", parquet(ROWS)),
        ("download", lines(ROWS)),
        ("download", array(ROWS)),
        ("download", parquet(ROWS)),
        ("DATA.CSV", table(ROWS)),
        ("data.jsonl", gzip.compress(lines(ROWS))),
        ("data.jsonl", zstd(lines(ROWS))),
        ("data.jsonl.gz", lines(ROWS)),
        ("data.jsonl.gz", zstd(lines(ROWS))),
        ("data.json", b"\n  \n" + array(ROWS)),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:4]),
)
def test_a_file_is_what_its_content_says_whatever_its_name(name: str, content: bytes) -> None:
    batches = read(name, content)

    assert canonical(batches) == EXPECTED


@every_format
@every_compression
def test_places_are_right_in_a_file_of_many_blocks(name: str, suffix: str) -> None:
    rows = [{"number": str(number), "padding": "x" * 400} for number in range(1, 6001)]

    batches = read(f"data.{name}{suffix}", COMPRESSIONS[suffix](FORMATS[name](rows)))

    found = [
        (batch.first + index, json.loads(row) if isinstance(row, bytes) else row)
        for batch in batches
        for index, row in enumerate(batch.rows)
        if row is not None
    ]
    assert len(batches) > 1
    assert found == list(enumerate(rows, start=1))


@every_format
@every_compression
def test_bytes_read_grows_to_the_size_of_the_file(name: str, suffix: str) -> None:
    rows = [{"number": str(number), "padding": "x" * 400} for number in range(1, 6001)]
    content = COMPRESSIONS[suffix](FORMATS[name](rows))

    counts = [batch.bytes_read for batch in read(f"data.{name}{suffix}", content)]

    assert counts == sorted(counts)
    assert counts[-1] == len(content)


def test_bytes_read_goes_on_from_file_to_file() -> None:
    content = lines(ROWS)
    files = [RowFile(f"{number}.jsonl", lambda: io.BytesIO(content)) for number in range(3)]

    batches = list(read_files(files))

    assert [batch.file for batch in batches] == ["0.jsonl", "1.jsonl", "2.jsonl"]
    assert [batch.bytes_read for batch in batches] == [len(content) * n for n in (1, 2, 3)]


def test_every_file_counts_its_lines_from_one() -> None:
    files = [RowFile(f"{number}.jsonl", lambda: io.BytesIO(lines(ROWS))) for number in range(2)]

    places = [batch.place(0) for batch in read_files(files)]

    assert places == ["0.jsonl line 1", "1.jsonl line 1"]


@pytest.mark.parametrize("name", ["data.jsonl", "data.csv", "data.tsv"])
def test_windows_line_ends_change_nothing(name: str) -> None:
    rows = chats(3)
    content = FORMATS[name.partition(".")[2]](rows).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    batches = read(name, content)

    assert canonical(batches) == [RowParser().parse(row) for row in rows]


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b"  \t\n"])
def test_blank_lines_are_counted_but_are_no_rows(blank: bytes) -> None:
    first, second = (lines([row]) for row in chats(2))

    (batch,) = read("data.jsonl", first + blank * 2 + second)

    assert [row is None for row in batch.rows] == [False, True, True, False]
    assert batch.place(3) == "data.jsonl line 4"


def test_blank_lines_keep_the_places_right_in_the_blocks_that_follow() -> None:
    content = b"\n".join(b'{"padding": "%s"}\n' % (b"x" * 400) for _ in range(6000))

    batches = read("data.jsonl", content)

    numbers = [
        batch.first + index
        for batch in batches
        for index, row in enumerate(batch.rows)
        if row is not None
    ]
    assert len(batches) > 1
    assert numbers == list(range(1, 12_000, 2))


@every_format
def test_a_last_line_without_its_newline_is_a_row(name: str) -> None:
    content = FORMATS[name](ROWS).rstrip() if name != "parquet" else parquet(ROWS)

    batches = read(f"data.{name}", content)

    assert canonical(batches) == EXPECTED


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_a_file_of_several_compressed_parts_is_read_to_its_end(
    compress: Callable[[bytes], bytes],
) -> None:
    content = compress(lines(ROWS[:2])) + compress(lines(ROWS[2:]))

    batches = read("data.jsonl", content)

    assert canonical(batches) == EXPECTED


def test_parquet_is_read_from_a_stream_that_cannot_seek() -> None:
    stream = Unseekable(iter([parquet(ROWS)]))

    batches = list(read_files([RowFile("data.parquet", lambda: cast(BinaryIO, stream))]))

    assert canonical(batches) == EXPECTED


def test_a_stream_that_gives_a_few_bytes_at_a_time_is_read_whole() -> None:
    stream = Unseekable(bytes([byte]) for byte in lines(ROWS))

    batches = list(read_files([RowFile("data", lambda: cast(BinaryIO, stream))]))

    assert canonical(batches) == EXPECTED


@pytest.mark.parametrize("write", [lines, array, parquet])
def test_rows_with_different_keys_keep_what_each_has(write: Callable[[Rows], bytes]) -> None:
    thinking = chat("Why?", "Because.")
    thinking["messages"][1]["reasoning_content"] = "Hm."
    rows = [chat("What?", "That."), thinking, chat("Who?", "You.", unmask=True)]

    batches = read("data", write(rows))

    assert canonical(batches) == [RowParser().parse(row) for row in rows]


def test_an_empty_cell_is_no_value() -> None:
    content = b"instruction,input,output\nAdd,,2\nAdd,1 and 1,2\n"

    (batch,) = read("data.csv", content)

    assert batch.rows == [
        {"instruction": "Add", "input": None, "output": "2"},
        {"instruction": "Add", "input": "1 and 1", "output": "2"},
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [("Add", "fewer cells than the header"), ("Add,2,3", "more cells than the header")],
)
def test_a_csv_row_of_another_width_is_one_bad_row(row: str, reason: str) -> None:
    (batch,) = read("data.csv", f"instruction,output\n{row}\nSay hi,hi\n".encode())

    with pytest.raises(RowError, match=reason):
        RowParser().parse(batch.rows[0])
    assert RowParser().parse(batch.rows[1])


def test_a_csv_cell_of_endless_brackets_is_one_bad_row() -> None:
    (batch,) = read("data.csv", b"messages\n" + b"[" * 100_000 + b"\n")

    with pytest.raises(RowError, match="messages is text"):
        RowParser().parse(batch.rows[0])


GOOD = lines(ROWS)


@pytest.mark.parametrize(
    ("name", "content", "expected_error"),
    [
        ("data.jsonl", b"", r"^data.jsonl is empty\."),
        ("data.csv", b"", r"^data.csv is empty\."),
        ("data.parquet", b"", r"^data.parquet is empty\."),
        ("data.jsonl.gz", gzip.compress(b""), r"^data.jsonl.gz is empty\."),
        ("data.jsonl.zst", zstd(b""), r"^data.jsonl.zst is empty\."),
        ("data.jsonl", b"\xef\xbb\xbf" + GOOD, "^data.jsonl begins with a byte-order mark"),
        ("data.csv", b"\xef\xbb\xbf" + table(ROWS), "^data.csv begins with a byte-order mark"),
        ("data.jsonl", GOOD.decode().encode("utf-16"), "^data.jsonl begins with a byte-order mark"),
        ("a.gz", gzip.compress(b"\xef\xbb\xbf" + GOOD), "^a.gz begins with a byte-order mark"),
        ("data.jsonl", GOOD.decode().replace("\U0001f600", "").encode("cp1252"),
         "^data.jsonl line 4: not UTF-8 text"),
        ("data.csv", "document\ngut\nGröße\n".encode("latin-1"),
         "^data.csv is not UTF-8 text, near line [1-9]"),
        ("data.jsonl.gz", gzip.compress(GOOD)[:-20], "^data.jsonl.gz is damaged or cut off"),
        ("data.csv.gz", gzip.compress(table(ROWS))[:-20], "^data.csv.gz is damaged or cut off"),
        ("data.parquet.gz", gzip.compress(parquet(ROWS))[:-20],
         "^data.parquet.gz is damaged or cut off"),
        ("data.jsonl.zst", zstd(GOOD)[:-20], "^data.jsonl.zst is damaged or cut off"),
        ("data.jsonl.gz", gzip.compress(GOOD)[:40] + b"\0" * 40 + gzip.compress(GOOD)[80:],
         "^data.jsonl.gz is damaged or cut off"),
        ("data.jsonl.zst", zstd(GOOD)[:40] + b"\0" * 40 + zstd(GOOD)[80:],
         "^data.jsonl.zst is damaged or cut off"),
        ("data.jsonl", GOOD + b"\n" + b'{"messages": [}\n', "^data.jsonl line 6: malformed JSON"),
        ("data.jsonl", GOOD[:-20], "^data.jsonl line 4: malformed JSON"),
        ("data.jsonl", GOOD.replace(b"\n", b""), "^data.jsonl line 1: malformed JSON"),
        ("data.jsonl", GOOD + b"7\n", "^data.jsonl line 5: found a number, expected an object"),
        ("data.json", array(ROWS)[:-20], "^data.json: malformed JSON array: .*truncated"),
        ("data.json", b'[\n{"a": 1},\n\n{"a": ]}\n]\n',
         r"^data.json: malformed JSON array: .*, line 4\. "),
        ("data.json", b'["a",\n"b"]', "^data.json row 1: found text, expected an object"),
        ("data.parquet", parquet(ROWS)[:-20], "^data.parquet is not a whole Parquet file"),
        ("data.parquet", b"PAR1", "^data.parquet is not a whole Parquet file"),
        ("data.csv", b"document,document\na,b\n", "^data.csv has two columns document"),
        ("data.csv", b'document\ngood\n"bad\n', r"^data.csv line \d: unexpected end of data"),
        ("data.csv", b'document\ngood\n"bad" quotes\n', "^data.csv line 3: "),
        ("data", b"<!DOCTYPE html><html>Log in</html>", "^data is none of JSONL, JSON, CSV"),
        ("data.parquet", b"<html>Log in</html>", "^data.parquet is none of JSONL, JSON, CSV"),
        ("data.jsonl", b"<html>Log in</html>", "^data.jsonl line 1: malformed JSON"),
        ("data.xlsx", b"PK\x03\x04", "^data.xlsx is none of JSONL, JSON, CSV, Parquet"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_bad_file_is_refused_with_its_place(
    name: str, content: bytes, expected_error: str
) -> None:
    with pytest.raises(DatasetError, match=expected_error):
        canonical(read(name, content))


def test_a_damaged_parquet_page_is_refused() -> None:
    content = bytearray(parquet(chats(50), compression="zstd", use_dictionary=False))
    content[10:200] = b"\xff" * 190

    with pytest.raises(DatasetError, match=r"^data\.parquet is "):
        read("data.parquet", bytes(content))


def test_parquet_text_that_is_not_utf_8_is_refused() -> None:
    import pyarrow.parquet

    offsets = pyarrow.py_buffer((0).to_bytes(4, "little") + (4).to_bytes(4, "little"))
    bad = pyarrow.StringArray.from_buffers(1, offsets, pyarrow.py_buffer(b"Gr\xf6n"))
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"document": bad}), stream)

    with pytest.raises(DatasetError, match=r"^data\.parquet.* UTF-8"):
        read("data.parquet", stream.getvalue())


@pytest.mark.parametrize(
    ("name", "head", "expected_error"),
    [
        ("data.jsonl", lines(chats(2)), r"^data\.jsonl line 3 is longer than 16 MiB"),
        ("data.csv", b"document\nshort\n", r"^data\.csv line 3: longer than 16 MiB"),
    ],
)
def test_an_endless_row_is_refused_before_it_fills_the_memory(
    name: str, head: bytes, expected_error: str
) -> None:
    row_bytes = 50 * 2**20
    stream = Unseekable(iter([head]), (b"a" * 2**20 for _ in range(row_bytes // 2**20)))

    with pytest.raises(DatasetError, match=expected_error):
        list(read_files([RowFile(name, lambda: cast(BinaryIO, stream))]))

    assert stream.taken < row_bytes / 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train.jsonl", True),
        ("train.JSON", True),
        ("train.csv.gz", True),
        ("deep/train.parquet", True),
        ("train.tsv.zst", True),
        ("README.md", False),
        ("archive.gz", False),
        (".train.jsonl", False),
        ("_SUCCESS.json", False),
        ("deep/.train.jsonl", False),
    ],
)
def test_data_files_are_told_by_their_names(name: str, expected: bool) -> None:
    assert is_data_file(name) is expected
