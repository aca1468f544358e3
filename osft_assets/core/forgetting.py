"""What a training taught and what it made the model forget: the records of the report.

The arithmetic of one comparison is `core.comparison`; the judgement, `core.gate`; the pictures,
`core.forgetting_charts`.
"""

from typing import Literal, NamedTuple

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
    chance: float | None = None  # what guessing scores
    caveat: str = ""


class SkillColumn(NamedTuple):
    """One skill over the steps. `rows`: what was asked, for each value; empty when not known."""

    skill: str
    metric: str
    higher_is_better: bool
    values: tuple[float | None, ...]
    rows: tuple[str, ...]

    def is_of_other_rows(self, step: int) -> bool:
        """Whether the value must not be compared with the newest: a holdout was split anew."""
        measured = [
            rows for value, rows in zip(self.values, self.rows, strict=True) if value is not None
        ]
        return self.values[step] is not None and self.rows[step] != measured[-1]


class SkillMatrix(Record):
    """Every skill (column) after every step of a chain of pipelines (row). None: not measured.

    The first step is the base model of the first pipeline. A skill is what a pipeline's holdout
    measures, or rows of the user's own (skill:name), with one metric for the whole column. `rows`
    has a hash of what was asked for every value: those of different rows are not compared.
    """

    steps: tuple[str, ...]
    skills: tuple[str, ...]
    metrics: tuple[str, ...]
    higher_is_better: tuple[bool, ...]
    values: tuple[tuple[float | None, ...], ...]
    rows: tuple[tuple[str, ...], ...] = ()

    def columns(self) -> list[SkillColumn]:
        """The skills, one by one; none of a chain without a step."""
        if not self.steps:
            return []
        rows = self.rows or tuple(("",) * len(self.skills) for _ in self.steps)
        about = zip(self.skills, self.metrics, self.higher_is_better, strict=True)
        by_skill = zip(about, zip(*self.values, strict=True), zip(*rows, strict=True), strict=True)
        return [SkillColumn(*each, values, asked) for each, values, asked in by_skill]


class GateClaim(Record):
    """One blocking check of the gate, as judged when the report was made."""

    name: str
    passed: bool
    blocks: bool  # when it does not pass
    reason: str


class ChampionComparison(Record):
    """From the champion to the tuned model: `base` of every comparison is the champion."""

    name: str
    version: str
    comparisons: tuple[TaskComparison, ...]


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
    champion: ChampionComparison | None = None  # while there is one, and it is another model

    @property
    def verdict(self) -> Literal["passed", "blocked"]:
        """Whether this checkpoint may go on."""
        return "blocked" if self.blocked_by else "passed"

    @property
    def blocked_by(self) -> tuple[str, ...]:
        """The claims that keep this checkpoint from going on; none means it passed."""
        return tuple(claim.name for claim in self.claims if claim.blocks and not claim.passed)
