"""A checkpoint's model card: README.md as the Hub reads it, written when the model is registered.

What a base model's own card says is `core.model_card`.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from osft_assets.core.checkpoint import CheckpointVersion
from osft_assets.core.figures import figure
from osft_assets.core.forgetting import ForgettingReport, TaskComparison
from osft_assets.core.forgetting_summary import Sentence, sentences
from osft_assets.core.markup import as_markdown, markdown_table
from osft_assets.core.model_card import license_of
from osft_assets.core.recipes.training import NOT_IDENTITY
from osft_assets.core.score_tables import comparison_table

_HUB = "hf://"
_MOST_TASKS = 20
_METHODS = {
    "osft": (
        "Orthogonal subspace fine-tuning (OSFT): each constrained weight matrix keeps its most "
        "important directions as they were, and learns in the others"
    ),
    "sft": "Supervised fine-tuning of all parameters",
}


def checkpoint_card(
    version: CheckpointVersion, report: ForgettingReport, git_commit: str, forced_because: str = ""
) -> str:
    """The whole card."""
    sections = (
        ("", _introduction(version)),
        ("What was learned and forgotten", _forgotten(report)),
        ("Evaluation", _evaluation(report)),
        ("Limits", _limits(version, report, forced_because)),
        ("Use", _use(version)),
        ("Training data", _data(version)),
        ("Training", _training(version, git_commit)),
    )
    body = "\n\n".join(f"## {title}\n\n{text}" if title else text for title, text in sections)
    return f"---\n{_header(version, report)}---\n\n# {version.pipeline}\n\n{body}\n"


def _header(version: CheckpointVersion, report: ForgettingReport) -> str:
    """JSON values are YAML too, and need no library to be quoted right."""
    told = {
        "license": license_of(Path(version.base_model.path)),
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "base_model": _on_the_hub(version.base_model.uri),
        "datasets": [name] if (name := _on_the_hub(version.train_uri)) else [],
        "tags": ["osft-assets", "continual-learning", version.algorithm],
        "model-index": _index(version, report),
    }
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in told.items() if value)


def _on_the_hub(uri: str) -> str:
    """The name of a repository, which the Hub links to; other places mean nothing there."""
    if not uri.startswith(_HUB):
        return ""
    return uri.removeprefix(_HUB).partition("@")[0].partition(":")[0]


def _index(version: CheckpointVersion, report: ForgettingReport) -> list[dict[str, Any]]:
    results = [
        {
            "task": {"type": "text-generation"},
            "dataset": {"name": one.task, "type": one.task},
            "metrics": [
                {"type": one.metric, "name": one.metric, "value": one.difference.tuned},
            ],
        }
        for one in report.comparisons
        if math.isfinite(one.difference.tuned)
    ]
    return [{"name": version.pipeline, "results": results}] if results else []


def _introduction(version: CheckpointVersion) -> str:
    base = as_markdown(version.base_model.uri)
    return (
        f"{base} ({as_markdown(version.base_model.revision)}), trained further on "
        f"{as_markdown(version.train_uri)} with {version.algorithm.upper()}."
    )


def _use(version: CheckpointVersion) -> str:
    chat = "It has a chat template. " if version.model.has_chat_template else ""
    code = ", trust_remote_code=True" if version.model.trust_remote_code else ""
    return (
        f"{chat}Load it from this directory:\n\n```python\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        f'model = AutoModelForCausalLM.from_pretrained("."{code})\n'
        f'tokenizer = AutoTokenizer.from_pretrained("."{code})\n```'
    )


def _data(version: CheckpointVersion) -> str:
    rows = version.outcome.rows
    return markdown_table(
        ("", ""),
        [
            ("source", version.train_uri),
            ("rows trained on", f"{rows.trained:,} of {rows.given:,}"),
            ("sha256 of the training rows", version.train_sha256),
            ("sha256 of the holdout", version.holdout_sha256),
        ],
    )


def _training(version: CheckpointVersion, git_commit: str) -> str:
    summary, outcome = version.summary, version.outcome
    facts = [
        ("steps", f"{outcome.steps:,}"),
        ("loss", f"{summary.first_loss:.4g} to {summary.final_loss:.4g}"),
        ("hardware", f"{outcome.world_size} x {outcome.device}"),
        *((f"version of {name}", number) for name, number in sorted(outcome.versions.items())),
        *([("git commit", git_commit)] if git_commit else []),
        *((name, json.dumps(version.recipe[name])) for name in _decisive(version)),
    ]
    return f"{_METHODS[version.algorithm]}.\n\n{markdown_table(('setting', 'value'), facts)}"


def _decisive(version: CheckpointVersion) -> list[str]:
    """The settings that another value of would have made another model."""
    return sorted(version.recipe.keys() - NOT_IDENTITY)


def _evaluation(report: ForgettingReport) -> str:
    if not report.comparisons:
        return "Nothing was measured."
    return (
        f"Before (`base`) and after (`tuned`), asked the same.\n\n{comparison_table(report)}\n\n"
        "In brackets: where the difference may be, given how few documents were asked. `cannot "
        "tell`: that is too wide to say whether more was lost than is tolerated."
    )


def _forgotten(report: ForgettingReport) -> str:
    return "\n".join(f"- {_markdown(sentence)}" for sentence in sentences(report, _MOST_TASKS))


def _markdown(sentence: Sentence) -> str:
    return f"**{sentence.lead}** {as_markdown(sentence.text)}".rstrip()


def _limits(version: CheckpointVersion, report: ForgettingReport, forced_because: str) -> str:
    limits = _known_limits(version, report, forced_because)
    return "\n".join(f"- {limit}" for limit in limits)


def _known_limits(
    version: CheckpointVersion, report: ForgettingReport, forced_because: str
) -> Iterator[str]:
    unclear = _named(report, "cannot tell")
    yield "Skills that are not in the table above were not measured, and may be lost."
    if unclear:
        yield f"Whether something was lost cannot be told of: {unclear}."
    if report.blocked_by:
        claims, why = ", ".join(report.blocked_by), as_markdown(forced_because)
        yield f"The gate blocked this model ({claims}). It was forced: {why}."
    certificate = version.outcome.certificate
    if certificate:
        share = figure(certificate.constrained_share, share=True)
        yield (
            f"OSFT's guarantee covers {share} of the parameters; at most "
            f"{certificate.worst_leak:.1e} of an update leaked into what it froze."
        )
    else:
        yield "Nothing constrained the updates: any skill may have changed."
    yield "What the base model must not be used for, this model must not be used for either."


def _named(report: ForgettingReport, verdict: str) -> str:
    names: list[TaskComparison] = [one for one in report.comparisons if one.verdict == verdict]
    return ", ".join(as_markdown(one.task) for one in names)
