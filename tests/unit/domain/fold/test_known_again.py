"""A report whose id the partition knows, after the dedup index forgot it: never lost, never taken for another incident."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.domain.fold import fold
from router.domain.intake.dedup import MAX_VERSIONS
from router.domain.model.case import Case
from router.domain.model.report import REPORTS_KEPT, Report
from router.domain.rules.rule_sets import RuleSets
from router.wire.codec import decode_case
from tests.support.driver import Driver, report, tiny

CITY = tiny()
YEAR = 365 * 24.0
KEPT = REPORTS_KEPT / timedelta(hours=1)


def code_of(driver: Driver, one: Report) -> str | None:
    """The code of the rejection that a report leads to."""
    rejection = fold(driver.state, one, RuleSets(CITY)).rejection
    return None if rejection is None else rejection.code


@pytest.fixture
def driver() -> Driver:
    """A driver that knows report 17, received at hour 0; its window closed at hour 30."""
    one = Driver(CITY)
    one.pipe(report("17", description="rubbish"))
    one.tick(30)
    return one


def test_a_correction_of_a_forgotten_id_is_the_next_version(driver: Driver) -> None:
    late = report("17", 0, received=720, offset=9, matter="hole", description="a hole")
    assert driver.pipe(late).decision == "rerouted"
    (case,) = driver.cases
    assert (case.matter, case.reports[0].version) == ("hole", 2)


def test_the_index_counts_from_one_again_and_the_case_does_not(driver: Driver) -> None:
    driver.pipe(report("17", 0, received=700, offset=9, description="second"))
    driver.pipe(report("17", 0, received=701, offset=10, description="third", version=2))
    driver.pipe(report("17", 0, received=702, offset=11, description="fourth", version=3))
    (case,) = driver.cases
    assert (case.reports[0].version, case.description) == (4, "fourth")
    assert [one.description for one in case.reports[0].earlier] == ["rubbish", "second", "third"]


def test_the_same_again_from_an_archive_is_a_redelivery(driver: Driver) -> None:
    again = report("17", 0, received=710, offset=9, description="rubbish")
    assert driver.pipe(again).decision == "redelivered"


def test_an_old_word_is_no_correction(driver: Driver) -> None:
    driver.pipe(report("17", 0, received=700, offset=9, description="second"))
    old = report("17", 0, received=699, offset=10, description="older")
    assert driver.pipe(old).decision == "rejected"
    assert code_of(driver, old) == "superseded"


@pytest.mark.parametrize("joined", [False, True])
def test_two_words_of_one_batch_are_both_taken(joined: bool) -> None:
    """A producer's batch has one time. The index, which forgot the report, calls the first word version 1, the second 2."""
    driver = Driver(CITY)
    driver.pipe(*[report(name, 0, description="rubbish") for name in (["16", "17"] if joined else ["17"])])
    word = report("17", 0, received=720, offset=9, description="larger")
    moved = report("17", 0, received=720, offset=10, description="larger", north=20, version=2)
    assert [driver.pipe(one).decision for one in (word, moved)] == ["updated", "updated"]
    (case,) = driver.cases
    assert [one.version for one in case.reports if one.id == "hotline:17"] == [3]
    here = case.reports[-1].place or (case.lon, case.lat)
    assert here[1] == moved.location.lat
    assert driver.pipe(moved).decision == "redelivered"
    assert driver.pipe(replace(word, version=1)).decision == "redelivered"


OTHER_WORDS: list[dict[str, Any]] = [
    {"description": "larger"},
    {"status": "Test"},
    {"urgency": "Immediate"},
    {"severity": "Severe"},
    {"certainty": "Observed"},
    {"north": 20},
    {"reporter": "someone"},
]


@pytest.mark.parametrize("more", OTHER_WORDS, ids=[next(iter(one)) for one in OTHER_WORDS])
def test_another_word_with_the_time_of_the_known_one_is_no_copy(driver: Driver, more: dict[str, Any]) -> None:
    assert driver.pipe(report("17", 0, offset=9, **{"description": "rubbish"} | more)).decision == "updated"
    assert driver.pipe(report("17", 0, offset=10, description="rubbish")).decision == "redelivered"


@pytest.mark.parametrize("version", [1, 2])
def test_a_copy_of_a_joined_report_is_a_redelivery(version: int) -> None:
    driver = Driver(CITY)
    driver.pipe(report("16"), report("17", north=5, urgency="Immediate", description="x" * 300))
    text = "y" * 300 if version == 2 else "x" * 300
    if version == 2:
        driver.pipe(report("17", received=1, north=5, offset=1, version=2, urgency="Immediate", description=text))
    for offset, north, decision in ((7, 5, "redelivered"), (8, 6, "updated")):
        copy = report("17", received=version - 1, north=north, offset=offset, urgency="Immediate", description=text)
        assert driver.pipe(copy).decision == decision


def test_a_correction_of_a_case_out_of_reach_is_too_late(driver: Driver) -> None:
    late = report("17", 0, received=30 + KEPT, offset=9, description="second")
    assert code_of(driver, late) == "too-late"
    rejection = fold(driver.state, late, RuleSets(CITY)).rejection
    assert rejection is not None
    assert rejection.reason == (
        "report hotline:17 is known, and the window of its case closed more than 30 days ago; "
        "send what is still true as a report with a new id."
    )


@pytest.mark.parametrize("version", [1, 2])
def test_a_correction_of_an_archived_case_is_too_late(driver: Driver, version: int) -> None:
    driver.pipe(report("18", YEAR, north=500))
    driver.tick(YEAR + 1)
    assert "hotline:17" not in driver.state.case_by_report
    late = report("17", 0, received=YEAR + 2, offset=9, description="second", version=version)
    assert driver.pipe(late).decision == "rejected"
    assert code_of(driver, late) == "too-late"
    assert code_of(driver.crash(), late) == "too-late"


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("expired", [False, True])
def test_a_number_that_begins_again_opens_a_case_of_its_own(driver: Driver, expired: bool, crash: bool) -> None:
    if expired:
        driver.pipe(report("18", YEAR, north=500))
    driver = driver.crash() if crash else driver
    other = report("17", YEAR + 1, offset=9, north=40, matter="hole", description="a hole")
    assert driver.pipe(other).decision == "opened"
    first, second = driver.case_of("17"), driver.cases[-1]
    assert second.reports[0].id == "hotline@20271001T020000Z:17"
    assert first.id != second.id
    assert (first.description, second.description) == ("rubbish", "a hole")
    assert {task.case for task in driver.tasks} >= {second.id}


def test_later_versions_go_to_the_latest_incident(driver: Driver) -> None:
    driver.pipe(report("17", YEAR, offset=9, north=40, description="a hole"))
    driver.pipe(report("17", YEAR, received=YEAR + 5, offset=10, north=40, description="a big hole", version=2))
    driver = driver.crash()
    driver.pipe(report("17", YEAR, received=YEAR + 6, offset=11, north=40, description="a huge hole", version=3))
    assert driver.case_of("17").description == "rubbish"
    second = driver.cases[-1]
    assert (second.description, second.reports[0].version) == ("a huge hole", 3)


@pytest.mark.parametrize("busy", [False, True])
def test_every_year_is_another_incident(driver: Driver, busy: bool) -> None:
    """Once the case is archived, its number is free again. In a quiet partition it is not archived before the next report."""
    archived: list[Case] = []
    for year in range(1, 6):
        if busy:
            driver.pipe(report(f"x{year}", YEAR * year - 200, north=500, offset=year))
            driver.tick(YEAR * year - 100)
        driver.pipe(report("17", YEAR * year, offset=year))
        driver.tick(YEAR * year + 100)
        archived += map(decode_case, driver.archived)
        driver = driver.crash()
    cases = [case for case in [*archived, *driver.cases] if case.reports[0].id.endswith(":17")]
    assert len({case.id for case in cases}) == len(cases) == 6
    assert len({one.id for case in cases for one in case.reports}) == (1 if busy else 6)


def test_another_incident_of_the_same_number_may_join_a_case() -> None:
    driver = Driver(CITY)
    driver.pipe(report("17"), report("18", 71, matter="hole"))
    assert driver.pipe(report("17", 72, offset=9, matter="hole")).decision == "near"
    assert [one.id for one in driver.case_of("18").reports] == ["hotline:18", "hotline@20261004T010000Z:17"]


def test_two_partitions_that_both_have_a_number_have_two_cases() -> None:
    first, second = Driver(CITY), Driver(CITY)
    first.pipe(report("17"))
    second.pipe(report("17", YEAR))  # in another street: this partition never saw the number
    assert first.cases[0].id != second.cases[0].id


def test_versions_beyond_the_limit_are_rejected(driver: Driver) -> None:
    for number in range(1, MAX_VERSIONS):
        driver.pipe(report("17", 0, received=31 + number, offset=number, description=f"{number}"))
    last = report("17", 0, received=600, offset=999, description="one too many")
    assert code_of(driver, last) == "too-many-versions"
    assert driver.cases[0].reports[0].version == MAX_VERSIONS


WORDS = st.lists(
    st.tuples(st.sampled_from(["17", "18"]), st.sampled_from([0.0, 2.0, 30.0, 800.0, YEAR]), st.sampled_from("abc")),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(words=WORDS)
def test_no_word_of_a_forgotten_id_is_lost(words: list[tuple[str, float, str]]) -> None:
    """Every record is a version in a case, says what its case says already, or is rejected with a code."""
    driver, received, first = Driver(CITY), 0.0, dict[str, float]()
    for number, (name, gap, text) in enumerate(words):
        received += gap + 0.001
        one = report(
            name,
            first.setdefault(name, received),
            received=received,
            offset=number,
            description=text,
            north=500 * int(name),
        )
        decision = driver.pipe(one).decision
        case = driver.case_of(name)
        (kept,) = case.reports
        if decision == "rejected":
            assert code_of(driver, one) == "too-late"
            assert case.window_closed_at is not None
            assert one.received_at - case.window_closed_at >= REPORTS_KEPT
        else:
            assert decision in {"opened", "updated", "redelivered"}
            assert case.description == text
            assert (kept.received_at == one.received_at) == (decision != "redelivered")
    assert driver.crash().snapshot() == driver.snapshot()
