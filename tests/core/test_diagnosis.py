"""What the doctor makes of what it sees."""

import pytest

from osft_assets.core.diagnosis import (
    TOKENS,
    Place,
    Torch,
    can_train,
    judge_accelerators,
    judge_dagster_home,
    judge_local_registry,
    judge_python,
    judge_shared_memory,
    judge_tokens,
    judge_torch,
    judge_versions,
    judge_workspace,
)

_GIB = 2**30


@pytest.mark.parametrize(
    ("torch", "verdict", "said"),
    [
        (Torch("2.13.0", "13.0", ("H100, 80 GiB",), driver="580"), "ok", "H100, 80 GiB"),
        (Torch("2.13.0+cpu"), "ok", "on the CPU"),
        (Torch("2.13.0+cpu", driver="580.1"), "warn", "Install torch from PyPI"),
        (Torch("2.13.0", "13.0", driver="470.1"), "warn", "Update the driver to one for CUDA 13.0"),
        (Torch(problem="not installed"), "FAIL", "osft-assets[train]"),
    ],
)
def test_torch_and_driver_are_told_in_words(torch: Torch, verdict: str, said: str) -> None:
    finding = judge_torch(torch)

    assert finding.verdict == verdict
    assert said in finding.found + finding.remedy


@pytest.mark.parametrize(
    ("place", "verdicts"),
    [
        (Place("w", "ext4", 100 * _GIB), ["ok", "ok"]),
        (Place("w", "ext4", 10 * _GIB), ["ok", "warn"]),
        (Place("w", "ext4", 1 * _GIB), ["ok", "FAIL"]),
        (Place("w", "fuse.s3fs", 100 * _GIB, lacks=("flock",)), ["FAIL"]),
        (Place("w", problem="cannot be written: Permission denied"), ["FAIL"]),
    ],
)
def test_a_workspace_that_cannot_hold_results_fails(place: Place, verdicts: list[str]) -> None:
    assert [finding.verdict for finding in judge_workspace(place)] == verdicts


def test_what_is_not_ok_says_what_to_do() -> None:
    found = [
        judge_python((3, 13, 0)),
        *judge_accelerators({"flash-attn": False}, has_gpu=True),
        *judge_versions({"torch": "1"}, {"torch": "2", "lm-eval": "0.4"}, ["torch"]),
        judge_shared_memory(64 * 2**20, has_gpu=True),
        judge_dagster_home("", "", None),
        judge_dagster_home("/home", "dagster.yaml cannot be read", None),
        judge_dagster_home("/home", "", None),
        judge_local_registry("/x", "file is not a database"),
    ]

    assert [one.name for one in found if one.verdict == "ok" or not one.remedy] == []
    assert not can_train(found)


def test_warnings_do_not_keep_from_training() -> None:
    assert can_train(
        [judge_dagster_home("", "", None), *judge_accelerators({"x": False}, has_gpu=True)]
    )


def test_a_trainer_that_is_missing_fails_and_the_evaluator_warns() -> None:
    missing = judge_versions({}, {"training-hub": "1", "lm-eval": "2"}, ["training-hub"])

    assert [(one.name, one.verdict) for one in missing] == [
        ("training-hub", "FAIL"),
        ("lm-eval", "warn"),
    ]


def test_of_a_token_only_its_name_is_known() -> None:
    told = judge_tokens({name: name == "HF_TOKEN" for name in TOKENS})

    assert [one.found for one in told if one.name == "HF_TOKEN"] == ["set"]
    assert all(one.verdict == "ok" for one in told)
