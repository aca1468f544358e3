"""Runs that a test starts by pressing the button, and waits for."""

from tests.ui.browser import Screen

_RUNS = """{ runsOrError(limit: 20) { ... on Runs { results {
    runId status assetSelection { path } } } } }"""
_OBSERVED = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
    assetObservations(limit: 100) { timestamp } } } }"""
_OVER = ("SUCCESS", "FAILURE", "CANCELED")


class Run:
    """One run of one pipeline."""

    def __init__(self, tab: Screen, pipeline: str, run_id: str) -> None:
        self._tab, self.pipeline, self.run_id = tab, pipeline, run_id

    def status(self) -> str:
        return next(one["status"] for one in _runs(self._tab) if one["runId"] == self.run_id)

    def is_over(self) -> bool:
        return self.status() in _OVER

    def wait(self) -> str:
        """How it ended."""
        self._tab.wait_until(self.is_over, f"the end of {self.pipeline}")
        return self.status()

    def wait_for_steps(self, most: int) -> None:
        """Until so many steps of the training are shown; fails where it ended before."""
        key = {"path": [self.pipeline, "training_metrics"]}

        def shown() -> bool:
            assert not self.is_over(), f"{self.pipeline} ended before its training was seen"
            node = self._tab.ask(_OBSERVED, key=key)["assetNodeOrError"]
            return len(node["assetObservations"]) >= most

        self._tab.wait_until(shown, f"{most} steps of {self.pipeline}")


def launched(tab: Screen, group: str, button: str = "Materialize all") -> Run:
    """What the button of a group's lineage starts."""
    known = {one["runId"] for one in _runs(tab)}
    tab.group(group)
    tab.press(button)

    def new() -> list[str]:
        return [one["runId"] for one in _runs(tab) if one["runId"] not in known]

    tab.wait_until(lambda: bool(new()), f"a run of {group}", within=90)
    return Run(tab, group, new()[0])


def run_count(tab: Screen) -> int:
    return len(_runs(tab))


def _runs(tab: Screen) -> list[dict[str, str]]:
    found: list[dict[str, str]] = tab.ask(_RUNS)["runsOrError"]["results"]
    return found
