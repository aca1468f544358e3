"""A forgetting report in words: a verdict first, for who has never read one.

The same numbers as tables: `core.score_tables`; as pictures: `core.forgetting_charts`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from osft_assets.core.figures import UNKNOWN, course, figure, metric_name
from osft_assets.core.forgetting import (
    ChampionComparison,
    ForgettingReport,
    GateClaim,
    TaskComparison,
    VerdictWord,
)
from osft_assets.core.markup import as_markdown, cut_short, shortened

# Dagster hides markdown of 1,000 characters behind a link; this leaves room for a line around it.
_MOST_CHARACTERS = 900
_MOST_NAMED = (6, 4, 3, 2, 1)
_LONGEST_NAME = 24
_LEARNED: dict[VerdictWord, str] = {
    "improved": "Learned:",
    "kept": "Learned nothing that shows:",
    "lost": "Worse at what it was taught:",
    "cannot tell": "Cannot tell whether it learned:",
}
_OLD_SKILLS: dict[VerdictWord, str] = {
    "lost": "Lost:",
    "cannot tell": "Cannot tell:",
    "kept": "Kept:",
    "improved": "Got better as well:",
}


class Sentence(NamedTuple):
    """`lead` is what it is about, to be printed bold."""

    lead: str
    text: str


def summary(report: ForgettingReport) -> str:
    """The report in a few sentences of markdown, short enough to be shown in place."""
    for most in _MOST_NAMED:
        first, *others = sentences(report, most)
        lines = [_markdown(first), "", *(f"- {_markdown(sentence)}" for sentence in others)]
        words = "\n".join(lines)
        if len(words) < _MOST_CHARACTERS:
            break
    return words


def sentences(report: ForgettingReport, most: int) -> list[Sentence]:
    """The verdict, what was learned, lost, unclear and kept, with at most so many tasks of each."""
    found = [_verdict(report, most), *_warnings(report, most), *_learned(report)]
    found += _old_skills(report.comparisons, most)
    if report.retention is not None:
        found.append(Sentence("Retention of old skills:", _percentage(report.retention)))
    if report.champion:
        found.append(_against(report.champion, most))
    return found


def holdouts(comparisons: Sequence[TaskComparison]) -> list[TaskComparison]:
    """What the training was to teach."""
    return [comparison for comparison in comparisons if comparison.kind == "holdout"]


def old_skills(comparisons: Sequence[TaskComparison]) -> list[TaskComparison]:
    """What it was to keep; the losses first."""
    order = list(_OLD_SKILLS)
    old = [comparison for comparison in comparisons if comparison.kind != "holdout"]
    return sorted(old, key=lambda comparison: order.index(comparison.verdict))


def _verdict(report: ForgettingReport, most: int) -> Sentence:
    blocking = [claim for claim in report.claims if claim.name in report.blocked_by]
    if blocking:
        return Sentence("Blocked:", _claims(blocking, most))
    if not report.claims:
        return Sentence("Passed the gate", "which had nothing to check.")
    return Sentence("Passed the gate.", "")


def _warnings(report: ForgettingReport, most: int) -> list[Sentence]:
    broken = [claim for claim in report.claims if not claim.passed and not claim.blocks]
    return [Sentence("Warning:", _claims(broken, most))] if broken else []


def _claims(claims: Sequence[GateClaim], most: int) -> str:
    room = 30 + 20 * most
    told = [
        f"{claim.name} does not hold: {cut_short(claim.reason.rstrip('.'), room)}"
        for claim in claims[: max(1, most // 2)]
    ]
    return _listed(told, len(claims) - len(told), "; ")


def _learned(report: ForgettingReport) -> list[Sentence]:
    found = holdouts(report.comparisons)
    if not found:
        return [Sentence("Learned:", "not measured, because there is no holdout.")]
    return [
        Sentence(
            _LEARNED[one.verdict],
            f"{_name(one)} from {course(one)} ({_metric_words(one)}).",
        )
        for one in found
    ]


def _old_skills(comparisons: Sequence[TaskComparison], most: int) -> list[Sentence]:
    old = old_skills(comparisons)
    if not old:
        return [Sentence("Forgotten:", "unknown, because no old skill was measured.")]
    of_verdict = {word: [one for one in old if one.verdict == word] for word in _OLD_SKILLS}
    return [
        Sentence(
            lead,
            _listed([_told(one) for one in of_verdict[word][:most]], len(of_verdict[word]) - most),
        )
        for word, lead in _OLD_SKILLS.items()
        if of_verdict[word]
    ]


def _against(champion: ChampionComparison, most: int) -> Sentence:
    """The tasks that differ, and the number of the others."""
    parts = []
    for word, said in (("improved", "better at"), ("lost", "worse at")):
        names = [_name(one) for one in champion.comparisons if one.verdict == word]
        if names:
            parts.append(f"{said} {_listed(names[:most], len(names) - most).rstrip('.')}")
    told = "; ".join(parts) or "no difference that can be told"
    return Sentence(
        f"Against the champion {shortened(champion.version, _LONGEST_NAME)}:", f"{told}."
    )


def _told(comparison: TaskComparison) -> str:
    """A task, with the numbers where they are the news."""
    match comparison.verdict:
        case "lost":
            return f"{_name(comparison)} from {course(comparison)}"
        case "cannot tell":
            return f"{_name(comparison)} ({comparison.difference.documents:,} documents)"
    return _name(comparison)


def _listed(words: Sequence[str], more: int, separator: str = ", ") -> str:
    rest = f"{separator}and {more} more" if more > 0 else ""
    told = f"{separator.join(words)}{rest}"
    return told if told.endswith("…") else f"{told}."


def _name(comparison: TaskComparison) -> str:
    return shortened(comparison.task, _LONGEST_NAME)


def _metric_words(comparison: TaskComparison) -> str:
    name = shortened(metric_name(comparison.metric), _LONGEST_NAME)
    return name if comparison.higher_is_better else f"{name}, lower is better"


def _percentage(retention: float) -> str:
    shown = figure(retention, share=True)
    return f"{shown}." if shown != UNKNOWN else "unknown."


def _markdown(sentence: Sentence) -> str:
    return f"**{as_markdown(sentence.lead)}** {as_markdown(sentence.text)}".rstrip()
