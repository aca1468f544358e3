"""The launchpad: what is wrong is refused before there is a run."""

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.ui.browser import Screen
from tests.ui.runs import run_count

_MISSPELT = "ops:\n  facts__dataset:\n    config:\n      data_spit: 0.9\n"
_OUT_OF_RANGE = "ops:\n  facts__dataset:\n    config:\n      data_split: 1.5\n"


def _launchpad(tab: Screen, job: str, config: str = "") -> None:
    tab.open(f"/locations/osft_assets/jobs/{job}/playground/setup?config={quote(config)}")
    tab.shows("Launch Run")


def test_a_misspelt_setting_cannot_be_launched(tab: Screen) -> None:
    _launchpad(tab, "facts_pipeline", _MISSPELT)

    tab.shows('Received unexpected config entry "data_spit"')
    tab.picture("launchpad")
    expect(tab.page.get_by_role("button", name="Launch Run")).to_be_disabled()


def test_a_value_out_of_range_is_refused_in_our_words_and_makes_no_run(tab: Screen) -> None:
    before = run_count(tab)
    _launchpad(tab, "facts_pipeline", _OUT_OF_RANGE)

    tab.press("Launch Run")

    tab.shows("config.data_split: Input should be less than or equal to 1 (found 1.5)")
    assert run_count(tab) == before


@pytest.mark.parametrize("job", ["osft_pipeline", "sft_pipeline"])
def test_the_flat_names_of_the_kubeflow_pipelines_are_in_the_launchpad(
    tab: Screen, job: str
) -> None:
    _launchpad(tab, job)

    tab.shows("phase_01_dataset_man_data_uri", "phase_04_registry_man_address")
