"""The records of models: the one training starts from, and the checkpoint it makes.

The rows' records are in `core.records`; what a training run is asked and answers, in
`core.training_job`.
"""

from pathlib import Path

from osft_assets.core.records import Record
from osft_assets.core.rows import RowKind

_MEASURED = {"architecture", "parameters", "dtype", "size_bytes", "has_chat_template"}


class ModelFindings(Record):
    """What an examination of a model directory found. A problem is a sentence, or empty."""

    architecture: str = ""
    parameters: int = 0
    dtype: str = ""
    size_bytes: int = 0
    has_chat_template: bool = False
    config_problem: str = ""
    tokenizer_problem: str = ""
    weights_problem: str = ""
    weights_were_examined: bool = True  # False for a format that runs code when it is read


class TaughtSkill(Record):
    """What one pipeline taught a model, and the rows that measure it."""

    pipeline: str
    holdout_path: str
    holdout_sha256: str
    holdout_rows: int
    row_kind: RowKind


class ModelRecord(Record):
    """What `base_model` is. `fingerprint` identifies its content, wherever it came from.

    `uri` and `revision` are shown; `path` is where the files are now. `skills`: what the pipelines
    taught it that it went through, in their order.
    """

    uri: str
    revision: str
    path: str
    fingerprint: str
    architecture: str
    parameters: int
    dtype: str
    size_bytes: int
    has_chat_template: bool
    trust_remote_code: bool = False
    skills: tuple[TaughtSkill, ...] = ()


def model_record(  # noqa: PLR0913 - the fields of the record, none of which can be guessed
    findings: ModelFindings,
    *,
    uri: str,
    revision: str,
    fingerprint: str,
    path: Path,
    trust_remote_code: bool = False,
    skills: tuple[TaughtSkill, ...] = (),
) -> ModelRecord:
    """The record of an examined model, wherever it came from."""
    return ModelRecord(
        uri=uri,
        revision=revision,
        fingerprint=fingerprint,
        path=str(path),
        trust_remote_code=trust_remote_code,
        skills=skills,
        **findings.model_dump(include=_MEASURED),
    )
