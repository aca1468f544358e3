"""The same trainings on a GPU, with Training Hub's own backends and torchrun: `make test-gpu`."""

from pathlib import Path

import pytest

from tests.training.runs import Run, Tiny, make_job, make_tiny, train
from tests.training.weights import is_projection, loads_clean, tensors

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(900)]


@pytest.fixture(scope="session", autouse=True)
def cuda() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    directory = tmp_path_factory.mktemp("tiny") / "opt"
    directory.mkdir()
    return make_tiny(directory / "model")


def _losses(run: Run) -> list[float]:
    import pyarrow.parquet as pq

    losses: list[float] = pq.read_table(run.directory / "steps.parquet")["loss"].to_pylist()
    return losses


@pytest.mark.parametrize("strict", [False, True])
def test_osft_keeps_its_promise(strict: bool, tiny: Tiny, tmp_path: Path) -> None:
    settings = {"freeze_unconstrained": strict, "learning_rate": 1e-2, "validation_frequency": 4}
    run = train(make_job(tiny, tmp_path / "run", "osft", **settings))
    certificate = run.outcome.certificate
    assert certificate is not None
    before, after = tensors(tiny.model), tensors(run.model)

    assert run.outcome.backend == "mini-trainer"
    assert run.outcome.device != "cpu"
    assert run.outcome.world_size == 1
    assert run.outcome.peak_memory_gb > 0
    assert _losses(run)[-1] < 0.95 * _losses(run)[0]
    assert certificate.worst_leak < 1e-4
    assert all(0 < matrix.rank <= matrix.free_rank for matrix in certificate.matrices)
    assert loads_clean(run.model)
    for name in before:
        assert after[name].equal(before[name]) == (strict and not is_projection(name))


@pytest.mark.parametrize("only_matrices", [False, True])
def test_sft_trains(only_matrices: bool, tiny: Tiny, tmp_path: Path) -> None:
    settings = {"validation_frequency": 4, "lr_scheduler": "constant", "checkpoint_at_epoch": False}
    settings["freeze_unconstrained"] = only_matrices
    run = train(make_job(tiny, tmp_path / "run", "sft", **settings))
    before, after = tensors(tiny.model), tensors(run.model)

    assert run.outcome.backend == "instructlab-training"
    assert run.outcome.peak_memory_gb > 0
    assert _losses(run)[-1] < 0.9 * _losses(run)[0]
    assert loads_clean(run.model)
    for name in before:
        assert after[name].equal(before[name]) == (only_matrices and not is_projection(name))


def test_a_16_bit_model_stays_one(tmp_path: Path) -> None:
    import torch

    directory = tmp_path / "tiny"
    directory.mkdir()
    small = make_tiny(directory / "model", "bfloat16")

    for algorithm in ("osft", "sft"):
        run = train(make_job(small, tmp_path / algorithm, algorithm, num_epochs=1))
        assert {weight.dtype for weight in tensors(run.model).values()} == {torch.bfloat16}


def test_what_attention_is_computed_with_is_on_record(tiny: Tiny, tmp_path: Path) -> None:
    from resources.training_machine import find_machine

    run = train(make_job(tiny, tmp_path / "run", "osft", num_epochs=1))
    flash = find_machine("osft").has_flash_attention

    assert run.outcome.attention == ("flash_attention_2" if flash else "sdpa")
    assert any("SDPA" in note for note in run.outcome.notes) != flash
