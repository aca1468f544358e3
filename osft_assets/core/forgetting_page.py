"""A forgetting report as one HTML page that needs nothing else: words, tables and pictures."""

import json
from collections.abc import Sequence
from html import escape

from osft_assets.core.figures import figure
from osft_assets.core.forgetting import ForgettingReport, GateClaim
from osft_assets.core.forgetting_arithmetic import left_out
from osft_assets.core.forgetting_charts import difference_bars
from osft_assets.core.forgetting_summary import Sentence, sentences
from osft_assets.core.markup import clean, html_table
from osft_assets.core.score_tables import (
    AGAINST_CHAMPION,
    COMPARED,
    JUDGED,
    comparison_rows,
    judged_rows,
)
from osft_assets.core.skill_matrix_chart import matrix_heat_map

_MOST_NAMED = 12
_POINTS = (
    "Points are percentage points. In brackets: where the difference may be, given how "
    "few questions were asked. n: the questions or texts compared."
)
_JUDGED = (
    "paired: document by document, with the same questions; unpaired: by the two errors alone, "
    "which sees less. Effect size: the difference in standard deviations of the documents' "
    "differences. p-value: McNemar's, exact, where answers are right or wrong."
)
_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --muted: #57606a; --rule: #c4cad1;
  --paper: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --muted: #9aa4af; --rule: #3d444d; --paper: #0f141a; } }
body { font: 16px/1.5 sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: 14px; }
th, td { border-bottom: 1px solid var(--rule); padding: .3rem .7rem; text-align: left;
  vertical-align: top; overflow-wrap: break-word; }
tbody th { font-weight: normal; overflow-wrap: anywhere; min-width: 9rem; }
.verdict { font-size: 1.2rem; }
"""


def report_page(report: ForgettingReport, title: str) -> str:
    """The whole report."""
    shown = escape(clean(title))
    parts = [
        f"<h1>Forgetting report</h1><p>{shown}</p>{_summary(sentences(report, _MOST_NAMED))}",
        _section(
            "Task by task", html_table(COMPARED, comparison_rows(report.comparisons)), _POINTS
        ),
        _champion(report),
        f'<div class="wide">{difference_bars(report)}</div>',
        _section("How each was judged", html_table(JUDGED, judged_rows(report)), _JUDGED),
        _section("Over the steps", matrix_heat_map(report.matrix), _transfer(report)),
        _section("The gate", html_table(("claim", "result", "reason"), _claims(report.claims))),
        _section("Its policy", html_table(("setting", "value"), _policy(report))),
        _section("What this is about", html_table(("what", "which"), _identity(report))),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width"/>'
        f"<title>Forgetting report {shown}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _summary(told: Sequence[Sentence]) -> str:
    first, *others = (f"<b>{escape(clean(s.lead))}</b> {escape(clean(s.text))}" for s in told)
    points = "".join(f"<li>{other}</li>" for other in others)
    return f'<p class="verdict">{first}</p><ul>{points}</ul>'


def _section(heading: str, content: str, before: str = "") -> str:
    words = f"<p>{escape(before)}</p>" if before else ""
    return f'<h2>{heading}</h2>{words}<div class="wide">{content}</div>'


def _champion(report: ForgettingReport) -> str:
    if report.champion is None:
        return ""
    table = html_table(AGAINST_CHAMPION, comparison_rows(report.champion.comparisons))
    champion = f"{report.champion.name} {report.champion.version}"
    return _section("Against the champion", table, clean(f"The champion is {champion}."))


def _transfer(report: ForgettingReport) -> str:
    words, others = [], left_out(report.matrix)
    if report.backward_transfer is not None:
        words.append(f"Backward transfer: {figure(report.backward_transfer, share=False)}.")
    if others:
        words.append(f"Left out, since other rows are asked than before: {', '.join(others)}.")
    return " ".join(words)


def _claims(claims: Sequence[GateClaim]) -> list[tuple[str, ...]]:
    return [(claim.name, _result(claim), claim.reason) for claim in claims]


def _result(claim: GateClaim) -> str:
    if claim.passed:
        return "holds"
    return "does not hold: blocks" if claim.blocks else "does not hold: warns"


def _policy(report: ForgettingReport) -> list[tuple[str, ...]]:
    return [(name, json.dumps(value, default=str)) for name, value in report.policy.items()]


def _identity(report: ForgettingReport) -> list[tuple[str, ...]]:
    return [
        ("pipeline", report.pipeline),
        ("base model", report.base_uri),
        ("base fingerprint", report.base_fingerprint),
        ("checkpoint fingerprint", report.checkpoint_fingerprint),
        ("model fingerprint", report.model_fingerprint),
        ("report fingerprint", report.fingerprint),
    ]
