"""Golden histories: the same source records must lead to the same cases, tasks and dead letters."""

import pytest
from msgspec.structs import replace

from tests.replay.difference import difference
from tests.replay.golden import Replayed, read_golden, replay
from tests.replay.sources import CITIES


@pytest.mark.parametrize("city", CITIES)
def test_a_recorded_history_is_decided_as_it_was(city: str) -> None:
    today, records = replay(city)
    told = difference(city, read_golden(city), today, records)
    if told is not None:
        pytest.fail(told, pytrace=False)


@pytest.fixture(scope="module")
def seattle() -> Replayed:
    return replay("seattle")


def test_replaying_twice_gives_the_same(seattle: Replayed) -> None:
    assert replay("seattle").golden == seattle.golden


def test_the_first_block_that_differs_is_named_with_its_records(seattle: Replayed) -> None:
    golden = seattle.golden
    told = difference("seattle", replace(golden, blocks=(golden.blocks[0], "other")), golden, seattle.records)
    assert told is not None
    assert "Block 1 is the first" in told
    assert "source records 1000 to 1345, reports.policing/" in told
    assert "raise LOGIC_VERSION" in told
    assert "python -m tests.replay.record seattle" in told


def test_a_difference_of_the_cases_alone_is_told(seattle: Replayed) -> None:
    told = difference("seattle", replace(seattle.golden, cases="other"), seattle.golden, seattle.records)
    assert told is not None
    assert "the cases at the end are not" in told


def test_changed_data_is_told_apart_from_changed_code(seattle: Replayed) -> None:
    golden = seattle.golden
    older = replace(golden, rules=replace(golden.rules, rule_set="000000000000"), blocks=("other", golden.blocks[1]))
    told = difference("seattle", older, golden, seattle.records)
    assert told is not None
    assert "data has changed (rule set 000000000000 became" in told
    assert "recorded anew" in told
    assert "LOGIC_VERSION" not in told


def test_changed_data_without_another_decision_is_told_too(seattle: Replayed) -> None:
    golden = seattle.golden
    told = difference("seattle", replace(golden, rules=replace(golden.rules, merging="")), golden, seattle.records)
    assert told is not None
    assert "Every decision is as it was recorded." in told
    assert "merging.yaml is another" in told


def test_a_raised_logic_version_asks_for_a_new_recording(seattle: Replayed) -> None:
    golden = seattle.golden
    told = difference("seattle", replace(golden, logic_version=0), golden, seattle.records)
    assert told is not None
    assert "recorded with 0: record again" in told
