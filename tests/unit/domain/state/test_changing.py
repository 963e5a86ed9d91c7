"""A case changes through one door, and the index, the timers and the revision follow it."""

from datetime import timedelta

import pytest

from router.domain.matching.candidate import MatchCandidate
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from tests.support.driver import Driver, hours, merging, report, tiny

PARAMETERS = merging()


def one_case() -> PartitionState:
    driver = Driver(tiny())
    driver.pipe(report("1"))
    return driver.state


def test_a_change_raises_the_revision_by_one() -> None:
    state = one_case()
    (entry,) = state.candidates.values()
    with state.changing(entry.case, PARAMETERS):
        entry.case.description = "more"
    assert entry.case.revision == 2


def test_the_index_has_a_changed_case_under_its_new_matter() -> None:
    state = one_case()
    (entry,) = state.candidates.values()
    with state.changing(entry.case, PARAMETERS):
        entry.case.matter = "hole"
    (found,) = state.index.near(entry.case.cell, entry.case.lon or 0, entry.case.lat or 0, PARAMETERS)
    assert isinstance(found, MatchCandidate)
    assert found.case.matter == "hole"
    state.close_windows(hours(99), hours(99), RuleSets(tiny()))
    assert state.index.listed() == PartitionState().index.listed()


def test_a_longer_window_moves_the_timer() -> None:
    state = one_case()
    (entry,) = state.candidates.values()
    with state.changing(entry.case, PARAMETERS, moves=False):
        entry.case.window_until += timedelta(hours=2)
    assert state.next_due() == hours(26)
    assert entry.until_us == MatchCandidate.of(entry.case, PARAMETERS).until_us


def test_a_case_whose_window_is_closed_can_no_longer_be_matched() -> None:
    state = one_case()
    (case,) = state.close_windows(hours(24), hours(24), RuleSets(tiny()))
    assert (case.revision, case.window_closed_at) == (2, hours(24))
    assert (state.matchable_cases, state.next_due()) == (0, None)
    assert state.index.listed() == PartitionState().index.listed()


def test_a_change_that_fails_counts_no_revision() -> None:
    state = one_case()
    (entry,) = state.candidates.values()
    with pytest.raises(KeyError), state.changing(entry.case, PARAMETERS):
        raise KeyError
    assert entry.case.revision == 1


def test_a_candidate_that_grew_equals_one_made_from_its_case() -> None:
    driver = Driver(tiny())
    driver.pipe(report("1", 10), report("2", 3, received=12, north=5), report("3", 15, network="policing", east=5))
    (entry,) = driver.state.candidates.values()
    fresh = MatchCandidate.of(entry.case, PARAMETERS)
    for name in ("first_us", "last_us", "until_us", "networks", "places", "references"):
        assert getattr(entry, name) == getattr(fresh, name), name
