"""The base model stage: from an address to files on disk, examined, and the record of them.

Where models come from is `core.model_sources` and `resources/model_sources.py`; what is wrong with
one that exists is told by the checks on the asset, so that its page shows it.
"""

from collections.abc import Callable
from pathlib import Path

from osft_assets.core.errors import ModelError
from osft_assets.core.lineage import fingerprint
from osft_assets.core.model_records import ModelFindings, ModelRecord, model_record
from osft_assets.core.ports import ModelInspector, ModelSource
from osft_assets.core.recipes.base_model import BaseModelRecipe

# Raise it when the same revision would give other files.
CODE_VERSION = "1"


class BaseModelStage:
    """Makes a model ready to be trained."""

    def __init__(self, source: ModelSource, inspector: ModelInspector) -> None:
        self._source, self._inspector = source, inspector

    def run(self, recipe: BaseModelRecipe, say: Callable[[str], None]) -> ModelRecord:
        """The model that `recipe` names, downloaded now or before."""
        found = self._source.find(recipe)
        say(f"Base model: {found.uri} ({found.revision})")
        path = found.fetch(say)
        findings = self._inspector.inspect(path)
        _refuse_no_model(found.uri, path, findings)
        say(_summary(findings))
        return model_record(
            findings,
            uri=found.uri,
            revision=found.revision,
            fingerprint=fingerprint({"code": CODE_VERSION, "revision": found.revision}),
            path=path,
            trust_remote_code=recipe.trust_remote_code,
        )


def _refuse_no_model(uri: str, path: Path, findings: ModelFindings) -> None:
    """Without configuration or weights there is nothing to show, let alone to train."""
    problem = findings.config_problem or ("" if findings.size_bytes else findings.weights_problem)
    if problem:
        raise ModelError(f"{uri} is no model: {problem}. Looked in {path}. Check base_model")


def _summary(findings: ModelFindings) -> str:
    size = f"{findings.size_bytes / 1e9:,.2f} GB"
    if not findings.parameters:
        return f"{findings.architecture}, {size}"
    count = f"{findings.parameters / 1e6:,.1f} million parameters"
    return f"{findings.architecture}, {count} in {findings.dtype}, {size}"
