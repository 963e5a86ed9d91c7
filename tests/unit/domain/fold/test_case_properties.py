"""What is true of the cases of every log: reports, corrections of all kinds, closings, redeliveries and ticks at few places."""

from collections import Counter
from collections.abc import Sequence
from copy import copy
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.domain.case.derived import counting, derive
from router.domain.case.task_record import task
from router.domain.model.case import Case
from router.domain.model.report import Media, Report, Tick
from router.domain.model.task import Task
from router.domain.state.partition_state import PartitionState
from router.wire.codec import decode_case
from tests.support.driver import (
    CELL,
    MERGING,
    NEXT_CELL,
    OTHER_COMMUNITY,
    OTHER_STREET,
    THREE_DUTIES,
    Driver,
    hours,
    report,
    tiny,
)

AFFINE = MERGING.replace("[grass, hole], affinity: 0.45", "[grass, hole], affinity: 0.8")
"""Grass is like tree and like hole, and these two are not alike: who leads a case decides who may stay."""
CITY = tiny(AFFINE, duties=THREE_DUTIES, standards="default: {limit: 2d}\n")
Log = list[Report | Tick]
HERE = ({"cell": CELL}, {"cell": CELL, "north": 12}, {"cell": NEXT_CELL, "east": 15})
ELSEWHERE = (
    {"cell": OTHER_COMMUNITY, "north": 600},
    {"cell": OTHER_STREET},
    {"cell": CELL, "point": False, "accuracy": 900},
    {"cell": CELL, "point": False, "accuracy": 5000, "resolved_by": "fallback"},
)
DOUBTED = replace(report("x", **HERE[1]).location, doubt="the source wrote another cell")
MEDIA = tuple(Media(url=f"https://photos.example.org/{name}", sha256="a" * 64) for name in "abcde")
ASPECTS: dict[str, st.SearchStrategy[Any]] = {
    "matter": st.sampled_from(["tree", "grass", "hole"]),
    "location": st.sampled_from(
        [*[report("x", **place).location for place in (*HERE, *ELSEWHERE, *ELSEWHERE)], DOUBTED]
    ),
    "occurred_at": st.sampled_from([hours(0), hours(1), hours(-400)]),
    "status": st.sampled_from(["Actual", "Actual", "Exercise", "Test"]),
    "closed": st.sampled_from([None, "closed", "cancelled"]),
    "component_id": st.sampled_from([None, "4109020109000017", "4109020109000018"]),
    "urgency": st.sampled_from(["Unknown", "Expected", "Immediate"]),
    "severity": st.sampled_from(["Unknown", "Minor", "Extreme"]),
    "description": st.sampled_from(["", "a", "b", "c" * 300]),
    "address": st.sampled_from(["", "here", "there" * 60]),
    "media": st.sampled_from([(), MEDIA[:1], MEDIA]),
}
"""What a correction may change."""
KINDS = ["new", *["correct"] * 5, "undo", "undo", "again", "tick"]


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Some reports of one incident, then mostly corrections of one aspect, of which some are taken back."""
    log: Log = [_new(draw, f"{number}", 0, number, HERE) for number in range(draw(st.integers(2, 4)))]
    latest = {one.id: one for one in log if isinstance(one, Report)}
    now = 1.0
    for number in range(len(log), len(log) + draw(st.integers(1, 12))):
        now += draw(st.sampled_from([0, 0, 0.5, 0.5, 3, 11, 60]))
        kind = draw(st.sampled_from(KINDS))
        if kind == "tick":
            log.append(Tick(at=hours(now)))
            continue
        if kind == "new":
            event = _new(draw, f"{number}", now, number, (*HERE, *ELSEWHERE))
        else:
            known = draw(st.sampled_from([next(iter(latest.values())), *latest.values()]))  # mostly who leads
            event = _later(draw, kind, log, known, now)
        log.append(event)
        latest[event.id] = event
    return log


def _new(draw: st.DrawFn, name: str, now: float, offset: int, places: Sequence[dict[str, Any]]) -> Report:
    """A report of any network; one in four is a drill, closed, or says anything else."""
    network = draw(st.sampled_from(["hotline", "policing", "urban-management"]))
    matter = draw(st.sampled_from(["grass", "tree", "hole"]))
    one = report(name, now, network=network, offset=offset, matter=matter, **draw(st.sampled_from(places)))
    if draw(st.integers(0, 3)):
        return one
    aspect = draw(st.sampled_from(sorted(ASPECTS.keys() - {"location"})))
    return replace(one, **{aspect: draw(ASPECTS[aspect])})


def _later(draw: st.DrawFn, kind: str, log: Log, known: Report, now: float) -> Report:
    """A correction of a known report, an earlier version as the next one, or a redelivery."""
    if kind == "again":
        return known
    if kind == "undo":
        other = draw(st.sampled_from([one for one in log if isinstance(one, Report) and one.id == known.id]))
    else:
        aspects = draw(st.sets(st.sampled_from(sorted(ASPECTS)), min_size=1, max_size=2))
        other = replace(known, **{aspect: draw(ASPECTS[aspect]) for aspect in sorted(aspects)})
    home = known.partition_key or known.location.cell
    return replace(
        other,
        version=known.version + 1,
        received_at=hours(now),
        provenance=replace(known.provenance, offset=len(log)),
        partition_key=home if other.location.cell != home else None,
    )


def folded(log: Log) -> Driver:
    driver = Driver(CITY)
    for event in log:
        driver.pipe(event)
    return driver


def latest_words(log: Log) -> dict[str, Report]:
    words: dict[str, Report] = {}
    for event in log:
        if isinstance(event, Report) and (event.id not in words or event.version > words[event.id].version):
            words[event.id] = event
    return words


def live(case: Case) -> set[str]:
    return {one.task for one in case.assignments if one.withdrawn_at is None}


@settings(max_examples=150)
@given(log=logs())
def test_every_report_is_in_one_case_as_it_says_now(log: Log) -> None:
    driver, words = folded(log), latest_words(log)
    assert Counter(one.id for case in driver.cases for one in case.reports) == Counter(list(words))
    for case in driver.cases:
        for one in case.reports:
            said = words[one.id]
            assert (one.version, one.matter, one.cell, one.occurred_at, one.closed) == (
                *(said.version, said.matter, said.location.cell, said.occurred_at, said.closed),
            )


@settings(max_examples=150)
@given(log=logs())
def test_every_report_has_a_live_task_and_every_live_task_a_report_that_says_so(log: Log) -> None:
    """A report that is closed needs none; a drill is behind what is real, and its matter is like that of the case."""
    driver, words = folded(log), latest_words(log)
    pairs = CITY.merging.pairs
    for case in driver.cases:
        needing = [words[one.id] for one in case.reports if one.closed is None]
        if not needing:
            assert live(case) == set()
            continue
        assert live(case)
        counted = [one for one in needing if one.status == case.status]
        real = [one for one in needing if one.status == "Actual"]
        assert set(map(id, real)) <= set(map(id, counted))
        for one in needing:
            assert case.matter in pairs(one.matter)
            assert case.cell[:9] == one.location.cell[:9]
        assert any((one.matter, one.location.cell) == (case.matter, case.cell) for one in counted)
        route = CITY.catalogue.route(case.matter, case.cell, case.updated_at)
        held = [(one.department, one.role) for one in case.assignments if one.withdrawn_at is None]
        assert sorted(held) == sorted((one.department, one.role) for one in route.assigned)


@settings(max_examples=150)
@given(log=logs())
def test_who_holds_a_task_knows_all_that_a_new_task_would_show(log: Log) -> None:
    driver = Driver(CITY)
    for event in log:
        driver.pipe(event)
        known: dict[str, Task] = {one.id: one for one in driver.tasks}
        for case in driver.cases:
            assert live(case) == {id_ for id_, one in known.items() if one.case == case.id and one.state != "withdrawn"}
            for one in case.assignments:
                if one.withdrawn_at is None:
                    shown = known[one.task]
                    now = task(case, one, CITY.catalogue, shown.state, shown.updated_at)
                    # a report that comes or goes and changes nothing else sends no update (ADR 0036)
                    known_list = {"reports": now.reports, "reports_omitted": now.reports_omitted}
                    assert replace(shown, revision=case.revision, **known_list) == now


@settings(max_examples=150)
@given(log=logs())
def test_a_case_says_what_its_reports_imply(log: Log) -> None:
    driver = folded(log)
    for case in driver.cases:
        assert (case.state == "empty") == (not case.reports)
        assert (case.state == "dispatched") == any(one.closed is None for one in case.reports)
        assert case.state == "dispatched" or case.window_closed_at is not None
        if len(case.reports) > 1:
            again = copy(case)
            derive(again)
            assert again == case
            statements = [one.says for one in counting(case.reports)]
            assert None not in statements
            assert {case.status} == {one.status for one in statements if one is not None}
        words = latest_words(log)
        for level in ("urgency", "severity"):
            said = {getattr(words[one.id], level) for one in (counting(case.reports) if case.reports else ())}
            assert not said or getattr(case, level) in said


@settings(max_examples=100)
@given(log=logs())
def test_from_a_case_that_a_report_left_its_departures_lead_to_the_report(log: Log) -> None:
    cases = {case.id: case for case in folded(log).cases}
    for start in cases.values():
        for report_id in [one.report for one in start.departed]:
            case, steps = start, 0
            while report_id not in [one.id for one in case.reports]:
                (left,) = [one for one in case.departed if one.report == report_id]
                assert left.reason
                case, steps = cases[left.case], steps + 1
                assert steps <= len(log)


@settings(max_examples=100)
@given(log=logs(), cuts=st.sets(st.integers(1, 17)))
def test_batches_of_any_sizes_give_the_same_bytes(log: Log, cuts: set[int]) -> None:
    singly, batched = folded(log), Driver(CITY)
    for begin, end in pairwise([0, *sorted(cut for cut in cuts if cut < len(log)), len(log)]):
        batched.batch(log[begin:end])
    assert batched.latest() == singly.latest()
    assert batched.dispatched == singly.dispatched
    assert batched.snapshot() == singly.snapshot()


@settings(max_examples=100)
@given(log=logs(), cut=st.integers(0, 18))
def test_a_restored_state_goes_on_as_the_lost_one(log: Log, cut: int) -> None:
    driver = Driver(CITY)
    for event in log[:cut]:
        driver.pipe(event)
    heir = driver.crash()
    assert heir.snapshot() == driver.snapshot()
    before = len(driver.dispatched)
    for event in log[cut:]:
        assert driver.pipe(event).decision == heir.pipe(event).decision
    assert heir.latest() == driver.latest()
    assert heir.dispatched == driver.dispatched[before:]
    assert heir.snapshot() == driver.snapshot()


@settings(max_examples=100)
@given(log=logs())
def test_a_copy_that_follows_the_changelog_has_the_same_state_until_all_is_archived(log: Log) -> None:
    """Cases that reports left, too. At the end nothing is remembered but the reports that brought the time."""
    driver, copied, read = Driver(CITY), PartitionState(), 0
    later = [report(f"at {at}", at, north=900) for at in (2000, 2900)]
    for event in (*log, later[0], Tick(at=hours(2100)), later[1], Tick(at=hours(2900))):
        driver.pipe(event)
        for key, value in driver.written[read:]:
            if value is None:
                copied.drop(key.decode(), CITY.merging)
            else:
                copied.restore(decode_case(value), CITY.merging)
        read = len(driver.written)
        assert copied.snapshot() == driver.snapshot()
    while driver.tick(2900).archived:
        pass
    assert list(driver.state.case_by_report) == [later[1].id]
    assert driver.state.left == {}
    assert len(driver.cases) == 1


@settings(max_examples=100)
@given(log=logs(), data=st.data())
def test_a_redelivery_anywhere_changes_nothing(log: Log, data: st.DataObject) -> None:
    once, noisy = Driver(CITY), Driver(CITY)
    for number, event in enumerate(log):
        once.pipe(event)
        noisy.pipe(event)
        earlier = [one for one in log[: number + 1] if isinstance(one, Report)]
        if earlier and data.draw(st.booleans()):
            assert noisy.pipe(data.draw(st.sampled_from(earlier))).decision in {"redelivered", "rejected"}
    assert noisy.written == once.written
    assert noisy.dispatched == once.dispatched
    assert noisy.snapshot() == once.snapshot()
