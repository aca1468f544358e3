"""Schedules and sensors: there for who switches them on."""

from playwright.sync_api import expect

from tests.ui.browser import Screen


def test_nothing_runs_by_itself_until_somebody_switches_it_on(tab: Screen) -> None:
    tab.open("/automation")
    tab.shows("facts_schedule", "facts_new_data", "facts_new_rows", "tell_of_failed_runs")

    switches = tab.page.locator("input[type=checkbox]")
    expect(switches.nth(7)).to_be_attached()
    assert not [each for each in switches.all() if each.is_checked()]
