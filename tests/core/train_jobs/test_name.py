"""Names that Kubernetes and JobSet accept, the same for the same training of the same run."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.train_jobs.name import labels_of, train_job_name
from tests.core.train_jobs.parts import job


@given(
    pipeline=st.text(max_size=80),
    fingerprint=st.text(alphabet="0123456789abcdef", min_size=8, max_size=64),
    run_id=st.text(max_size=60),
)
def test_a_name_is_short_and_one_that_kubernetes_accepts(**values: Any) -> None:
    told = job(**values)

    name = train_job_name(told)

    assert len(name) <= 40
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
    for value in labels_of(told).values():
        assert re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", value)


def test_the_same_training_of_the_same_run_has_the_same_name() -> None:
    assert train_job_name(job()) == train_job_name(job()) == "osft-lessons-feedfeed-0123abcd"


@pytest.mark.parametrize("other", [{"run_id": "fedcba98"}, {"fingerprint": "beef" * 8}])
def test_another_run_and_another_training_have_names_of_their_own(other: dict[str, str]) -> None:
    assert train_job_name(job(**other)) != train_job_name(job())


def test_without_a_run_every_name_is_new() -> None:
    assert train_job_name(job(run_id="")) != train_job_name(job(run_id=""))
