"""Every record that the fold writes fits its topic, whatever networks send, and a flood costs no square of its reports."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.domain.case.size import CASE_BYTES, MAX_REPORTS, MOST_BYTES, UPDATED_BYTES, encoded_bytes
from router.domain.instants import us
from router.domain.matching.case_index import MAX_CANDIDATES
from router.domain.matching.scoring import correlate
from router.domain.model.case import Assignment
from router.domain.model.rejection import RejectedEventError
from router.domain.model.report import Report, Tick
from router.wire.codec import decode_case, encode_case, encode_report, encode_task
from router.wire.declared_topics import declared
from router.wire.topic_names import Names
from tests.support.driver import MERGING, NEXT_CELL, Driver, hours, report, tiny

CITY = tiny()
LIMITS = {
    topic.name: topic.largest_bytes for topic in declared(Names(), networks=[], departments=["parks"], partitions=1)
}
HEADERS_BYTES = 16 << 10
"""More than the key and the headers of any record of the router take."""


def test_the_bounds_leave_room_below_the_limits_of_the_topics() -> None:
    assert CASE_BYTES < UPDATED_BYTES < MOST_BYTES < min(LIMITS["grid.cases"], LIMITS["tasks.parks"]) - HEADERS_BYTES


def flood(number: int, versions: int, text: str, *, moves: bool = False) -> Iterator[Report]:
    """Reports of one incident, each corrected again and again: every text is as long as a schema allows."""
    for name in range(number):
        one = report(
            str(name).rjust(55, "n"),
            at=name / 1000,
            network="social-security",
            reporter="r" * 64,
            extensions={"personRef": "p" * 64},
            description=text,
        )
        one = replace(one, provenance=replace(one.provenance, topic="t" * 249, offset=2**62))
        yield one
        for version in range(2, versions + 1):
            at = hours(1 + version / 1000)
            elsewhere = replace(one.location, cell=NEXT_CELL) if moves and version % 2 else one.location
            matter = "hole" if moves and version % 2 else "tree"
            yield replace(one, version=version, received_at=at, location=elsewhere, matter=matter)


def fits(driver: Driver) -> bool:
    return max(map(len, (value for _, value in driver.written))) <= MOST_BYTES and all(
        len(value) <= MOST_BYTES for value in driver.dispatched
    )


FLOODS = st.builds(
    lambda number, versions, text, moves: list(flood(number, min(versions, 1 + 400 // number), text, moves=moves)),
    st.integers(1, 130),
    st.integers(1, 50),
    st.builds(str.__mul__, st.sampled_from('x\x01长🜚"'), st.sampled_from([0, 10, 200, 4000])),
    st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(events=FLOODS, batch=st.integers(1, 200))
def test_every_output_of_a_hostile_flood_fits_its_topic(events: list[Report], batch: int) -> None:
    driver = Driver(CITY)
    for begin in range(0, len(events), batch):
        driver.batch(events[begin : begin + batch])
    assert fits(driver)
    driver.pipe(Tick(at=hours(1000)))
    assert fits(driver)
    assert all(case.window_closed_at is not None for case in driver.cases)
    held = sorted(one.id for case in driver.cases for one in case.reports)
    assert held == sorted({event.id for event in events})
    assert driver.crash().snapshot() == driver.snapshot()


def test_thousands_of_corrections_of_one_incident_are_all_taken_and_the_window_still_closes() -> None:
    """5,100 valid messages of one network, each below 5 kB, once made a case that no longer fitted its topic."""
    driver = Driver(CITY)
    events = list(flood(102, 50, "\x01" * 200))
    for begin in range(0, len(events), 500):
        driver.batch(events[begin : begin + 500])
    assert len(events) == 5100
    assert fits(driver)
    assert {one.version for case in driver.cases for one in case.reports} == {50}
    assert driver.pipe(Tick(at=hours(1000))).decision == "window-closed"


def test_a_small_case_keeps_all_versions_with_their_texts() -> None:
    driver = Driver(CITY)
    driver.batch(list(flood(1, 50, "text")))
    (case,) = driver.cases
    (one,) = case.reports
    assert [version.version for version in one.earlier] == list(range(1, 50))
    assert one.earlier_omitted == 0
    assert {version.description for version in one.earlier} == {"text"}


def test_a_large_case_keeps_first_versions_and_counts_what_it_left_out() -> None:
    driver = Driver(CITY)
    driver.batch(list(flood(60, 50, "长" * 200)))
    (case,) = driver.cases
    assert encoded_bytes(case) <= CASE_BYTES
    for one in case.reports:
        assert one.earlier[0].version == 1
        assert not one.earlier[0].description
        assert 1 + len(one.earlier) + one.earlier_omitted == one.version == 50


def test_a_flood_continues_in_a_second_case_that_says_why() -> None:
    driver = Driver(CITY)
    driver.batch([report(str(name)) for name in range(MAX_REPORTS + 2)])
    full, second = driver.cases
    assert (len(full.reports), len(second.reports)) == (MAX_REPORTS, 2)
    (suggestion,) = second.suggestions
    assert suggestion.case == full.id
    assert len(driver.tasks) == 2 * len(full.assignments)
    assert suggestion.reason.endswith(f"the same, but that case is full with {MAX_REPORTS} reports")


CROWDED = f"{MERGING}frequency_penalty: 0.1\ndensity_penalty: 1\n"
ONE_REPORTER = f"{MERGING}evidence: {{citizen_networks: [hotline], reference_factor: 0.9, reference_radius_m: 1000, geocoded_sources: []}}\n"
MORE_THAN_COMPARED = (MAX_CANDIDATES + 8) * MAX_REPORTS


@pytest.mark.parametrize(
    ("rules", "more"),
    [
        (MERGING, {}),
        (CROWDED, {}),
        (MERGING, {"component_id": "4109020010010001"}),
        (MERGING, {"component_id": "4109020010010001", "point": False}),
        (ONE_REPORTER, {"reporter": "r", "point": False}),
    ],
    ids=["one point", "a crowd counts", "one component", "one component without a point", "one reporter"],
)
def test_a_flood_with_one_time_fills_case_after_case(rules: str, more: dict[str, Any]) -> None:
    """24,000 hotline reports of one point and time once opened 4,059 cases: full ones hid the one with room."""
    driver = Driver(tiny(rules))
    events = [report(str(name), **more) for name in range(MORE_THAN_COMPARED)]
    for begin in range(0, len(events), 500):
        driver.batch(events[begin : begin + 500])
    assert {len(case.reports) for case in driver.cases} == {MAX_REPORTS}
    assert len(driver.cases) == MAX_CANDIDATES + 8
    successor = driver.crash()
    assert successor.snapshot() == driver.snapshot()
    for one in (driver, successor):
        one.pipe(report("next", **more), report("last", **more))
    assert len(driver.cases) == MAX_CANDIDATES + 9
    assert successor.snapshot() == driver.snapshot()


@pytest.mark.parametrize("component_id", [None, "4109020010010001"])
def test_a_report_of_a_flood_is_compared_with_no_more_cases(component_id: str | None) -> None:
    """Counted, not timed: 30,000 reports of one component would be compared with four million full cases."""
    driver = Driver(CITY)
    events = [report(str(name), name / 1000, component_id=component_id) for name in range(MORE_THAN_COMPARED)]
    driver.batch(events)
    late = report("late", 1, component_id=component_id)
    matches = correlate(late, driver.state.index, CITY.merging, us(late.occurred_at), us(late.received_at))
    assert len(matches) <= MAX_CANDIDATES
    assert len(driver.cases) == MAX_CANDIDATES + 8


def test_the_index_follows_a_case_that_is_full_by_its_bytes_and_has_room_again() -> None:
    """A correction of a full case leaves out old texts."""
    driver = Driver(CITY)
    corrected = list(flood(60, 40, "长" * 200))
    driver.batch(corrected)

    def full() -> list[bool]:
        assert driver.crash().snapshot() == driver.snapshot()
        return [entry.full for entry in driver.state.candidates.values()]

    driver.batch([report(f"more-{name}", 0.5, received=1.1) for name in range(MAX_REPORTS // 2)])
    assert full() == [True, False]
    driver.pipe(replace(corrected[-1], version=41, received_at=hours(1.2), description="short"))
    assert full() == [False, False]


def test_bytes_written_for_a_thousand_joins_are_bounded() -> None:
    """Without a bound of reports it was 154 MB: a case was written whole for each of them."""
    driver = Driver(CITY)
    driver.pipe(*[report(str(name)) for name in range(1000)])
    written = sum(len(value) for _, value in driver.written)
    assert written < 20_000_000
    assert len(driver.cases) == 1000 // MAX_REPORTS


def test_joins_of_one_batch_are_written_once() -> None:
    driver = Driver(CITY)
    driver.batch([report(str(name)) for name in range(MAX_REPORTS)])
    assert len(driver.written) == 1


def overgrown() -> Driver:
    """A case of another release that has more assignments than a case may have now, and is still below its topic's limit."""
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", received=0.1))
    case = driver.cases[0]
    assignment = Assignment(task="t", department="parks", role="assist", rule="r" * 200, due_at=None)
    case.assignments = (*case.assignments, *[replace(assignment, task=f"{case.id}.{n}") for n in range(2, 6000)])
    assert UPDATED_BYTES < encoded_bytes(case) < MOST_BYTES
    return Driver(CITY, [encode_case(case)[:2]])


def test_an_update_of_an_overgrown_case_is_rejected_and_the_case_stays_as_it_was() -> None:
    driver = overgrown()
    before = encode_case(driver.state.case_by_report["hotline:1"])
    with pytest.raises(RejectedEventError) as failure:
        driver.pipe(replace(report("1"), version=2, received_at=hours(1), description="larger"))
    assert failure.value.rejection.code == "case-full"
    assert "it has 2 reports" in failure.value.rejection.reason
    assert encode_case(driver.state.case_by_report["hotline:1"]) == before


def test_an_overgrown_case_holds_up_no_other() -> None:
    driver = overgrown()
    driver.pipe(report("3", 1, matter="hole"))
    assert driver.tick(1000).decision == "window-closed"
    assert fits(driver)
    assert len([case for case in driver.cases if case.window_closed_at]) == 2


def test_a_case_that_an_earlier_release_let_grow_is_thinned_when_it_is_restored() -> None:
    driver = Driver(CITY)
    driver.batch(list(flood(100, 4, "长" * 200)))
    case = driver.cases[0]
    more = [replace(one, id=f"{one.id}{n}") for n in range(10) for one in case.reports[:40]]
    heavy = [replace(one, earlier=one.earlier * 10) for one in (*case.reports, *more)]
    case.reports = tuple(heavy)
    successor = Driver(CITY, [encode_case(case)[:2]])
    assert successor.tick(1000).decision == "window-closed"
    assert len(successor.written[-1][1]) < len(successor.written[0][1])


@pytest.mark.parametrize(
    "text", ["x" * (250 << 10), "\x01" * (40 << 10), "长" * (83 << 10)], ids=["ascii", "control", "han"]
)
def test_an_event_with_the_largest_value_fits_its_topic(text: str) -> None:
    _, value, _ = encode_report(report("1", extensions={"note": text}))
    assert len(value) + HEADERS_BYTES < LIMITS["grid.events"]


def test_a_case_keeps_no_reference_longer_than_a_masked_one() -> None:
    """`personRef` is an unknown field for most networks, and an unknown field holds any text."""
    driver = Driver(CITY)
    driver.pipe(*[report(str(name), extensions={"personRef": "p" * (200 << 10)}) for name in range(30)])
    (case,) = driver.cases
    assert len(case.reports) == 30
    assert encoded_bytes(case) < CASE_BYTES


def test_a_task_with_the_longest_text_fits_its_topic() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1", description="\x01" * 4000))
    assert max(len(encode_task(task)[1]) for task in driver.tasks) < MOST_BYTES
    assert decode_case(driver.written[-1][1]).description == "\x01" * 4000
