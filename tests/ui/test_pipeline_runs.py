"""A pipeline that runs: pressed, watched, and looked at when it has ended, green and red."""

import pytest
from playwright.sync_api import expect

from tests.ui.browser import Screen
from tests.ui.runs import Run, launched

_ASSETS_OF_A_GROUP = 10


def test_the_loss_is_watched_while_the_model_trains(tab: Screen, facts: Run) -> None:
    facts.wait_for_steps(8)

    tab.asset("facts", "training_metrics", "events")
    tab.shows("is currently refreshing this asset", "Observed in run", "tokens_per_second")
    tab.asset("facts", "training_metrics")
    tab.press("Plots")
    tab.shows("learning_rate", "tokens_per_second")
    tab.scroll_to("loss")
    tab.picture("live-loss")
    tab.open(f"/runs/{facts.run_id}")
    tab.shows("of 200: loss", "facts__training")

    assert not facts.is_over(), "the training was too short to be watched"


@pytest.mark.usefixtures("ended")
def test_a_run_that_passed_is_green_from_end_to_end(tab: Screen, facts: Run) -> None:
    tab.open(f"/runs/{facts.run_id}")
    tab.shows("Success")

    tab.group("facts", "list")
    expect(tab.page.get_by_text("Materialized", exact=True)).to_have_count(_ASSETS_OF_A_GROUP)
    tab.group("facts")
    tab.shows("registry_entry")
    tab.zoom_out()
    tab.picture("lineage")


@pytest.mark.usefixtures("ended")
def test_the_checkpoint_tells_how_it_was_made_and_what_is_guaranteed(tab: Screen) -> None:
    tab.asset("facts", "checkpoint")

    tab.shows("200 steps of osft", "of the parameters are constrained", "final_loss", "PyTorch")
    tab.asset("facts", "checkpoint", "checks")
    tab.shows("frozen_subspace_was_kept", "training_is_complete")


@pytest.mark.usefixtures("ended")
def test_the_rows_are_shown_with_their_columns_and_their_number(tab: Screen) -> None:
    tab.asset("facts", "train_split")

    tab.shows("Row count", "150", "list<role, content>", "The conversation, turn by turn.")
    tab.shows("first user message")


@pytest.mark.usefixtures("ended")
def test_the_scores_are_a_table_on_the_page(tab: Screen) -> None:
    tab.asset("facts", "scores")

    tab.shows("value ± standard error", "skill:old", "exact_match", "What guessing scores")


@pytest.mark.usefixtures("ended")
def test_the_report_says_first_whether_the_model_is_good(tab: Screen) -> None:
    tab.asset("facts", "forgetting_report")

    tab.shows("Passed the gate.", "Retention of old skills:")
    tab.picture("report")


@pytest.mark.usefixtures("ended")
def test_a_champion_is_chosen_by_pressing_a_button(tab: Screen) -> None:
    tab.asset("facts", "registry_entry")
    tab.shows("facts-model", "1.0.0", "the local registry")

    promoted = launched(tab, "facts_champion", "Materialize")

    assert promoted.wait() == "SUCCESS"
    tab.asset("facts", "champion")
    tab.shows("facts-model", "1.0.0", "replaced", "passed")


@pytest.mark.usefixtures("blocked")
def test_the_gate_is_red_and_says_why(tab: Screen, facts_sft: Run) -> None:
    tab.asset("facts_sft", "forgetting_report", "checks")
    tab.text("old_skills_are_kept").click()
    tab.shows("Failed", "skill:old is lost")
    tab.picture("gate")

    tab.open(f"/runs/{facts_sft.run_id}")
    tab.shows("Failure")


@pytest.mark.usefixtures("blocked")
def test_a_blocked_model_is_not_registered(tab: Screen) -> None:
    tab.group("facts_sft", "list")
    expect(tab.page.get_by_text("Materialized", exact=True)).to_have_count(_ASSETS_OF_A_GROUP - 1)
    tab.group("facts_sft")
    tab.shows("registry_entry")
    tab.zoom_out()
    tab.picture("lineage-blocked")
    tab.asset("facts_sft", "registry_entry")

    tab.shows("Failed in")
