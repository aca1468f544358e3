"""Before anything runs: what is there, and that it loaded well."""

import re

import pytest

from tests.ui.browser import Screen
from tests.ui.served import Served

# Of Dagster, about its own command.
_DAGSTERS_OWN = re.compile(r"SupersessionWarning: Function `dev_command`")


def test_the_code_location_is_loaded(tab: Screen) -> None:
    tab.open("/locations")

    tab.shows("1 code location", "osft_assets.definitions", "Loaded")


def test_loading_printed_no_error_and_no_warning(tab: Screen, ui: Served) -> None:
    tab.open("/locations")
    tab.shows("Loaded")

    lines = [line for line in ui.printed().splitlines() if not _DAGSTERS_OWN.search(line)]

    assert [line for line in lines if re.search(r"Warning|ERROR|Traceback|Error:", line)] == []


@pytest.mark.parametrize("group", ["osft", "sft", "demo", "facts"])
def test_a_file_is_a_group_of_ten_assets_and_a_champion(tab: Screen, group: str) -> None:
    tab.open(f"/locations/osft_assets/asset-groups/{group}/lineage")

    tab.shows("base_model", "train_split", "holdout_split", "checkpoint", "training_metrics")
    tab.shows("base_scores", "scores", "champion_scores", "forgetting_report", "registry_entry")
    tab.shows("champion", "Materialize all")


def test_an_asset_tells_what_it_is_who_owns_it_and_how_to_judge_it(tab: Screen) -> None:
    tab.asset("facts", "forgetting_report")

    tab.shows("What was learned and what was forgotten", "Its checks are the gate", "docs/gate.md")
    tab.shows("language-models", "ada@example.org", "product: chat", "osft/stage: evaluation")
    tab.shows("Report")
