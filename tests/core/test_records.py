"""Records: readable on disk, and unchanged when read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from osft_assets.core.records import DatasetVersion, RowCounts, SourceRecord, SplitFile
from tests.core.properties import repeatable

counts = st.integers(0, 100)


@repeatable
@given(counts, counts, counts, counts)
def test_rows_add_up_when_each_is_counted_once(
    invalid: int, duplicate: int, train: int, holdout: int
) -> None:
    read = invalid + duplicate + train + holdout
    parts = {"invalid": invalid, "duplicate": duplicate, "train": train, "holdout": holdout}

    assert RowCounts(read=read, **parts).add_up
    assert not RowCounts(read=read + 1, **parts).add_up


def test_a_version_reads_back_as_it_was_written() -> None:
    file = SplitFile(
        name="train.jsonl", rows=2, size_bytes=9, sha256="ab", length_buckets=((8, 2),)
    )
    version = DatasetVersion(
        fingerprint="f" * 32,
        kind="messages",
        source=SourceRecord(uri="hf://org/name", revision="abc", files=("a.jsonl", "b.jsonl")),
        recipe={"data_split": 0.9, "hf_token": "HF_TOKEN"},
        counts=RowCounts(read=2, invalid=0, duplicate=0, train=2, holdout=0),
        formats={"messages": 2},
        ignored_columns=("id",),
        first_invalid=(),
        train=file,
        holdout=file,
    )

    assert DatasetVersion.model_validate_json(version.model_dump_json()) == version


def test_a_record_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        SourceRecord.model_validate({"uri": "", "revision": "", "files": [], "from_later": 1})
