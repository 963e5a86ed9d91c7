"""Cases that nothing reaches any more leave the state; what may be in one of them is rejected, and never opens a second case."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.domain.case.archiving import IDS_KEPT, is_finished
from router.domain.fold import fold
from router.domain.intake.dedup import DedupIndex, Said
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report, Tick
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.log_clock import LogClock
from router.domain.state.partition_state import ARCHIVED_AT_ONCE, PartitionState
from router.domain.state.timers import STALE
from router.wire.codec import decode_case
from tests.support.driver import Driver, hours, report, tiny

CITY = tiny(standards="default: {}")
"""Without limits, so that a case is finished when its window has ended long enough."""
KEPT = IDS_KEPT / timedelta(hours=1)
CLOSED = 30.0
END = CLOSED + KEPT
"""When the case of `driver` is finished."""
FAR = 900


@pytest.fixture
def driver() -> Driver:
    """A driver with one case, whose window was closed at hour 30."""
    one = Driver(CITY)
    one.pipe(report("17", description="rubbish"))
    one.tick(CLOSED)
    return one


def archived(driver: Driver) -> list[str]:
    """Ids of the reports in the archive, in its order."""
    return [one.id for value in driver.archived for one in decode_case(value).reports]


def rejection_of(driver: Driver, one: Report) -> Rejection | None:
    return fold(driver.state, one, RuleSets(CITY)).rejection


def let_pass(driver: Driver, at: float) -> Driver:
    """A report elsewhere and a tick: both clocks of the log reach this hour."""
    driver.pipe(report(f"at {at}", at, north=FAR))
    driver.tick(at)
    return driver


def test_a_finished_case_is_archived_as_it_was(driver: Driver) -> None:
    last = driver.latest()
    let_pass(driver, END - 0.001)
    assert driver.archived == []
    let_pass(driver, END)
    assert driver.archived == list(last.values())
    assert not last.keys() & driver.latest().keys()
    assert driver.written[-1] == (*last.keys(), None)
    assert "hotline:17" not in driver.state.case_by_report
    assert driver.crash().snapshot() == driver.snapshot()


def test_a_case_with_a_limit_is_kept_until_its_department_is_waited_for_no_longer() -> None:
    driver = Driver(tiny(standards="default: {limit: 3d}"))
    driver.pipe(report("17"))
    driver.tick(CLOSED)
    let_pass(driver, 72 + KEPT - 0.001)
    assert driver.archived == []
    let_pass(driver, 72 + KEPT)
    assert archived(driver) == ["hotline:17"]


def test_archived_cases_come_in_the_order_in_which_they_were_finished() -> None:
    driver = Driver(CITY)
    for name, at in (("b", 2), ("a", 1), ("c", 3)):
        driver.pipe(report(name, at, north=FAR * at))
    for at in (25, 26, 27):
        driver.tick(at)
    driver.pipe(report("d", 2000))
    outcome = driver.tick(2000)
    assert [one.case.reports[0].id for one in outcome.archived] == ["hotline:a", "hotline:b", "hotline:c"]
    assert {one.at for one in outcome.archived} == {hours(2000)}


def test_one_event_archives_few_cases_and_the_next_ones_the_rest() -> None:
    driver, many = Driver(CITY), 3 * ARCHIVED_AT_ONCE - 1
    for number in range(many):
        driver.pipe(report(f"{number}", number / 1000, north=FAR * number))
    driver.tick(CLOSED)
    driver.pipe(report("later", 5000, north=-FAR))
    numbers = [len(driver.tick(5000).archived) for _ in range(4)]
    assert numbers == [ARCHIVED_AT_ONCE, ARCHIVED_AT_ONCE, ARCHIVED_AT_ONCE - 1, 0]
    assert len(set(archived(driver))) == many


@pytest.mark.parametrize("jumps", ["broker", "worker"])
def test_a_clock_that_jumps_archives_nothing_and_rejects_nothing(driver: Driver, jumps: str) -> None:
    """Kafka's clock stamps reports, the worker's clock ticks. Either may be wrong by 45 days, for as long as it likes."""
    for number in range(2, 50):
        jumped = CLOSED + number + 45 * 24
        if jumps == "worker":
            driver.pipe(report(f"{number}", CLOSED + number, north=FAR * number))
            driver.tick(jumped)
        else:
            driver.pipe(report(f"{number}", CLOSED + number, received=jumped, north=FAR * number))
            driver.tick(CLOSED + number)
    assert driver.archived == []
    assert driver.pipe(report("after", 100, north=-FAR)).decision == "opened"
    late = report("17", received=101, offset=9, version=2, description="more")
    assert driver.pipe(late).decision == "updated"


@pytest.mark.parametrize("ticks", [0, 1])
def test_log_time_needs_a_report_and_a_tick(ticks: int) -> None:
    driver = Driver(CITY)
    driver.pipe(report("17"))
    if ticks:
        driver.tick(CLOSED)
        driver.tick(9999)
    else:
        driver.pipe(report("18", 99, north=FAR), report("19", 9999, north=-FAR))
    assert driver.archived == []


@settings(max_examples=40)
@given(cut=st.integers(0, 11), batch=st.integers(1, 5))
def test_a_restored_state_archives_the_same_cases_at_the_same_events(cut: int, batch: int) -> None:
    events = [report(f"{n}", n * 200.0, north=FAR * n) for n in range(12)]
    driver = Driver(CITY)
    for begin in range(0, cut, batch):
        driver.batch(events[begin : min(begin + batch, cut)])
        driver.tick(begin * 200.0 + 150)
    heir = driver.crash()
    assert (heir.snapshot(), heir.state.clock) == (driver.snapshot(), driver.state.clock)
    for event in events[cut:]:
        assert heir.pipe(event) == driver.pipe(event)
        at = (event.received_at - hours(0)) / timedelta(hours=1) + 150
        assert heir.tick(at) == driver.tick(at)
    assert driver.archived[len(driver.archived) - len(heir.archived) :] == heir.archived


# -- what may be in an archived case


LATE: list[dict[str, Any]] = [
    {},
    {"description": "more"},
    {"version": 7, "first_received_at": hours(0)},
    {"received": 0},
    {"received": 0, "version": 2},
]


@pytest.mark.parametrize("more", LATE)
@pytest.mark.parametrize("crash", [False, True])
def test_nothing_of_an_archived_case_opens_a_second_one(driver: Driver, more: dict[str, Any], crash: bool) -> None:
    let_pass(driver, END)
    driver = driver.crash() if crash else driver
    again = report("17", offset=9, **{"received": END + 1} | more)
    rejected = rejection_of(driver, again)
    assert rejected is not None
    assert rejected.code == "too-late"
    assert rejected.reason == (
        "report hotline:17 is more than 30 days old, and the router remembers ids no longer, so it may be in a case already; "
        "look for it in grid.archive, and if no case has it, redrive this dead letter: it then opens a case."
    )


def test_a_person_answers_for_what_is_redriven(driver: Driver) -> None:
    let_pass(driver, END)
    assert driver.pipe(report("old", received=5, offset=9, redriven=True)).decision == "opened"


def test_a_version_whose_first_one_was_rejected_opens_a_case(driver: Driver) -> None:
    """It is young, so no forgotten case can have it, and it must not be lost."""
    let_pass(driver, END)
    young = report("new", 0, received=END + 1, version=2, first_received_at=hours(END - 24), north=-FAR)
    assert driver.pipe(young).decision == "opened"


def test_a_state_that_has_forgotten_nothing_takes_the_oldest_report(driver: Driver) -> None:
    """A city may begin with its history."""
    assert driver.pipe(report("old", -99999, received=END, north=FAR)).decision == "opened"


def test_only_what_may_be_forgotten_is_rejected(driver: Driver) -> None:
    """A report that was made after the last forgotten window ended was never known. Clocks differ by an hour at most."""
    let_pass(driver, END)
    assert driver.pipe(report("young", CLOSED + 1.001, received=END + 1, north=FAR)).decision == "opened"
    assert driver.pipe(report("old", CLOSED + 1, received=END + 1, north=-FAR)).decision == "rejected"


def test_a_state_without_its_stored_offset_assumes_what_it_may_have_forgotten(driver: Driver) -> None:
    """The events of ninety days come again, and those of archived cases must open no second one."""
    driver.pipe(report("18", 100, north=FAR))
    driver.tick(200)
    let_pass(driver, END)
    assert archived(driver) == ["hotline:17"]
    heir = Driver(CITY, driver.written)
    heir.state.assume_forgotten()
    assert heir.pipe(report("17", description="rubbish")).decision == "rejected"
    assert heir.pipe(report("18", 100, north=FAR)).decision == "redelivered"
    assert heir.pipe(report("19", 202, north=-FAR)).decision == "opened"


@pytest.mark.parametrize("closed", [False, True])
def test_a_young_state_without_its_stored_offset_takes_new_reports(closed: bool) -> None:
    """A deployment that was upgraded in its first hours: nothing of it can have been archived, so nothing is too late."""
    driver = Driver(CITY)
    driver.pipe(report("17"), report("18", CLOSED - 0.5, north=FAR))
    if closed:
        driver.tick(CLOSED)
    heir = Driver(CITY, driver.written)
    heir.state.assume_forgotten()
    assert heir.pipe(report("19", CLOSED + 0.1, north=-FAR)).decision == "opened"
    assert heir.pipe(report("20", 0.2, received=CLOSED + 0.1, north=2 * FAR)).decision == "opened"


def emptied() -> Driver:
    """A driver with one case, whose only report went back to another case that is archived since."""
    driver, joiner = Driver(CITY), report("2", 0.5, network="policing")
    driver.pipe(report("1"), joiner)
    again = replace(joiner, version=2, matter="hole", received_at=hours(1))
    driver.pipe(again, Tick(at=hours(CLOSED)), replace(joiner, version=3, received_at=hours(40)))
    return let_pass(driver, END)


def test_a_case_that_its_only_report_left_is_finished_and_archived() -> None:
    driver = emptied()
    assert [decode_case(value).state for value in driver.archived] == ["dispatched"]
    let_pass(driver, 40 + KEPT)
    empty = decode_case(driver.archived[1])
    assert (empty.state, empty.reports, empty.departed[0].report) == ("empty", (), "policing:2")
    assert driver.state.left == {}


def test_a_state_of_nothing_but_an_empty_case_can_be_restored() -> None:
    (empty,) = [case for case in emptied().cases if case.state == "empty"]
    state = PartitionState()
    state.restore(empty, CITY.merging)
    state.assume_forgotten()
    assert state.case_by_report == {}
    assert state.clock.forgotten_until is not None
    assert state.clock.forgotten_until < hours(0)


def test_a_state_that_only_follows_its_changelog_stays_small() -> None:
    """Nothing is taken from a standby copy's heaps: every change of a case would leave an entry there for ever."""
    driver, copy_ = Driver(CITY), PartitionState()
    driver.pipe(report("a"))
    (still_open,) = driver.cases
    ended = replace(
        still_open,
        id="C-closed",
        window_closed_at=hours(CLOSED),
        reports=(replace(still_open.reports[0], id="hotline:b"),),
    )
    for number in range(3 * STALE):
        later = timedelta(minutes=number)
        copy_.restore(replace(still_open, window_until=still_open.window_until + later), CITY.merging)
        copy_.restore(replace(ended, window_closed_at=hours(CLOSED) + later), CITY.merging)
    assert max(len(copy_.windows), len(copy_._ends)) <= STALE + 3
    assert copy_.next_due() == still_open.window_until + later
    copy_.clock = LogClock(hours(9999), hours(9999))
    assert [one.case.id for one in copy_.archive()] == ["C-closed"]
    assert copy_.archive() == ()


def test_nothing_reaches_an_open_case_too_late() -> None:
    """However long reports join a case: it is finished only after its window was closed."""
    driver = Driver(tiny(standards="default: {limit: 60d}\n"))  # reports join until the limit of the lead
    for number in range(60):
        driver.pipe(report(f"{number}", 20.0 * number))
    (case,) = driver.cases
    assert not is_finished(case, hours(99999))
    again = report("0", 0, received=1200, offset=999, description="more")
    assert driver.pipe(again).decision == "updated"


# -- both memories together


class Both:
    """The dedup index and the state of the merge stage, one behind the other."""

    def __init__(self) -> None:
        self.driver, self.index, self.offset = Driver(CITY), DedupIndex(), 0

    def send(self, name: str, occurred: float, received: float, text: str, reported: float | None = None) -> str:
        """A network sends a record. Returns what became of it."""
        self.offset += 1
        one = report(name, occurred, received=received, offset=self.offset, description=text, north=FAR * int(name))
        one = one if reported is None else replace(one, reported_at=hours(reported))
        decision = self.index.register(one, Said(text), text.encode())
        self.index.forget(
            one.received_at, 60 * 24
        )  # the index's clock follows at once: the shortest memory that it can have
        if decision is None or isinstance(decision, Rejection):
            return "redelivered" if decision is None else decision.code
        return "redelivered" if decision[0] is None else self.driver.pipe(decision[0]).decision


SENT = st.lists(
    st.tuples(
        st.sampled_from("1123"), st.sampled_from([0.0, 1.0, 20.0, 100.0, 500.0, 730.0, 800.0]), st.sampled_from("aab")
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(sent=SENT, ticked=st.lists(st.booleans(), min_size=12, max_size=12))
def test_a_report_is_in_one_case_whatever_its_network_sends_again(
    sent: list[tuple[str, float, str]], ticked: list[bool]
) -> None:
    """Corrections, redeliveries and archives at any distance, while the index forgets after 30 days and the state archives."""
    both, now, born = Both(), 0.0, dict[str, float]()
    for (name, gap, text), tick in zip(sent, ticked, strict=False):
        now += gap + 0.01
        both.send(name, born.setdefault(name, now), now, text)
        if tick:
            both.driver.tick(now)
    cases = [*both.driver.cases, *map(decode_case, both.driver.archived)]
    assert max(Counter(one.id for case in cases for one in case.reports).values(), default=0) <= 1
    assert both.driver.crash().snapshot() == both.driver.snapshot()


def test_a_network_that_sends_everything_daily_keeps_its_ids_in_the_index_only() -> None:
    """The state forgets a report that the index still knows: its next version is rejected, and says first when it came first."""
    both = Both()
    both.send("1", 0, 0, "rubbish")
    both.driver.tick(CLOSED)
    for day in range(1, 40):
        assert both.send("1", 0, 25.0 * day, "rubbish") == "redelivered"
        both.send(f"{day + 1}", 25.0 * day, 25.0 * day, "another")
        both.driver.tick(25.0 * day)
    assert archived(both.driver)[0] == "hotline:1"
    assert both.send("1", 0, 1000, "the time of reporting was corrected, too", reported=990) == "rejected"


def test_only_the_latest_incidents_of_a_number_are_remembered(driver: Driver) -> None:
    second = replace(report("17", 100, offset=2), id="hotline@20261005T050000Z:17")
    driver.pipe(second)
    driver.tick(200)
    assert driver.state.latest_incident("hotline:17") == second.id
    let_pass(let_pass(driver, END), 200 + KEPT)
    assert archived(driver) == ["hotline:17", second.id]
    assert driver.state.latest_incident("hotline:17") == "hotline:17"
    assert driver.snapshot()["incidents"] == {}
