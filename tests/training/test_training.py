"""Real trainings of a tiny model on the CPU, through the worker."""

import json
from pathlib import Path

import pytest

from tests.training.conftest import Trained
from tests.training.nodes import GLOO_WORKER
from tests.training.runs import Run, Tiny, write_rows
from tests.training.weights import is_projection, leak, loads_clean, tensors

pytestmark = pytest.mark.timeout(300)


def _losses(run: Run) -> list[float]:
    return [loss for loss in _column(run, "loss") if loss is not None]


def _column(run: Run, name: str) -> list[float | None]:
    import pyarrow.parquet as pq

    values: list[float | None] = pq.read_table(run.directory / "steps.parquet")[name].to_pylist()
    return values


@pytest.mark.parametrize("name", ["osft", "strict", "sft"])
def test_the_loss_falls_and_every_step_is_on_record(
    name: str, request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(name)
    losses = _losses(run)

    assert run.outcome.steps == run.outcome.expected_steps == len(losses) == 12
    assert losses[-1] < 0.9 * losses[0]
    assert all(norm and norm > 0 for norm in _column(run, "grad_norm"))
    assert sum(rows or 0 for rows in _column(run, "rows")) == 2 * 96


@pytest.mark.parametrize("name", ["osft", "strict", "sft"])
def test_the_checkpoint_loads_and_is_as_the_base_model_was(
    name: str, tiny: Tiny, request: pytest.FixtureRequest
) -> None:
    from transformers import AutoConfig, AutoTokenizer

    run: Run = request.getfixturevalue(name)
    config, base = (AutoConfig.from_pretrained(path) for path in (run.model, tiny.model))

    assert loads_clean(run.model)
    assert config.use_cache == base.use_cache
    assert config.dtype == base.dtype
    assert (run.model / "generation_config.json").exists()
    assert (
        AutoTokenizer.from_pretrained(run.model).chat_template
        == AutoTokenizer.from_pretrained(tiny.model).chat_template
    )


def test_the_outcome_says_how_it_was_trained(osft: Run, sft: Run) -> None:
    outcome = osft.outcome

    assert (outcome.backend, sft.outcome.backend) == (
        "mini-trainer-cpu",
        "instructlab-training-cpu",
    )
    assert (outcome.device, outcome.world_size, outcome.attention) == ("cpu", 1, "sdpa")
    assert outcome.versions["rhai-innovation-mini-trainer"] == "0.9.0"
    assert outcome.notes == ("there is no CUDA device here: trained on the CPU, in one process",)
    assert outcome.seconds > 1
    assert 0.2 < outcome.peak_memory_gb < 4
    assert sft.outcome.certificate is None


@pytest.mark.parametrize("name", ["osft", "strict"])
def test_no_update_leaks_into_the_frozen_subspace(
    name: str, request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(name)
    certificate = run.outcome.certificate

    assert certificate is not None
    assert certificate.worst_leak < 1e-4
    for matrix in certificate.matrices:
        assert 0 < matrix.rank <= matrix.free_rank
        assert matrix.update > 1e-3
        assert matrix.rounding == 0  # it is saved in the format it is trained in


def test_the_files_say_the_same_as_the_certificate(tiny: Tiny, osft: Run) -> None:
    certificate = osft.outcome.certificate
    assert certificate is not None

    for matrix in certificate.matrices:
        assert max(leak(tiny.model, osft.model, matrix.name)) < 1e-4


def test_the_control_leaks(tiny: Tiny, sft: Run) -> None:
    names = filter(is_projection, tensors(tiny.model))

    assert min(min(leak(tiny.model, sft.model, name)) for name in names) > 0.3


def test_every_projection_is_constrained_even_below_a_directory_named_opt(
    tiny: Tiny, osft: Run
) -> None:
    weights = tensors(tiny.model)
    certificate = osft.outcome.certificate
    assert certificate is not None

    constrained = {matrix.name for matrix in certificate.matrices}
    assert "/opt/" in str(tiny.model)
    assert constrained == set(filter(is_projection, weights))
    assert certificate.constrained_parameters == sum(weights[n].numel() for n in constrained)
    assert certificate.unconstrained_parameters == sum(
        weight.numel() for name, weight in weights.items() if name not in constrained
    )
    assert certificate.frozen_parameters == 0


def test_osft_changes_what_it_does_not_constrain_and_strict_osft_does_not(
    tiny: Tiny, osft: Run, strict: Run
) -> None:
    before, after, frozen = (tensors(path) for path in (tiny.model, osft.model, strict.model))
    others = [name for name in before if not is_projection(name)]
    certificate = strict.outcome.certificate
    assert certificate is not None

    assert not [name for name in others if after[name].equal(before[name])]
    assert [name for name in others if not frozen[name].equal(before[name])] == []
    assert not [name for name in before if is_projection(name) and frozen[name].equal(before[name])]
    assert certificate.unconstrained_parameters == 0
    assert certificate.frozen_parameters == sum(before[name].numel() for name in others)


def test_every_epoch_is_kept_where_that_was_asked(osft: Run, strict: Run, sft: Run) -> None:
    assert osft.outcome.model == "hf_format/samples_192.0"
    assert osft.outcome.epochs == ("hf_format/samples_96.0",)
    assert loads_clean(osft.directory / "hf_format/samples_96.0")
    assert sft.outcome.model == "hf_format/samples_192"
    assert sft.outcome.epochs == ()
    assert strict.outcome.epochs == ("hf_format/samples_192.0",)


def test_the_best_checkpoint_is_taken_and_no_worse_one_stays(strict: Run) -> None:
    bests = [path.name for path in (strict.directory / "hf_format").glob("*best*")]
    certificates = list((strict.directory / "certificates").glob("*best*"))

    assert strict.outcome.model.endswith("_best_val_loss")
    assert bests == [strict.outcome.model.removeprefix("hf_format/")]
    assert len(certificates) > 1  # it was not the only one


def test_the_loss_on_the_holdout_is_that_of_the_checkpoint_that_was_taken(
    osft: Run, strict: Run, sft: Run
) -> None:
    measured = [loss for loss in _column(strict, "validation_loss") if loss is not None]

    assert strict.outcome.validation_loss is not None
    assert strict.outcome.validation_loss <= min(measured)
    assert sft.outcome.validation_loss == _column(sft, "validation_loss")[-1]
    assert osft.outcome.validation_loss is None


def test_the_loss_on_the_holdout_is_measured_when_it_is_due(strict: Run, sft: Run) -> None:
    measured = [loss is not None for loss in _column(sft, "validation_loss")]
    best = [loss is not None for loss in _column(strict, "validation_loss")]

    assert measured == [step % 4 == 0 for step in range(1, 13)]
    assert best == [step % 5 == 0 for step in range(1, 13)]


def test_the_schedule_is_followed(strict: Run, sft: Run) -> None:
    assert set(_column(sft, "learning_rate")) == {5e-3}
    assert _column(strict, "learning_rate")[:5] == pytest.approx([0, 1e-2, 2e-2, 2e-2, 2e-2])


def test_documents_are_trained_on_in_blocks(documents: Path, trained: Trained) -> None:
    run = trained(
        "sft",
        rows=documents,
        kind="documents",
        is_pretraining=True,
        block_size=64,
        save_samples=16,
        accelerate_full_state_at_epoch=True,
        num_epochs=1,
    )

    assert run.outcome.rows.trained == run.outcome.rows.given == 96
    assert _losses(run)[-1] < _losses(run)[0]
    assert run.outcome.full_states == ("full_state/epoch_0",)
    assert "hf_format/samples_16" in run.outcome.epochs


def test_tokenised_rows_are_trained_on_and_every_one_is_accounted_for(
    osft: Run, trained: Trained, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [
        json.loads(line) for line in (osft.directory / "rows/data.jsonl").read_text().splitlines()
    ]
    rows = [{"input_ids": row["input_ids"], "labels": row["labels"]} for row in rows]
    long = [{name: values * 8 for name, values in row.items()} for row in rows[:3]]
    longer = [{name: values * 16 for name, values in row.items()} for row in rows[:2]]
    silent = [{**row, "labels": [-100] * len(row["labels"])} for row in rows[:5]]
    path = tmp_path_factory.mktemp("tokens") / "train.jsonl"

    run = trained(
        "osft",
        rows=write_rows(path, [*rows, *long, *longer, *silent]),
        kind="tokens",
        use_processed_dataset=True,
        max_tokens_per_gpu=200,
        max_seq_len=420,
        num_epochs=1,
    )

    account = run.outcome.rows
    assert (account.given, account.trained, account.without_loss) == (106, 96, 5)
    assert account.over_gpu_limit + account.too_short_or_long == 5
    assert account.too_short_or_long >= 2
    assert _losses(run)[-1] < _losses(run)[0]


def test_under_torchrun_with_two_processes_fsdp2_keeps_the_promise(tiny: Tiny, fsdp2: Run) -> None:
    run = fsdp2
    before, after = tensors(tiny.model), tensors(run.model)
    certificate = run.outcome.certificate
    assert certificate is not None

    assert (run.outcome.world_size, run.outcome.backend) == (2, "mini-trainer")
    assert certificate.worst_leak < 1e-4
    assert all(0 < matrix.rank <= matrix.free_rank for matrix in certificate.matrices)
    assert _losses(run)[-1] < _losses(run)[0]
    for name, weight in after.items():
        assert weight.equal(before[name]) != is_projection(name)


def test_under_torchrun_with_two_processes_fsdp1_trains_and_saves_the_whole_model(
    tiny: Tiny, fsdp1: Run
) -> None:
    run = fsdp1
    before, after = tensors(tiny.model), tensors(run.model)
    losses, measured = _losses(run), run.outcome.validation_loss
    assert measured is not None

    assert (run.outcome.world_size, run.outcome.backend) == (2, "instructlab-training")
    assert run.outcome.rows.trained == run.outcome.rows.given
    assert losses[-1] < losses[0]
    assert 0.8 < measured / losses[-1] < 1.2  # each rank by itself would tell half of it
    assert None not in _column(run, "grad_norm")
    assert {name: weight.shape for name, weight in after.items()} == {
        name: weight.shape for name, weight in before.items()
    }
    assert not any(weight.equal(before[name]) for name, weight in after.items())


def test_sft_trains_only_the_matrices_when_told(tiny: Tiny, trained: Trained) -> None:
    run = trained("sft", freeze_unconstrained=True, checkpoint_at_epoch=False)
    before, after = tensors(tiny.model), tensors(run.model)

    assert _losses(run)[-1] < _losses(run)[0]
    assert run.outcome.certificate is None
    assert {name for name in after if not after[name].equal(before[name])} == {
        name for name in before if is_projection(name)
    }


def test_under_fsdp1_too_sft_trains_only_the_matrices_when_told(
    tiny: Tiny, trained: Trained
) -> None:
    run = trained(
        "sft",
        *GLOO_WORKER,
        gpu=2,
        asked=("gpu",),
        num_epochs=1,
        checkpoint_at_epoch=False,
        freeze_unconstrained=True,
    )
    before, after = tensors(tiny.model), tensors(run.model)

    assert run.outcome.world_size == 2
    assert _losses(run)[-1] < _losses(run)[0]
    assert {name for name in after if not after[name].equal(before[name])} == {
        name for name in before if is_projection(name)
    }
