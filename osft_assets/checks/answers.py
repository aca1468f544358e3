"""What a claim looks like in Dagster: its specification and its answer."""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import dagster as dg


def specifications(
    asset: dg.AssetKey, claims: Mapping[str, str], warnings: Set[str] = frozenset()
) -> list[dg.AssetCheckSpec]:
    """Claims about one asset, with what they mean. All but warnings block what comes after."""
    return [
        dg.AssetCheckSpec(name, asset=asset, description=text, blocking=name not in warnings)
        for name, text in claims.items()
    ]


def answer(
    key: dg.AssetCheckKey,
    passed: bool,
    seen: Mapping[str, Any],
    description: str = "",
    warns: bool = False,
) -> dg.AssetCheckResult:
    """The answer to one claim. One that `warns` stops nobody, even where the claim blocks."""
    severity = dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=passed,
        severity=severity,
        metadata=dict(seen),
        description=description or None,
    )


def selected(
    context: dg.AssetCheckExecutionContext, results: Iterable[dg.AssetCheckResult]
) -> Iterator[dg.AssetCheckResult]:
    """Those that this run asks for."""
    wanted = context.selected_asset_check_keys
    for result in results:
        if (
            result.asset_key
            and dg.AssetCheckKey(result.asset_key, result.check_name or "") in wanted
        ):
            yield result
