"""Windows that ticks close, and the restored state."""

from datetime import UTC, datetime
from random import Random

import pytest
from msgspec.structs import replace

from router.domain.fold import CLOSED_AT_ONCE
from router.domain.model.case import Case
from router.domain.model.report import Tick
from router.domain.state.partition_state import PartitionState
from tests.support.driver import Driver, hours, report, tiny

CITY = tiny()
LAMP, OTHER_LAMP = "4109020109000017", "4109020109000018"


def ids(case: Case) -> list[str]:
    return [one.id for one in case.reports]


def test_a_tick_closes_ended_windows_in_order() -> None:
    driver = Driver(CITY)
    for name, at in (("b", 2), ("a", 1), ("d", 9), ("c", 3)):
        driver.pipe(report(name, at, north=900 * at))
    assert driver.state.next_due() == hours(25)
    outcome = driver.tick(30)
    assert (outcome.decision, outcome.tasks) == ("window-closed", [])
    assert [ids(case)[0] for case in outcome.cases] == ["hotline:a", "hotline:b", "hotline:c"]
    assert {(case.window_closed_at, case.updated_at) for case in outcome.cases} == {(hours(30), hours(30))}
    assert driver.state.next_due() == hours(33)
    assert driver.state.matchable_cases == 1


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


def test_a_report_an_hour_after_the_end_closes_the_window() -> None:
    """In a backlog the tick waits behind other records; windows that ended long ago must not pile up."""
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", 2, north=900), report("3", 25 - 1e-6, north=1800))
    assert driver.state.matchable_cases == 3
    outcome = driver.pipe(report("4", 25, north=2700))
    assert outcome.decision == "opened"
    assert [ids(case)[0] for case in outcome.cases] == ["hotline:1", "hotline:4"]
    assert outcome.cases[0].window_closed_at == outcome.cases[0].updated_at == hours(25)
    assert [task.case for task in outcome.tasks] == [outcome.cases[1].id]
    assert driver.state.matchable_cases == 3


def test_a_clock_of_the_broker_that_jumps_leaves_most_windows_open() -> None:
    """50 cases, then ten reports that seem to be received 45 days later. After the repair, reports join what is there."""
    driver = Driver(CITY)
    driver.pipe(*[report(f"{n}", n / 60, north=900 * n) for n in range(50)])
    driver.pipe(*[report(f"ahead {n}", 1, received=24 * 45, north=-900 * (n + 1)) for n in range(10)])
    assert driver.state.matchable_cases == 50 + 10 - 10 * CLOSED_AT_ONCE
    assert driver.pipe(report("again 49", 2, north=900 * 49)).decision == "near"
    assert driver.pipe(report("again ahead", 2, north=-900)).decision == "near"


def test_ended_windows_do_not_pile_up_in_a_backlog() -> None:
    """Ten days of reports without a tick, each of another place: after the first day as many windows close as open."""
    driver = Driver(CITY)
    driver.pipe(*[report(f"{n}", n / 4, north=900 * (n % 100), east=900 * (n // 100)) for n in range(960)])
    assert driver.state.matchable_cases == 4 * 25


def test_a_report_of_the_year_1_can_be_folded() -> None:
    driver = Driver(CITY)
    assert driver.pipe(replace(report("1"), received_at=datetime.min.replace(tzinfo=UTC))).decision == "opened"


def test_a_redelivery_closes_nothing() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", 1, north=900))
    assert driver.pipe(report("1", 0, received=200)).cases == []
    assert driver.state.matchable_cases == 2


def test_a_window_that_was_extended_closes_once_at_its_new_end() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", 10), report("3", 20))
    assert driver.tick(43).decision == "ticked"
    assert driver.state.next_due() == hours(44)
    assert [len(case.reports) for case in driver.tick(44).cases] == [3]
    assert driver.tick(60).decision == "ticked"


def test_a_report_after_the_end_opens_a_case_with_or_without_a_tick() -> None:
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


def test_a_report_behind_the_closing_tick_opens_its_own_case() -> None:
    """Log order decides: a closed window stays closed, even for a report that was received in time."""
    driver = Driver(CITY)
    driver.pipe(report("1"))
    driver.tick(24)
    closed = driver.latest()
    assert driver.pipe(report("2", 1, received=23)).decision == "opened"
    assert closed.items() <= driver.latest().items()


def test_a_tick_on_an_empty_state_changes_nothing() -> None:
    assert Driver(CITY).tick(0).decision == "ticked"


# -- the state


def test_a_restored_state_has_the_span_of_the_case() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1", 10), report("2", 3, received=12), report("3", 15, network="policing"))
    (entry,) = driver.state.candidates.values()
    (again,) = driver.crash().state.candidates.values()
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
            state.restore(case, CITY.merging)
        assert state.snapshot() == driver.snapshot()


def test_a_snapshot_stays_as_it_was() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"))
    before = driver.snapshot()
    assert before == driver.snapshot()
    driver.pipe(report("2", 1, urgency="Immediate"))
    assert before != driver.snapshot()
    assert [len(case.reports) for case, *_ in before["candidates"].values()] == [1]


def test_the_same_log_gives_the_same_bytes() -> None:
    log = [report(f"{n}", n / 3, network=("hotline", "policing")[n % 2], north=n * 7 % 90) for n in range(60)]
    first, second = Driver(CITY), Driver(tiny())
    for driver in (first, second):
        driver.pipe(*log, Tick(at=hours(30)), *log, Tick(at=hours(60)))
    assert first.written == second.written
    assert first.dispatched == second.dispatched
