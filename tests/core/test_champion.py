"""The champion: which version is used, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.champion import (
    CHAMPION,
    HISTORY,
    Promotion,
    before_champion,
    champion_of,
    history_of,
    newest_of,
    promoted,
)
from osft_assets.core.errors import RegistryError
from osft_assets.core.registry_records import Property, RegisteredModel
from tests.core.registry_parts import listing, registered_model

VERSIONS = ("1.0.0", "1.0.1", "1.0.2")


def promotion(version: str, kind: str = "promote", reason: str = "") -> Promotion:
    told = {"version": version, "at": "2026-11-21T12:00:00+00:00", "by": "ann", "reason": reason}
    return Promotion.model_validate(told | {"kind": kind})


def promote(model: RegisteredModel, version: str, kind: str = "promote") -> RegisteredModel:
    changed = model.properties | promoted(model, promotion(version, kind))
    return model.model_copy(update={"properties": changed})


def roll_back(model: RegisteredModel) -> RegisteredModel:
    return promote(model, before_champion(model), "rollback")


def current(model: RegisteredModel) -> str:
    champion = champion_of(model)
    return champion.version if champion else ""


@pytest.fixture
def model() -> RegisteredModel:
    return registered_model(*map(listing, VERSIONS))


def test_a_new_model_has_no_champion(model: RegisteredModel) -> None:
    assert champion_of(model) is None
    assert history_of(model) == ()


def test_a_promoted_version_is_the_champion(model: RegisteredModel) -> None:
    assert current(promote(model, "1.0.1")) == "1.0.1"


def test_the_champion_promoted_again_changes_nothing(model: RegisteredModel) -> None:
    assert promoted(promote(model, "1.0.1"), promotion("1.0.1")) == {}


def test_other_properties_are_not_written(model: RegisteredModel) -> None:
    assert set(promoted(model, promotion("1.0.0"))) == {CHAMPION, HISTORY}


def test_the_history_tells_who_when_and_why(model: RegisteredModel) -> None:
    why = promotion("1.0.0", reason="it is better")

    changed = model.model_copy(update={"properties": promoted(model, why)})

    assert history_of(changed) == (why,)


def test_a_rollback_goes_to_the_champion_before(model: RegisteredModel) -> None:
    third = promote(promote(promote(model, "1.0.0"), "1.0.1"), "1.0.2")

    assert current(roll_back(third)) == "1.0.1"
    assert current(roll_back(roll_back(third))) == "1.0.0"


def test_after_a_rollback_and_a_promotion_the_way_back_leaves_out_what_was_bad(
    model: RegisteredModel,
) -> None:
    bad = promote(promote(model, "1.0.0"), "1.0.1")

    better = promote(roll_back(bad), "1.0.2")

    assert before_champion(better) == "1.0.0"


@pytest.mark.parametrize("promotions", [(), ("1.0.0",)])
def test_there_is_nothing_before_the_first(
    model: RegisteredModel, promotions: tuple[str, ...]
) -> None:
    for version in promotions:
        model = promote(model, version)

    with pytest.raises(RegistryError, match="There is nothing to go back to"):
        before_champion(model)


@given(st.lists(st.sampled_from([*VERSIONS, "back"]), max_size=20))
def test_a_rollback_undoes_a_promotion_whatever_came_before(steps: list[str]) -> None:
    model = registered_model(*map(listing, VERSIONS))
    stack: list[str] = []
    for step in steps:
        if step == "back":
            if len(stack) > 1:
                model = roll_back(model)
                stack.pop()
        elif not stack or stack[-1] != step:
            model = promote(model, step)
            stack.append(step)

    assert current(model) == (stack[-1] if stack else "")


def test_a_version_that_is_not_there_is_refused_with_those_that_are(model: RegisteredModel) -> None:
    with pytest.raises(RegistryError, match=r"no version 9.9.9 .* There are: 1.0.0, 1.0.1, 1.0.2"):
        promoted(model, promotion("9.9.9"))


def test_an_archived_version_is_refused() -> None:
    model = registered_model(listing("1.0.0", state="ARCHIVED"))

    with pytest.raises(RegistryError, match="1.0.0 is archived"):
        promoted(model, promotion("1.0.0"))


def test_a_version_of_an_archived_model_is_refused(model: RegisteredModel) -> None:
    archived = model.model_copy(update={"state": "ARCHIVED"})

    with pytest.raises(RegistryError, match="The model lessons-model is archived"):
        promoted(archived, promotion("1.0.0"))


def test_a_version_without_files_is_refused() -> None:
    model = registered_model(listing("1.0.0", uri=""))

    with pytest.raises(RegistryError, match="was cut off: it has no files"):
        promoted(model, promotion("1.0.0"))


@pytest.mark.parametrize("text", ["{", "[{}]", "null"])
def test_a_history_that_somebody_else_wrote_is_an_error(text: str) -> None:
    with pytest.raises(RegistryError, match=f"property {HISTORY} of lessons-model"):
        history_of(registered_model(champion_history=text))


def test_a_long_history_loses_its_beginning_only(model: RegisteredModel) -> None:
    for number in range(250):
        model = promote(model, VERSIONS[number % 2])

    assert len(history_of(model)) == 200
    assert len(str(model.properties[HISTORY])) < 65_000
    assert current(model) == "1.0.1"


@pytest.mark.parametrize("word", ["ü", "模", "🏆"])
def test_a_long_history_of_long_reasons_stays_short_enough_to_be_kept(
    model: RegisteredModel, word: str
) -> None:
    for number in range(200):
        why = promotion(VERSIONS[number % 2], reason=word * 300)
        model = model.model_copy(update={"properties": promoted(model, why)})

    assert len(str(model.properties[HISTORY]).encode()) < 65_536
    assert before_champion(model) == "1.0.0"


def test_the_newest_version_is_the_last_one_whatever_the_clock_said() -> None:
    model = registered_model(listing("1.0.1", created_ms=5), listing("1.0.0", created_ms=9))

    assert newest_of(model) == "1.0.1"


# What somebody else set


def test_a_champion_that_is_no_version_is_told_with_the_way_out(model: RegisteredModel) -> None:
    gone = model.model_copy(update={"properties": {CHAMPION: "9.9.9"}})

    with pytest.raises(RegistryError, match=r"no version 9\.9\.9 .* promote another version"):
        champion_of(gone)


@pytest.mark.parametrize("set_by_hand", ["9.9.9", True, 7])
def test_a_champion_that_is_no_version_is_replaced(
    model: RegisteredModel, set_by_hand: Property
) -> None:
    gone = model.model_copy(update={"properties": {CHAMPION: set_by_hand}})

    assert current(promote(gone, "1.0.1")) == "1.0.1"


def test_a_champion_set_by_hand_gets_a_history_when_it_is_promoted(model: RegisteredModel) -> None:
    by_hand = model.model_copy(update={"properties": {CHAMPION: "1.0.1"}})

    promoted_too = promote(by_hand, "1.0.1")

    assert [change.version for change in history_of(promoted_too)] == ["1.0.1"]


def test_a_rollback_of_a_champion_set_by_hand_goes_to_the_one_before_it(
    model: RegisteredModel,
) -> None:
    told = promote(promote(model, "1.0.0"), "1.0.1")
    by_hand = told.model_copy(update={"properties": told.properties | {CHAMPION: "1.0.2"}})

    assert before_champion(by_hand) == "1.0.1"
