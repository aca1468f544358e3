"""One run of the demo, in a process of its own: `python -m osft_assets.demo.run NAME RATE FILE`.

Several go on side by side, as runs in one process cannot. Started and followed by
`osft_assets.demo.lanes`; the outcome, in FILE, is `osft_assets.demo.outcome`.
"""

import sys
from pathlib import Path
from typing import Any

import dagster as dg

from osft_assets.code_location import definitions, execute
from osft_assets.console import RunProgress
from osft_assets.core import checkpoint
from osft_assets.demo.outcome import Outcome, measured
from osft_assets.run_summary import failures, summarize


def main(pipeline: str, rate: float, path: Path) -> None:
    """Materialize the pipeline at this rate, and write what came of it."""
    settings = {f"{pipeline}__training": {"config": {"train": {"learning_rate": rate}}}}
    result = execute(f"{pipeline}_pipeline", {"ops": settings}, RunProgress())
    summarize(result, pipeline, definitions().workspace())
    outcome = Outcome(pipeline=pipeline, rate=rate, **_found(result, pipeline))
    path.write_text(outcome.model_dump_json(indent=2))


def _found(result: dg.ExecuteInProcessResult, pipeline: str) -> dict[str, Any]:
    failed = dict(failures(result))
    gate = f"{pipeline}__gate"
    if any(step != gate for step in failed):
        return {"ended": "failed", "why": "; ".join(failed.values())}
    values = {
        name: result.asset_value([pipeline, name])
        for name in ("base_scores", "scores", "forgetting_report", "checkpoint")
    }
    report = values["forgetting_report"]
    version = checkpoint.read_version(Path(values["checkpoint"].version_path))
    found = {
        **measured(report, values["base_scores"], values["scores"]),
        "steps": version.summary.steps,
        "model": values["checkpoint"].model.path,
    }
    if failed:
        blocking = [claim for claim in report.claims if claim.name in report.blocked_by]
        why = "; ".join(f"{claim.name}: {claim.reason}" for claim in blocking)
        return {**found, "ended": "refused", "why": why}
    entry = result.asset_value([pipeline, "registry_entry"]).registered
    name = f"{entry.name} {entry.version}" if entry else ""
    return {**found, "ended": "registered", "registered_as": name}


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
