"""Windows closed by ticks, the state that is restored, and that nothing well-formed makes the fold fail."""

from datetime import UTC, datetime
from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.cases import Case
from router.domain.fold import fold
from router.domain.reports import Certainty, Location, Provenance, Report, ResolvedBy, Severity, Status, Tick, Urgency
from router.domain.state import PartitionState
from router.wire.codec import encode_case, encode_task
from tests.support.driver import (
    CELL,
    NEXT_CELL,
    OTHER_COMMUNITY,
    OTHER_COUNTY,
    OTHER_STREET,
    Driver,
    hours,
    report,
    tiny,
)

CITY = tiny()
LAMP, OTHER_LAMP = "4109020109000017", "4109020109000018"


def ids(case: Case) -> list[str]:
    return [one.id for one in case.reports]


def test_a_tick_closes_what_has_ended_in_order() -> None:
    driver = Driver(CITY)
    for name, at in (("b", 2), ("a", 1), ("d", 9), ("c", 3)):
        driver.pipe(report(name, at, north=900 * at))
    assert driver.state.next_due() == hours(25)
    outcome = driver.tick(30)
    assert (outcome.decision, outcome.tasks) == ("window-closed", [])
    assert [ids(case)[0] for case in outcome.cases] == ["hotline:a", "hotline:b", "hotline:c"]
    assert {(case.window_closed_at, case.updated_at) for case in outcome.cases} == {(hours(30), hours(30))}
    assert driver.state.next_due() == hours(33)
    assert driver.state.open_cases == 1


def test_windows_that_end_together_close_in_the_order_of_their_ids() -> None:
    outcomes = []
    for order in ((0, 1, 2, 3), (3, 1, 0, 2)):
        driver = Driver(CITY)
        for number in order:
            driver.pipe(report(f"{number}", north=900 * number))
        outcomes.append([case.id for case in driver.tick(24).cases])
        assert outcomes[-1] == sorted(outcomes[-1])
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("early", [0, 23, 24 - 1e-6 / 3600])
def test_a_tick_that_comes_early_or_twice_does_nothing(early: float) -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"))
    before, written = driver.snapshot(), list(driver.written)
    assert (driver.tick(early).decision, driver.snapshot(), driver.written) == ("ticked", before, written)
    assert driver.tick(24).decision == "window-closed"
    closed, written = driver.snapshot(), list(driver.written)
    for at in (24, 24, 3):
        assert (driver.tick(at).decision, driver.snapshot(), driver.written) == ("ticked", closed, written)
    assert driver.state.next_due() is None


def test_a_report_received_an_hour_after_the_end_closes_the_window_as_a_tick_would() -> None:
    """In a backlog the tick stands behind all that waits: windows that ended long ago must not pile up."""
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", 2, north=900), report("3", 25 - 1e-6, north=1800))
    assert driver.state.open_cases == 3
    outcome = driver.pipe(report("4", 25, north=2700))
    assert outcome.decision == "opened"
    assert [ids(case)[0] for case in outcome.cases] == ["hotline:1", "hotline:4"]
    assert outcome.cases[0].window_closed_at == outcome.cases[0].updated_at == hours(25)
    assert [task.case for task in outcome.tasks] == [outcome.cases[1].id]
    assert driver.state.open_cases == 3


def test_a_redelivery_closes_nothing() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", 1, north=900))
    assert driver.pipe(report("1", 0, received=200)).cases == []
    assert driver.state.open_cases == 2


def test_a_window_that_was_extended_closes_once_at_its_new_end() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", 10), report("3", 20))
    assert driver.tick(43).decision == "ticked"
    assert driver.state.next_due() == hours(44)
    assert [len(case.reports) for case in driver.tick(44).cases] == [3]
    assert driver.tick(60).decision == "ticked"


def test_a_report_after_the_end_opens_a_new_case_whether_or_not_the_tick_has_come() -> None:
    for ticks in ((), (24,)):
        driver = Driver(CITY)
        driver.pipe(report("1"))
        for at in ticks:
            driver.tick(at)
        assert driver.pipe(report("2", 1, received=24)).decision == "opened"
        assert driver.case_of("2").suggestions == ()
    last = Driver(CITY)
    last.pipe(report("1"))
    assert last.pipe(report("2", 1, received=24 - 1e-6 / 3600)).decision == "near"


def test_a_report_that_comes_behind_the_tick_that_closed_its_case_opens_its_own() -> None:
    """Log order decides: what is closed stays closed, even for a report that was received in time."""
    driver = Driver(CITY)
    driver.pipe(report("1"))
    driver.tick(24)
    closed = driver.latest()
    assert driver.pipe(report("2", 1, received=23)).decision == "opened"
    assert closed.items() <= driver.latest().items()


def test_a_tick_before_everything_is_harmless() -> None:
    assert Driver(CITY).tick(0).decision == "ticked"


# -- the state


def test_a_restored_state_remembers_the_span_of_the_case() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1", 10), report("2", 3, received=12), report("3", 15, network="policing"))
    (entry,) = driver.state.open.values()
    (again,) = driver.crash().state.open.values()
    assert (entry.first_us, entry.last_us) == (again.first_us, again.last_us)
    assert (again.first_us, again.last_us) == tuple(int(at.timestamp()) * 10**6 for at in (hours(3), hours(15)))
    assert (entry.until_us, entry.networks) == (again.until_us, {"hotline", "policing"})


def test_cases_may_be_restored_in_any_order() -> None:
    driver = Driver(CITY)
    driver.batch([report(f"{number}", number % 7, north=30 * number) for number in range(40)])
    driver.tick(26)
    for seed in range(5):
        state, cases = PartitionState(), driver.cases
        Random(seed).shuffle(cases)
        for case in cases:
            state.restore(case, CITY)
        assert state.snapshot() == driver.snapshot()


def test_a_snapshot_stays_as_it_was() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"))
    before = driver.snapshot()
    assert before == driver.snapshot()
    driver.pipe(report("2", 1, urgency="Immediate"))
    assert before != driver.snapshot()
    assert [len(case.reports) for case, *_ in before["open"].values()] == [1]


def test_a_case_that_no_update_can_reach_leaves_only_the_ids_of_its_reports() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", component_id=LAMP), report("3", network="social-security", point=False))
    driver.tick(100)
    driver.tick(100 + 31 * 24)
    empty = Driver(CITY).snapshot()
    assert driver.snapshot() == empty | {"seen": {"hotline:1", "hotline:2", "social-security:3"}}
    again = driver.crash()
    again.tick(100 + 31 * 24)
    assert again.snapshot() == driver.snapshot()


def test_the_same_log_gives_the_same_bytes() -> None:
    log = [report(f"{n}", n / 3, network=("hotline", "policing")[n % 2], north=n * 7 % 90) for n in range(60)]
    first, second = Driver(CITY), Driver(tiny())
    for driver in (first, second):
        driver.pipe(*log, Tick(at=hours(30)), *log, Tick(at=hours(60)))
    assert first.written == second.written
    assert first.dispatched == second.dispatched


# -- never raises

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
NAMES = st.text("ab", min_size=1, max_size=2)


@st.composite
def locations(draw: st.DrawFn) -> Location:
    point = draw(st.none() | st.tuples(st.floats(-180, 180), st.floats(-90, 90)))
    return Location(
        cell=draw(st.sampled_from([CELL, NEXT_CELL, OTHER_COMMUNITY, OTHER_STREET, OTHER_COUNTY, "999999999999999"])),
        resolved_by=draw(st.sampled_from(get_args(ResolvedBy))),
        accuracy_m=draw(st.floats(0, 1e6)),
        lon=point[0] if point else None,
        lat=point[1] if point else None,
    )


REPORTS = st.builds(
    Report,
    id=NAMES,
    network=NAMES,
    source_id=NAMES,
    matter=st.sampled_from(["tree", "grass", "hole", "", "none such"]),
    source_code=st.text(max_size=3),
    occurred_at=INSTANTS,
    reported_at=INSTANTS,
    received_at=INSTANTS,
    location=locations(),
    provenance=st.builds(Provenance, topic=NAMES, partition=st.integers(0, 3), offset=st.integers(0, 2**62)),
    status=st.sampled_from(get_args(Status)),
    urgency=st.sampled_from(get_args(Urgency)),
    severity=st.sampled_from(get_args(Severity)),
    certainty=st.sampled_from(get_args(Certainty)),
    component_id=st.none() | st.sampled_from([LAMP, OTHER_LAMP, ""]),
    description=st.text(max_size=5),
)


@settings(max_examples=60, deadline=None)
@given(events=st.lists(REPORTS | st.builds(Tick, at=INSTANTS), max_size=12))
def test_whatever_is_well_formed_is_folded_and_can_be_written(events: list[Report | Tick]) -> None:
    """Well-formed: what normalise lets through, whose instants lie in the years 1970 to 2199."""
    state, taken = PartitionState(), set()
    for event in events:
        outcome = fold(state, event, CITY)
        for case in outcome.cases:
            encode_case(case)
            taken |= set(ids(case))
        for task in outcome.tasks:
            encode_task(task)
        state.next_due()
    assert taken == state.seen | state.holder.keys() == {event.id for event in events if isinstance(event, Report)}
