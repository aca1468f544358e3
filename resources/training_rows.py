"""The tokenised rows of a training: the holdout made ready, and an account of what became of all.

Training Hub tokenises the rows that are trained on, and drops some without telling.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from osft_assets.core.errors import ConfigError, TrainingError
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.training_call import holdout_directory
from osft_assets.core.training_job import RowAccount, TrainingJob

_NO_LOSS = -100
_FEWEST_TOKENS = 20  # what instructlab-training's data processing drops below


class _Row(msgspec.Struct):
    """A tokenised row. Documents have no labels: every token counts."""

    input_ids: list[int]
    labels: list[int] | None = None

    @property
    def has_loss(self) -> bool:
        """Whether any token is learnt. The first has nothing before it to be predicted from."""
        return self.labels is None or any(label != _NO_LOSS for label in self.labels[1:])


def make_holdout_ready(job: TrainingJob, recipe: OsftRecipe | SftRecipe) -> None:
    """Tokenise the holdout as the training rows will be, without what validation trips over."""
    directory = Path(holdout_directory(job))
    directory.mkdir(parents=True, exist_ok=True)
    given = Path(job.holdout_path)
    made = given if recipe.use_processed_dataset else _tokenised(job, recipe, directory)
    partial, final = directory / "usable.jsonl", directory / "data.jsonl"
    kept = 0
    with partial.open("wb") as stream:
        for line, row in _rows(made):
            if recipe.is_pretraining or _is_usable(row, recipe):
                stream.write(line)
                kept += 1
    partial.replace(final)
    if not kept:
        raise ConfigError(
            f"validation_frequency is {recipe.validation_frequency}, but none of the "
            f"{job.holdout_rows} rows held out can be used: each is under {_FEWEST_TOKENS} tokens, "
            "too long for max_seq_len or max_tokens_per_gpu, or holds nothing to learn. Hold out "
            "more, or set validation_frequency: 0"
        )


def _tokenised(job: TrainingJob, recipe: OsftRecipe | SftRecipe, directory: Path) -> Path:
    import training_hub

    with refused_when_none_fits("rows held out"):
        made = training_hub.MiniTrainerOSFTBackend()._process_data(
            data_path=job.holdout_path,
            model_name_or_path=job.model.path,
            output_dir=str(directory),
            max_seq_len=recipe.max_seq_len,
            num_cpu_procs=1,
            unmask_messages=recipe.unmask_messages,
            use_processed_dataset=False,
            is_pretraining=recipe.is_pretraining,
            document_column_name="document",
        )
    return Path(made)


@contextmanager
def refused_when_none_fits(what: str) -> Iterator[None]:
    """While rows are tokenised, an error when none of them is kept: with how many are too short and
    too long. `what` they are, for the error. instructlab-training processes them for both trainers,
    and names only the limit, and that only if all are too long.
    """
    processing: Any = import_module("instructlab.training.data_process")
    analyze = processing.analyze_dataset_statistics

    @functools.wraps(analyze)
    def analyzed(data: Any, max_seq_len: int, *more: Any, **named: Any) -> None:
        lengths = list(data["len"])
        short = sum(length < _FEWEST_TOKENS for length in lengths)
        long = sum(length >= max_seq_len for length in lengths)
        if short + long == len(lengths):
            raise TrainingError(_none_fits(what, short, long, max_seq_len))
        analyze(data, max_seq_len, *more, **named)

    processing.analyze_dataset_statistics = analyzed
    try:
        yield
    finally:
        processing.analyze_dataset_statistics = analyze


def _none_fits(what: str, short: int, long: int, max_seq_len: int) -> str:
    remedy = "Raise max_seq_len, or give other rows" if long else "Give longer rows"
    return (
        f"None of the {short + long:,} {what} can be used. Under {_FEWEST_TOKENS} tokens: "
        f"{short:,}; of max_seq_len ({max_seq_len:,}) and more: {long:,}. {remedy}"
    )


def account(job: TrainingJob, recipe: OsftRecipe | SftRecipe) -> RowAccount:
    """Where each row went. TrainingError when none was trained on.

    Of documents none is dropped: they are joined and cut into blocks, and all blocks are trained.
    """
    if recipe.use_processed_dataset:
        path = Path(job.train_path)
    else:
        path = Path(job.rows_directory) / "data.jsonl"
    kept = over_limit = without_loss = 0
    for _, row in _rows(path):
        if recipe.is_pretraining:
            kept += 1
        elif recipe.use_processed_dataset and len(row.input_ids) >= recipe.max_seq_len:
            continue
        elif len(row.input_ids) > recipe.max_tokens_per_gpu:
            over_limit += 1
        elif not row.has_loss:
            without_loss += 1
        else:
            kept += 1
    rows = RowAccount(
        given=job.train_rows,
        trained=kept,
        too_short_or_long=job.train_rows - kept - over_limit - without_loss,
        over_gpu_limit=over_limit,
        without_loss=without_loss,
    )
    if not rows.trained:
        raise TrainingError(_nothing_trained(rows, recipe))
    return rows


def _nothing_trained(rows: RowAccount, recipe: OsftRecipe | SftRecipe) -> str:
    return (
        f"No row could be trained on. Of {rows.given:,}, {rows.too_short_or_long:,} are under "
        f"{_FEWEST_TOKENS} tokens or of max_seq_len ({recipe.max_seq_len}) and more, "
        f"{rows.over_gpu_limit:,} longer than max_tokens_per_gpu ({recipe.max_tokens_per_gpu}), "
        f"and {rows.without_loss:,} hold nothing to learn. Raise what is too low, or give other "
        "rows"
    )


def _is_usable(row: _Row, recipe: OsftRecipe | SftRecipe) -> bool:
    limit = min(recipe.max_seq_len - 1, recipe.max_tokens_per_gpu)
    return row.has_loss and len(row.input_ids) <= limit


def _rows(path: Path) -> Iterator[tuple[bytes, _Row]]:
    decode = msgspec.json.Decoder(_Row).decode
    with path.open("rb") as stream:
        for line in stream:
            if line.strip():
                yield line, decode(line)
