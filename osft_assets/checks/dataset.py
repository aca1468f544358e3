"""The claims about the dataset: one op reads the files again and answers all of them.

The judgement is in `core.inspection`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from osft_assets.checks.answers import answer, selected
from osft_assets.core.dataset import read_version
from osft_assets.core.inspection import DatasetFindings, SplitFindings, inspect
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.records import DatasetSplit, DatasetVersion
from osft_assets.retries import retried

_CLAIMS = {
    "rows_are_well_formed": "Every line is a valid row, and the file is the one recorded.",
    "splits_do_not_overlap": "No row is in both files, and none twice in one.",
    "rows_are_accounted_for": "Rows read = invalid + duplicates + train + holdout.",
    "no_row_was_left_out": "Every row that was read is valid.",
    "rows_fill_a_batch": "There are rows for at least one optimizer step.",
}
_WARNINGS = frozenset({"no_row_was_left_out", "rows_fill_a_batch"})


def dataset_checks(pipeline: PipelineRecipe) -> dg.AssetChecksDefinition:
    """The claims about both splits of one pipeline."""
    train, holdout = (
        dg.AssetKey([pipeline.name, name]) for name in ("train_split", "holdout_split")
    )

    @dg.multi_asset_check(
        name=f"{pipeline.name}__dataset_checks",
        specs=[_spec(name, train, holdout) for name in _CLAIMS]
        + [_spec("rows_are_well_formed", holdout, train)],
        ins={"train_split": dg.AssetIn(train), "holdout_split": dg.AssetIn(holdout)},
        can_subset=True,
    )
    @retried(pipeline.retry)
    def dataset_checks(
        context: dg.AssetCheckExecutionContext,
        train_split: DatasetSplit,
        holdout_split: DatasetSplit,
    ) -> Iterator[dg.AssetCheckResult]:
        directory = Path(train_split.version_path)
        version = read_version(directory)
        findings = inspect(directory, version)
        one_version = train_split.fingerprint == holdout_split.fingerprint
        results = [
            _well_formed(train, findings.train),
            _well_formed(holdout, findings.holdout),
            _no_overlap(train, findings, one_version),
            _accounted_for(train, version, findings),
            _none_left_out(train, version),
            _fills_a_batch(train, findings, pipeline),
        ]
        yield from selected(context, results)

    return dataset_checks


def _spec(name: str, asset: dg.AssetKey, other: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        name,
        asset=asset,
        additional_deps=[other],
        description=_CLAIMS[name],
        blocking=name not in _WARNINGS,
    )


def _answer(
    asset: dg.AssetKey, name: str, passed: bool, seen: dict[str, Any], description: str = ""
) -> dg.AssetCheckResult:
    return answer(dg.AssetCheckKey(asset, name), passed, seen, description, name in _WARNINGS)


def _well_formed(asset: dg.AssetKey, found: SplitFindings) -> dg.AssetCheckResult:
    seen = {
        "rows": found.rows,
        "malformed_rows": found.malformed,
        "first_malformed_row": found.first_malformed or "none",
        "file_matches_its_record": found.matches_record,
    }
    return _answer(asset, "rows_are_well_formed", found.well_formed, seen)


def _no_overlap(
    asset: dg.AssetKey, findings: DatasetFindings, one_version: bool
) -> dg.AssetCheckResult:
    duplicates = findings.train.duplicates + findings.holdout.duplicates
    seen = {
        "rows_in_both": findings.overlap,
        "rows_twice_in_one": duplicates,
        "both_of_one_version": one_version,
    }
    passed = one_version and not findings.overlap and not duplicates
    return _answer(asset, "splits_do_not_overlap", passed, seen)


def _accounted_for(
    asset: dg.AssetKey, version: DatasetVersion, findings: DatasetFindings
) -> dg.AssetCheckResult:
    counts = version.counts
    as_counted = (counts.train, counts.holdout) == (findings.train.rows, findings.holdout.rows)
    passed = counts.add_up and as_counted
    return _answer(asset, "rows_are_accounted_for", passed, counts.model_dump())


def _none_left_out(asset: dg.AssetKey, version: DatasetVersion) -> dg.AssetCheckResult:
    counts = version.counts
    seen = {"invalid": counts.invalid, "read": counts.read}
    text = f"{counts.invalid:,} of {counts.read:,} rows were invalid and left out."
    return _answer(asset, "no_row_was_left_out", not counts.invalid, seen, text)


def _fills_a_batch(
    asset: dg.AssetKey, findings: DatasetFindings, pipeline: PipelineRecipe
) -> dg.AssetCheckResult:
    rows, needed = findings.train.rows, pipeline.train.effective_batch_size
    seen = {"rows": rows, "effective_batch_size": needed}
    text = f"{rows:,} rows; effective_batch_size is {needed:,}. Lower it, or add rows."
    return _answer(asset, "rows_fill_a_batch", rows >= needed, seen, text)
