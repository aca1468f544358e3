"""The claims about a base model: its files are examined again, where they are now.

The examination is the `ModelInspector`'s. What has no files to speak of became no asset.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from osft_assets.checks.answers import answer, selected, specifications
from osft_assets.core.model_records import ModelFindings, ModelRecord
from osft_assets.core.ports import ModelInspector
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.retries import retried

_CLAIMS = {
    "has_config": "config.json can be read and names an architecture.",
    "has_tokenizer": "The tokenizer's files are there and can be read.",
    "weights_are_complete_and_finite": "Every weight is there, and none is NaN or infinite.",
}
_FOR_MESSAGES = {"has_chat_template": "There is a template that makes text of a conversation."}


def base_model_checks(pipeline: PipelineRecipe) -> dg.AssetChecksDefinition:
    """The claims about the base model of one pipeline."""
    asset = dg.AssetKey([pipeline.name, "base_model"])
    claims = _CLAIMS | (_FOR_MESSAGES if pipeline.row_kind == "messages" else {})

    @dg.multi_asset_check(
        name=f"{pipeline.name}__base_model_checks",
        specs=specifications(asset, claims),
        ins={"base_model": dg.AssetIn(asset)},
        can_subset=True,
    )
    @retried(pipeline.retry)
    def base_model_checks(
        context: dg.AssetCheckExecutionContext,
        base_model: ModelRecord,
        model_inspector: dg.ResourceParam[ModelInspector],
    ) -> Iterator[dg.AssetCheckResult]:
        findings = model_inspector.inspect(Path(base_model.path))
        results = [_answer(dg.AssetCheckKey(asset, name), base_model, findings) for name in claims]
        yield from selected(context, results)

    return base_model_checks


def _answer(
    key: dg.AssetCheckKey, model: ModelRecord, findings: ModelFindings
) -> dg.AssetCheckResult:
    problem = _problem(key.name, findings)
    seen = {**_seen(key.name, findings), "path": model.path}
    # What is not examined is not known to be wrong.
    warns = key.name == "weights_are_complete_and_finite" and not findings.weights_were_examined
    return answer(key, not problem, seen, f"{model.uri}: {problem}." if problem else "", warns)


def _problem(name: str, findings: ModelFindings) -> str:
    """What is wrong, or nothing."""
    template = "" if findings.has_chat_template else _NO_TEMPLATE
    return {
        "has_config": findings.config_problem,
        "has_tokenizer": findings.tokenizer_problem,
        "weights_are_complete_and_finite": findings.weights_problem,
        "has_chat_template": template,
    }[name]


_NO_TEMPLATE = (
    "there is no chat template, so conversations cannot be trained on. Take the instruct variant "
    "of the model, add chat_template.jinja to it, or train on documents (train.is_pretraining)"
)


def _seen(name: str, findings: ModelFindings) -> Mapping[str, Any]:
    if name == "has_config":
        return {"architecture": findings.architecture or "none"}
    if name != "weights_are_complete_and_finite":
        return {}
    return {
        "parameters": findings.parameters,
        "dtype": findings.dtype or "unknown",
        "size_bytes": findings.size_bytes,
    }
