"""A model is asked each thing once: what is kept, and what makes it be asked again."""

from pathlib import Path

import pytest

from osft_assets.core.errors import OsftError
from tests.evaluation.parts import (
    CHATS,
    FACTS,
    choices_task,
    generation_task,
    make_job,
    rows_to_score,
    run,
    samples,
    score,
    value,
    write_rows,
)


def without_weights(model: Path) -> Path:
    """Nobody can load it any more; its tokenizer is still there."""
    (model / "model.safetensors").unlink()
    return model


def test_a_second_run_answers_from_the_first_and_loads_no_model(
    data: Path, model: Path, tmp_path: Path
) -> None:
    rows = rows_to_score(tmp_path / "eval.jsonl", CHATS)
    job = make_job(
        tmp_path, choices_task(data), model=model, rows=[rows], max_gen_toks=2, holdout=True
    )
    first = run(job)
    assert not first.reused
    without_weights(model)
    second = run(job)
    assert second.reused == ("holdout", "own_choices")
    assert second.directories == first.directories


def test_only_what_is_new_is_asked(data: Path, tmp_path: Path) -> None:
    run(make_job(tmp_path, choices_task(data)))
    outcome = run(make_job(tmp_path, choices_task(data), choices_task(data, "another")))
    assert outcome.reused == ("own_choices",)
    assert list(outcome.directories) == ["own_choices", "another"]


def test_another_batch_and_another_log_level_ask_nothing_again(data: Path, tmp_path: Path) -> None:
    run(make_job(tmp_path, choices_task(data)))
    job = make_job(tmp_path, choices_task(data), batch="2", verbosity="ERROR")
    assert run(job).reused == ("own_choices",)


def test_an_edited_data_file_is_asked_anew(data: Path, tmp_path: Path) -> None:
    first = run(make_job(tmp_path, choices_task(data)))
    write_rows(data, [{**FACTS[0], "question": "And what else?"}, *FACTS[1:]])
    second = run(make_job(tmp_path, choices_task(data)))
    assert not second.reused
    assert second.directories != first.directories
    assert "And what else?" in samples(second, "own_choices")[0]["arguments"][0][0]


def test_another_limit_is_asked_anew(data: Path, tmp_path: Path) -> None:
    run(make_job(tmp_path, choices_task(data)))
    outcome = run(make_job(tmp_path, choices_task(data), limit=2))
    assert not outcome.reused
    assert score(outcome, "own_choices", "acc").n == 2


@pytest.mark.parametrize("knobs", [{"dtype": "float32"}, {"seed": 3}, {"num_fewshot": 0}])
def test_a_setting_that_can_change_a_score_asks_anew(
    knobs: dict[str, object], data: Path, tmp_path: Path
) -> None:
    run(make_job(tmp_path, choices_task(data)))
    assert not run(make_job(tmp_path, choices_task(data), **knobs)).reused  # type: ignore[arg-type]


def test_another_model_is_never_answered_for(data: Path, model: Path, tmp_path: Path) -> None:
    run(make_job(tmp_path, choices_task(data)))
    other = without_weights(model)
    job = make_job(tmp_path, choices_task(data), model=other, model_fingerprint="other")
    with pytest.raises(OsftError, match="The model cannot be loaded"):
        run(job)


def test_the_same_files_elsewhere_are_the_same_model(
    data: Path, model: Path, tmp_path: Path
) -> None:
    run(make_job(tmp_path, choices_task(data)))
    moved = without_weights(model)
    assert run(make_job(tmp_path, choices_task(data), model=moved)).reused == ("own_choices",)


def test_scores_that_lost_a_file_are_computed_again(data: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path, choices_task(data))
    first = run(job)
    (Path(first.directories["own_choices"]) / "documents.jsonl").unlink()
    second = run(job)
    assert not second.reused
    assert value(second, "own_choices", "acc") == value(first, "own_choices", "acc")
    assert run(job).reused == ("own_choices",)


def test_a_run_that_broke_off_keeps_what_it_had(data: Path, tmp_path: Path) -> None:
    text = "{% if 'When' in question %}{{question.nothing.there}}{% endif %}{{question}}"
    broken = generation_task(data, doc_to_text=text)
    with pytest.raises(OsftError, match="own_answers"):
        run(make_job(tmp_path, choices_task(data), broken))
    assert run(make_job(tmp_path, choices_task(data))).reused == ("own_choices",)


def test_without_log_samples_no_texts_are_kept(data: Path, tmp_path: Path) -> None:
    outcome = run(make_job(tmp_path, choices_task(data), log_samples=False))
    kept = Path(outcome.directories["own_choices"])
    assert not (kept / "samples.jsonl").exists()
    assert all("Sollun" not in path.read_text() for path in kept.iterdir())


def test_texts_that_are_wanted_later_are_asked_for_again(data: Path, tmp_path: Path) -> None:
    run(make_job(tmp_path, choices_task(data), log_samples=False))
    outcome = run(make_job(tmp_path, choices_task(data)))
    assert not outcome.reused
    assert len(samples(outcome, "own_choices")) == len(FACTS)
