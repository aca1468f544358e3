"""What the commands print of a run's checks."""

from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from osft_assets.run_summary import list_claims


def ended_with(*claims: dg.AssetCheckEvaluation) -> Any:
    return SimpleNamespace(get_asset_check_evaluations=lambda: claims)


def claim(*, passed: bool, blocking: bool, severity: str = "ERROR") -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["mine", "forgetting_report"]),
        check_name="new_skill_is_learned",
        passed=passed,
        blocking=blocking,
        severity=dg.AssetCheckSeverity(severity),
        description="six documents say nothing",
        metadata={},
    )


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (claim(passed=True, blocking=True), "ok"),
        (claim(passed=False, blocking=True), "FAILED"),
        (claim(passed=False, blocking=False), "WARN"),
        (claim(passed=False, blocking=True, severity="WARN"), "WARN"),
    ],
)
def test_only_what_stops_a_run_is_called_failed(
    found: dg.AssetCheckEvaluation, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    list_claims(ended_with(found))

    assert capsys.readouterr().out.split()[0] == verdict
