"""Judges a finished training: what is claimed of a checkpoint, and whether it is so.

The worker verified the model before it became a checkpoint; here the files are read again, and what
the worker measured is held against its bound. The asset checks only pass this on.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from osft_assets.core.checkpoint import MODEL, CheckpointVersion, model_files
from osft_assets.core.errors import TrainingError
from osft_assets.core.model_files import README
from osft_assets.core.model_records import ModelFindings
from osft_assets.core.training_job import MatrixLeak

# Measured: 1e-6 to 3e-5 with mini-trainer's projections, 0.1 without them, 0.7 with SFT.
MOST_LEAK = 1e-4
# But 32-bit factors round by 1.5e-7 of the matrix, and that weighs more the smaller the update is:
# 12 steps at 5e-6 change a matrix by 1e-4, and leak 1e-3 of that. So a leak of less than this part
# of the matrix itself is rounding. SFT's, with the same update, is a hundred times as much.
ROUNDING = 1e-6
# In standard errors. Measured with a learning rate of 0, from 12 to 400 steps: a fall of any size
# passes half of all runs, one of more than two standard errors 3 %.
_LEAST_FALL = 2.0
CLAIMS = {
    "training_is_complete": "Every step ran, and the loss stayed finite.",
    "files_are_as_written": "Every file of the model is the one recorded when training ended.",
    "model_can_be_loaded": "Configuration, tokenizer, finite weights; of the base's architecture.",
    "frozen_subspace_was_kept": "No update of a constrained matrix leaks into what OSFT freezes.",
    "loss_fell": "The last tenth of the steps has a lower loss than the first, beyond noise.",
    "every_row_was_trained_on": "No row was dropped for its length, or had nothing to learn.",
}
WARNINGS = frozenset({"loss_fell", "every_row_was_trained_on"})
_ONLY_OSFT = frozenset({"frozen_subspace_was_kept"})


@dataclass(frozen=True)
class Verdict:
    """One claim: whether it holds, what was seen, and what to do if it does not."""

    passed: bool
    seen: Mapping[str, Any]
    remedy: str = ""


def claims_of(algorithm: str) -> dict[str, str]:
    """What is claimed of a checkpoint that this algorithm made."""
    return {
        name: meaning
        for name, meaning in CLAIMS.items()
        if algorithm == "osft" or name not in _ONLY_OSFT
    }


def judge(
    directory: Path, version: CheckpointVersion, found: ModelFindings
) -> Mapping[str, Verdict]:
    """Every claim; `found` is what an examination of the model's files found just now."""
    verdicts = {
        "training_is_complete": _complete(version),
        "files_are_as_written": _as_written(directory, version),
        "model_can_be_loaded": _loadable(version, found),
        "loss_fell": _fell(version),
        "every_row_was_trained_on": _every_row(version),
    }
    if version.algorithm == "osft":
        verdicts["frozen_subspace_was_kept"] = _kept(version)
    return verdicts


def refuse_broken(directory: Path, version: CheckpointVersion, found: ModelFindings) -> None:
    """Raise TrainingError when a claim that blocks does not hold: its own run may be long ago."""
    verdicts = judge(directory, version, found)
    broken = [name for name, verdict in verdicts.items() if not verdict.passed]
    blocking = sorted(set(broken) - WARNINGS)
    if blocking:
        raise TrainingError(
            f"{version.pipeline}/checkpoint does not hold {', '.join(blocking)}: it is no model to "
            "go on from. Look at its checks, and train it again"
        )


def _complete(version: CheckpointVersion) -> Verdict:
    summary, expected = version.summary, version.outcome.expected_steps
    finite = all(map(math.isfinite, (summary.first_loss, summary.final_loss, summary.lowest_loss)))
    seen = {"steps": summary.steps, "expected_steps": expected, "loss_is_finite": finite}
    passed = finite and summary.steps == expected
    return Verdict(passed, seen, "Delete the checkpoint's directory, then materialize again.")


def _as_written(directory: Path, version: CheckpointVersion) -> Verdict:
    # The card is written when the model is registered, and again when it is registered anew.
    there = {file.name: file for file in model_files(directory / MODEL) if file.name != README}
    recorded = {file.name: file for file in version.files if file.name != README}
    changed = sorted(
        name for name in there.keys() | recorded.keys() if there.get(name) != recorded.get(name)
    )
    seen = {"files": len(there), "changed_files": ", ".join(changed) or "none"}
    return Verdict(not changed, seen, "Delete the checkpoint's directory, then materialize again.")


def _loadable(version: CheckpointVersion, found: ModelFindings) -> Verdict:
    problems = (found.config_problem, found.tokenizer_problem, found.weights_problem)
    same = found.architecture == version.base_model.architecture
    lost_template = version.base_model.has_chat_template and not found.has_chat_template
    seen = {
        "problems": "; ".join(filter(None, problems)) or "none",
        "architecture": found.architecture,
        "parameters": found.parameters,
        "chat_template": found.has_chat_template,
    }
    passed = not any(problems) and same and not lost_template
    return Verdict(passed, seen, "Delete the checkpoint's directory, then materialize again.")


def _kept(version: CheckpointVersion) -> Verdict:
    certificate = version.outcome.certificate
    if certificate is None or not certificate.matrices:
        return Verdict(False, {"certificate": "none"}, "Training made no certificate.")
    broken = [matrix for matrix in certificate.matrices if not _is_kept(matrix)]
    seen = {
        "worst_leak": certificate.worst_leak,
        "most_leak": MOST_LEAK,
        "worst_leak_of_the_matrix": max(_share_of_matrix(m) for m in certificate.matrices),
        "rounding_of_32_bits": ROUNDING,
        "constrained_share": certificate.constrained_share,
        "broken_matrices": ", ".join(matrix.name for matrix in broken) or "none",
    }
    return Verdict(not broken, seen, "The frozen subspace was written to: old skills may be gone.")


def _is_kept(matrix: MatrixLeak) -> bool:
    leaks = (matrix.leak_left, matrix.leak_right)
    small = all(  # false for NaN, too
        leak < MOST_LEAK or leak * matrix.update < ROUNDING for leak in leaks
    )
    return small and matrix.rank <= matrix.free_rank


def _share_of_matrix(matrix: MatrixLeak) -> float:
    return max(matrix.leak_left, matrix.leak_right) * matrix.update


def _fell(version: CheckpointVersion) -> Verdict:
    """By the recorded curve: single steps are noise, which at the ends of a run may look like a
    fall.
    """
    losses = [loss for _, loss in version.losses.train]
    tenth = math.ceil(len(losses) / 10)
    first, last = fmean(losses[:tenth]), fmean(losses[-tenth:])
    noise = _LEAST_FALL * _standard_error(losses, tenth)
    seen = {
        "first_loss": version.summary.first_loss,
        "mean_loss_of_first_tenth": first,
        "mean_loss_of_last_tenth": last,
        "noise": noise,
    }
    remedy = "Nothing was learnt that can be told from noise: raise learning_rate or num_epochs."
    return Verdict(first - last > noise, seen, remedy)


def _standard_error(losses: Sequence[float], count: int) -> float:
    """Of the difference between two means of so many steps each, had nothing been learnt.

    From the changes between neighbours, in which a slow fall over the whole run hardly shows. Each
    has twice the variance of a step; so has the difference of the means, divided by the count.
    """
    changes = [after - before for before, after in pairwise(losses)]
    return math.sqrt(fmean(change**2 for change in changes) / count) if changes else 0.0


def _every_row(version: CheckpointVersion) -> Verdict:
    rows = version.outcome.rows
    text = (
        f"{rows.given - rows.trained:,} of {rows.given:,} rows were left out: "
        f"{rows.too_short_or_long:,} under 20 tokens or of max_seq_len and more, "
        f"{rows.over_gpu_limit:,} over max_tokens_per_gpu, {rows.without_loss:,} with nothing to "
        "learn."
    )
    return Verdict(rows.trained == rows.given, rows.model_dump(), text)
