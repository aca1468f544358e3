"""What a training taught and what it made the model forget: the records of the report.

The arithmetic of one comparison is `core.comparison`; the judgement, `core.gate`; the pictures,
`core.forgetting_charts`.
"""

from typing import Literal

from osft_assets.core.records import Record
from osft_assets.core.scores import TaskKind

VerdictWord = Literal["improved", "kept", "lost", "cannot tell"]


class Difference(Record):
    """tuned - base of one metric, turned so that more is better, with its interval."""

    base: float
    tuned: float
    base_stderr: float | None
    tuned_stderr: float | None
    value: float
    low: float
    high: float
    documents: int
    effect_size: float | None  # the difference in standard deviations of the documents' differences
    p_value: float | None  # McNemar's, exact, where answers are right or wrong
    method: Literal["paired right/wrong", "paired", "unpaired"]


class TaskComparison(Record):
    """One task: the metric that decides, the difference, and what it means."""

    task: str
    kind: TaskKind
    metric: str  # with its filter, such as acc,none
    higher_is_better: bool
    difference: Difference
    tolerance: float  # in units of the metric
    verdict: VerdictWord
    reason: str


class SkillMatrix(Record):
    """Every skill (column) after every step of a chain of pipelines (row). None: not measured.

    The first step is the base model of the first pipeline. A skill is what a pipeline's holdout
    measures, with one metric for the whole column.
    """

    steps: tuple[str, ...]
    skills: tuple[str, ...]
    metrics: tuple[str, ...]
    higher_is_better: tuple[bool, ...]
    values: tuple[tuple[float | None, ...], ...]


class GateClaim(Record):
    """One blocking check of the gate, as judged when the report was made."""

    name: str
    passed: bool
    blocks: bool  # when it does not pass
    reason: str


class ForgettingReport(Record):
    """What `forgetting_report` is, and the verdict that later stages read again.

    It is about exactly one checkpoint: `checkpoint_fingerprint` names how it was made,
    `model_fingerprint` the bytes of its files.
    """

    pipeline: str
    checkpoint_fingerprint: str
    model_fingerprint: str
    base_fingerprint: str
    base_uri: str
    fingerprint: str
    comparisons: tuple[TaskComparison, ...]
    retention: float | None
    backward_transfer: float | None
    matrix: SkillMatrix
    claims: tuple[GateClaim, ...]
    policy: dict[str, object]

    @property
    def blocked_by(self) -> tuple[str, ...]:
        """The claims that keep this checkpoint from going on; none means it passed."""
        return tuple(claim.name for claim in self.claims if claim.blocks and not claim.passed)
