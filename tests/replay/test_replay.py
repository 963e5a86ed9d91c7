"""Golden histories: the same source records must lead to the same cases, tasks and dead letters."""

import pytest
from msgspec.structs import replace

from tests.replay.difference import difference
from tests.replay.golden import Replayed, read_golden, replay
from tests.replay.sources import CITIES


@pytest.mark.parametrize("city", CITIES)
def test_a_recorded_history_is_decided_as_recorded(city: str) -> None:
    today, records = replay(city)
    text = difference(city, read_golden(city), today, records)
    if text is not None:
        pytest.fail(text, pytrace=False)


@pytest.fixture(scope="module")
def seattle() -> Replayed:
    return replay("seattle")


def test_replaying_twice_gives_the_same(seattle: Replayed) -> None:
    assert replay("seattle").golden == seattle.golden


def test_the_first_different_block_is_reported_with_its_records(seattle: Replayed) -> None:
    golden = seattle.golden
    text = difference("seattle", replace(golden, blocks=(golden.blocks[0], "other")), golden, seattle.records)
    assert text is not None
    assert "Block 1 is the first" in text
    assert "source records 1000 to 1345, reports.policing/" in text
    assert "raise LOGIC_VERSION" in text
    assert "python -m tests.replay.record seattle" in text


def test_a_difference_only_in_the_cases_is_reported(seattle: Replayed) -> None:
    text = difference("seattle", replace(seattle.golden, cases="other"), seattle.golden, seattle.records)
    assert text is not None
    assert "the cases at the end are not" in text


def test_changed_data_is_distinguished_from_changed_code(seattle: Replayed) -> None:
    golden = seattle.golden
    older = replace(golden, rules=replace(golden.rules, rule_set="000000000000"), blocks=("other", golden.blocks[1]))
    text = difference("seattle", older, golden, seattle.records)
    assert text is not None
    assert "data has changed (rule set 000000000000 became" in text
    assert "recorded again" in text
    assert "LOGIC_VERSION" not in text


def test_changed_data_with_equal_decisions_is_reported(seattle: Replayed) -> None:
    golden = seattle.golden
    text = difference("seattle", replace(golden, rules=replace(golden.rules, merging="")), golden, seattle.records)
    assert text is not None
    assert "Every decision is as it was recorded." in text
    assert "the merge parameters have changed" in text


def test_a_raised_logic_version_asks_for_a_new_recording(seattle: Replayed) -> None:
    golden = seattle.golden
    text = difference("seattle", replace(golden, logic_version=0), golden, seattle.records)
    assert text is not None
    assert "recorded with 0: record again" in text
