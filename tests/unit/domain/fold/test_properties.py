"""What is true of every log: random reports and ticks at few places, so that reports often merge."""

from collections import Counter
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.domain.model.report import Provenance, Report, Tick
from router.domain.state.partition_state import PartitionState
from router.wire.codec import decode_case
from tests.support.driver import CELL, NEXT_CELL, OTHER_COMMUNITY, OTHER_STREET, Driver, hours, report, tiny

CITY = tiny()
Log = list[Report | Tick]

PLACES = (
    {"cell": CELL},
    {"cell": CELL, "north": 18},
    {"cell": NEXT_CELL, "east": 25},
    {"cell": OTHER_COMMUNITY, "north": 40},
    {"cell": OTHER_STREET},
    {"cell": CELL, "point": False, "accuracy": 900},
    {"cell": NEXT_CELL, "point": False, "accuracy": 71, "resolved_by": "code"},
    {"cell": CELL, "point": False, "accuracy": 5000, "resolved_by": "fallback"},
)


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Hours pass between most events, some reports are late, a few come out of order or again, ticks come at any time."""
    log: Log = []
    now = 0.0
    for number in range(draw(st.integers(1, 16))):
        now += draw(st.sampled_from([0, 0, 0, 0.5, 0.5, 3, 11, 24]))
        kind = draw(st.sampled_from(["report"] * 6 + ["tick", "again"]))
        if kind == "tick":
            log.append(Tick(at=hours(now + draw(st.sampled_from([-5, 0, 0, 0])))))
        elif kind == "again" and any(isinstance(event, Report) for event in log):
            log.append(again(draw(st.sampled_from([event for event in log if isinstance(event, Report)])), number))
        else:
            log.append(a_report(draw, number, now))
    return log


def a_report(draw: st.DrawFn, number: int, now: float) -> Report:
    return report(
        str(number),
        now - draw(st.sampled_from([0, 0, 2, 26])),
        received=now - draw(st.sampled_from([0, 0, 0, 4])),
        matter=draw(st.sampled_from(["tree", "tree", "grass", "hole"])),
        network=draw(st.sampled_from(["hotline", "policing", "urban-management"])),
        component_id=draw(st.sampled_from([None, None, None, "4109020109000017", "4109020109000018"])),
        status=draw(st.sampled_from(["Actual", "Actual", "Actual", "Test"])),
        urgency=draw(st.sampled_from(["Unknown", "Expected", "Immediate"])),
        offset=number,
        **draw(st.sampled_from(PLACES)),
    )


def again(one: Report, offset: int) -> Report:
    """The same report, sent once more by its source: later, and at another offset."""
    return replace(one, provenance=Provenance(topic=one.provenance.topic, partition=0, offset=1000 + offset))


def folded(log: Log) -> Driver:
    driver = Driver(CITY)
    for event in log:
        driver.pipe(event)
    return driver


@settings(max_examples=60)
@given(log=logs(), cuts=st.sets(st.integers(1, 15)))
def test_batches_of_any_sizes_leave_the_same_cases_and_tasks(log: Log, cuts: set[int]) -> None:
    singly, batched, at_once = folded(log), Driver(CITY), Driver(CITY)
    for begin, end in pairwise([0, *sorted(cut for cut in cuts if cut < len(log)), len(log)]):
        batched.batch(log[begin:end])
    at_once.batch(log)
    for driver in (batched, at_once):
        assert driver.latest() == singly.latest()
        assert driver.dispatched == singly.dispatched
        assert driver.snapshot() == singly.snapshot()


@settings(max_examples=60)
@given(log=logs(), cut=st.integers(0, 16), size=st.integers(1, 4))
def test_a_state_restored_after_any_prefix_equals_the_lost_one(log: Log, cut: int, size: int) -> None:
    driver, (prefix, rest) = Driver(CITY), (log[:cut], log[cut:])
    for begin in range(0, len(prefix), size):
        driver.batch(prefix[begin : begin + size])
    heir = driver.crash()
    assert heir.snapshot() == driver.snapshot()
    before = len(driver.dispatched)
    for event in rest:
        assert driver.pipe(event) == heir.pipe(event)
    assert heir.written == driver.written
    assert heir.dispatched == driver.dispatched[before:]
    assert heir.snapshot() == driver.snapshot()


@settings(max_examples=60)
@given(log=logs(), size=st.integers(1, 4), cut=st.integers(0, 16))
def test_a_copy_that_follows_every_change_equals_the_fold(log: Log, size: int, cut: int) -> None:
    """A standby sees each change of a case. After a failure it sees some of them again, from an earlier one on."""
    driver, copy = Driver(CITY), PartitionState()
    for begin in range(0, len(log), size):
        driver.batch(log[begin : begin + size])
    for _, value in [*driver.written, *driver.written[cut:]]:
        copy.restore(decode_case(value), driver.rules.merging)
    assert copy.snapshot() == driver.snapshot()


@settings(max_examples=60)
@given(log=logs())
def test_a_copy_drops_what_was_deleted(log: Log) -> None:
    driver, others = folded(log), PartitionState()
    assume(driver.latest())  # ticks alone make no case
    gone, *rest = driver.latest().values()
    for value in rest:
        others.restore(decode_case(value), driver.rules.merging)
    copy = driver.crash().state
    copy.drop(decode_case(gone).id, driver.rules.merging)
    copy.drop("C-unknown", driver.rules.merging)
    assert copy.snapshot() == others.snapshot()


@settings(max_examples=60)
@given(log=logs(), data=st.data())
def test_redeliveries_anywhere_change_no_case_and_no_task(log: Log, data: st.DataObject) -> None:
    once, noisy = folded(log), []
    for number, event in enumerate(log):
        noisy.append(event)
        for _ in range(data.draw(st.integers(0, 2))):
            earlier = [one for one in log[: number + 1] if isinstance(one, Report)]
            if earlier:
                noisy.append(again(data.draw(st.sampled_from(earlier)), number))
    twice = folded(noisy)
    assert twice.written == once.written
    assert twice.dispatched == once.dispatched
    assert twice.snapshot() == once.snapshot()


@settings(max_examples=60)
@given(log=logs())
def test_every_report_is_in_exactly_one_case_with_its_provenance(log: Log) -> None:
    first: dict[str, Report] = {}
    for event in log:
        if isinstance(event, Report):
            first.setdefault(event.id, event)
    driver = folded(log)
    named = [one for case in driver.cases for one in case.reports]
    assert Counter(one.id for one in named) == Counter(list(first))
    for one in named:
        source = first[one.id]
        assert (one.provenance, one.matter, one.cell) == (source.provenance, source.matter, source.location.cell)
    for case in driver.cases:
        assert len({one.cell[:9] for one in case.reports}) == 1
        assert {first[one.id].status for one in case.reports} == {case.status}
        assert {first[one.id].component_id for one in case.reports} <= {None, case.component_id}
        assert [one.joined == "opened" for one in case.reports] == [True] + [False] * (len(case.reports) - 1)


@settings(max_examples=60)
@given(log=logs())
def test_every_assignment_of_a_case_has_exactly_one_task(log: Log) -> None:
    driver = folded(log)
    dispatched = [task for task in driver.tasks if task.state == "dispatched"]
    assert [task.id for task in dispatched] == [duty.task for case in driver.cases for duty in case.assignments]
    due = {task.id: task.due_at for task in driver.tasks}
    assert due == {duty.task: duty.due_at for case in driver.cases for duty in case.assignments}


@settings(max_examples=60)
@given(log=logs())
def test_every_window_closes_when_the_clock_runs_to_its_end(log: Log) -> None:
    """As in the shell: a tick whenever the next window is due."""
    driver = folded(log)
    ends = {case.id: case.window_until for case in driver.cases if case.window_closed_at is None}
    closed: list[str] = []
    while (due := driver.state.next_due()) is not None:
        outcome = driver.pipe(Tick(at=due))
        assert outcome.decision == "window-closed"
        assert {ends[case.id] for case in outcome.cases} == {due}
        closed += [case.id for case in outcome.cases]
    assert closed == sorted(ends, key=lambda case: (ends[case], case))
    assert all(case.window_closed_at is not None for case in driver.cases)
    assert driver.state.matchable_cases == 0
