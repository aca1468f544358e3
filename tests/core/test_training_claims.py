"""Every claim about a checkpoint can hold, and can fail."""

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.checkpoint import CheckpointVersion
from osft_assets.core.model_records import ModelFindings
from osft_assets.core.training_claims import CLAIMS, MOST_LEAK, WARNINGS, Verdict, claims_of, judge
from osft_assets.core.training_job import Certificate, RowAccount
from tests.core.training_parts import BASE, ROWS, checkpoint, outcome
from tests.fakes import certificate

FOUND = ModelFindings(
    architecture=BASE.architecture,
    parameters=1000,
    dtype="float32",
    size_bytes=4000,
    has_chat_template=True,
)


def verdict(name: str, directory: Path, found: ModelFindings = FOUND, **values: Any) -> Verdict:
    """What is found of one claim."""
    return judge(directory, checkpoint(directory, **values), found)[name]


def certified(leak: float = 1e-5, **values: Any) -> dict[str, Any]:
    return {"outcome": outcome(certificate=certificate(leak, **values))}


def test_every_claim_holds_of_a_good_checkpoint(tmp_path: Path) -> None:
    verdicts = judge(tmp_path, checkpoint(tmp_path), FOUND)

    assert verdicts.keys() == CLAIMS.keys()
    assert {name for name, verdict in verdicts.items() if not verdict.passed} == set()


@pytest.mark.parametrize("algorithm", ["osft", "sft"])
def test_what_is_claimed_is_what_is_judged(tmp_path: Path, algorithm: Any) -> None:
    version = checkpoint(tmp_path, algorithm=algorithm)

    assert judge(tmp_path, version, FOUND).keys() == claims_of(algorithm).keys()


def test_sft_promises_nothing_about_a_frozen_subspace() -> None:
    assert CLAIMS.keys() - claims_of("sft").keys() == {"frozen_subspace_was_kept"}
    assert CLAIMS.keys() >= WARNINGS


# Each of them alone


@pytest.mark.parametrize("steps", [3, 5])
def test_another_number_of_steps_is_no_complete_training(tmp_path: Path, steps: int) -> None:
    found = verdict("training_is_complete", tmp_path, outcome=outcome(expected_steps=steps))

    assert not found.passed
    assert found.seen == {"steps": 4, "expected_steps": steps, "loss_is_finite": True}


def change(path: Path) -> None:
    path.write_bytes(b"WEIGHTS")  # as long as before


def truncate(path: Path) -> None:
    path.write_bytes(b"wei")


def move(path: Path) -> None:
    path.rename(path.with_name("other.safetensors"))


def add(path: Path) -> None:
    path.with_name("adapter.safetensors").write_bytes(b"more")


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        (change, "model.safetensors"),
        (truncate, "model.safetensors"),
        (Path.unlink, "model.safetensors"),
        (move, "model.safetensors, other.safetensors"),
        (add, "adapter.safetensors"),
    ],
)
def test_a_file_that_is_not_as_written_is_named(
    tmp_path: Path, damage: Callable[[Path], None], names: str
) -> None:
    version = checkpoint(tmp_path)
    damage(tmp_path / "model/model.safetensors")

    found = judge(tmp_path, version, FOUND)["files_are_as_written"]

    assert not found.passed
    assert found.seen["changed_files"] == names
    assert found.remedy


@pytest.mark.parametrize(
    "change",
    [
        {"config_problem": "no config"},
        {"tokenizer_problem": "no tokenizer"},
        {"weights_problem": "NaN"},
        {"architecture": "LlamaForCausalLM"},
        {"has_chat_template": False},
    ],
)
def test_a_model_that_is_not_what_it_was_cannot_be_loaded(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    found = verdict("model_can_be_loaded", tmp_path, FOUND.model_copy(update=change))

    assert not found.passed
    assert set(change.values()) & set(found.seen.values())


def test_a_base_without_a_template_needs_none_afterwards(tmp_path: Path) -> None:
    bare = BASE.model_copy(update={"has_chat_template": False})
    without = FOUND.model_copy(update={"has_chat_template": False})

    assert verdict("model_can_be_loaded", tmp_path, without, base_model=bare).passed


@pytest.mark.parametrize(
    "values",
    [
        certified(MOST_LEAK),
        certified(math.nan),
        certified(math.inf),
        certified(leak_left=0.0, leak_right=math.nan),
        certified(leak_left=0.0, leak_right=0.1),
        certified(rank=17),
    ],
    ids=["at the bound", "nan", "infinite", "nan on one side", "one side", "rank"],
)
def test_a_broken_guarantee_names_the_matrix(tmp_path: Path, values: dict[str, Any]) -> None:
    found = verdict("frozen_subspace_was_kept", tmp_path, **values)

    assert not found.passed
    assert found.seen["broken_matrices"] == "layers.0.q_proj.weight"


def test_what_32_bits_round_away_of_a_small_update_is_no_leak(tmp_path: Path) -> None:
    """Measured: 12 steps at a learning rate of 5e-6."""
    found = verdict("frozen_subspace_was_kept", tmp_path, **certified(1.1e-3, update=1.4e-4))

    assert found.passed
    assert found.seen["worst_leak"] == 1.1e-3
    assert found.seen["worst_leak_of_the_matrix"] < 1e-6


@pytest.mark.parametrize("leak", [0.1, 0.7])
def test_a_leak_of_a_small_update_is_still_found(tmp_path: Path, leak: float) -> None:
    """Without the projection of the parameters, and with SFT, as measured."""
    values = certified(leak, update=1.4e-4)

    assert not verdict("frozen_subspace_was_kept", tmp_path, **values).passed


def test_one_broken_matrix_among_good_ones_is_enough(tmp_path: Path) -> None:
    good, bad = certificate().matrices[0], certificate(0.1, name="bad").matrices[0]
    both = certificate().model_copy(update={"matrices": (good, bad, good)})

    found = verdict("frozen_subspace_was_kept", tmp_path, outcome=outcome(certificate=both))

    assert not found.passed
    assert found.seen["broken_matrices"] == "bad"
    assert found.seen["worst_leak"] == 0.1


@pytest.mark.parametrize("order", [1, -1])
def test_the_worst_leak_of_a_matrix_that_cannot_be_told_is_not_a_number(order: int) -> None:
    """Or the page would show the worst of the others."""
    matrices = (certificate().matrices[0], certificate(math.nan).matrices[0])[::order]

    assert math.isnan(certificate().model_copy(update={"matrices": matrices}).worst_leak)


@pytest.mark.parametrize(
    "told", [None, certificate().model_copy(update={"matrices": ()})], ids=["none", "empty"]
)
def test_osft_without_a_certificate_is_not_believed(
    tmp_path: Path, told: Certificate | None
) -> None:
    found = verdict("frozen_subspace_was_kept", tmp_path, outcome=outcome(certificate=told))

    assert not found.passed
    assert found.remedy == "Training made no certificate."


def test_a_certificate_that_could_not_be_measured_is_still_read_from_its_file(
    tmp_path: Path,
) -> None:
    version = checkpoint(tmp_path, **certified(math.nan, rounding=math.inf))

    again = CheckpointVersion.model_validate_json(version.model_dump_json())

    assert not judge(tmp_path, again, FOUND)["frozen_subspace_was_kept"].passed
    assert repr(again) == repr(version)


@pytest.mark.parametrize(
    ("losses", "passed"),
    [
        ((4.0, 3.0, 2.5, 2.0), True),
        ((2.0, 1.9, 1.8, 1.9), False),  # no more than from one step to the next
        ((2.0, 3.0, 1.9), False),
        ((2.0, 1.0, 2.0), False),
        ((2.0,), False),
        ((1.3, *(1.0, 1.1) * 15), False),  # a first step that is out of line is not the first tenth
        ((1.0, *(3.0, 3.1) * 9, *(2.0, 2.1) * 9), True),
    ],
)
def test_the_loss_fell_if_its_end_is_below_its_beginning_by_more_than_noise(
    tmp_path: Path, losses: tuple[float, ...], passed: bool
) -> None:
    assert verdict("loss_fell", tmp_path, losses=losses).passed is passed


def test_with_nothing_learnt_the_loss_rarely_fell(tmp_path: Path) -> None:
    """Half of these runs end below where they began."""
    dice = random.Random(0)
    runs = [tuple(dice.gauss(2.0, 0.1) for _ in range(40)) for _ in range(200)]

    fell = [
        verdict("loss_fell", tmp_path / str(number), losses=losses).passed
        for number, losses in enumerate(runs)
    ]

    assert sum(fell) <= 10


def test_rows_that_were_left_out_are_counted_by_reason(tmp_path: Path) -> None:
    rows = RowAccount(
        given=1_010, trained=1_000, too_short_or_long=5, over_gpu_limit=3, without_loss=2
    )

    found = verdict("every_row_was_trained_on", tmp_path, outcome=outcome(rows=rows))

    assert not found.passed
    assert found.seen == rows.model_dump()
    assert found.remedy.startswith("10 of 1,010 rows were left out: 5 under 20 tokens or of max_")
    assert ROWS.given == ROWS.trained  # the account that the other tests pass with
