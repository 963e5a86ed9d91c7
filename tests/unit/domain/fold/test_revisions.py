"""Every change of a case has a number, from which the ids of its records are made; a case keeps its partition key."""

from collections.abc import Sequence

from msgspec.structs import replace

from router.domain.model.report import Report, Tick
from router.domain.state.partition_state import PartitionState
from router.wire.codec import decode_case, encode_case, encode_task
from tests.support.driver import CELL, NEXT_CELL, OTHER_STREET, Driver, hours, report, tiny

CITY = tiny()


def corrected(version: int, at: float, **changed: object) -> Report:
    """A later version of report 1, received `at` hours after the start."""
    return replace(report("1"), version=version, received_at=hours(at), **changed)


HISTORY: Sequence[Report | Tick] = (
    report("1"),
    report("2", 0.5, network="policing"),
    corrected(2, 1, description="larger"),
    corrected(3, 2, description="larger still"),
    corrected(4, 3, description="larger still", matter="grass"),
    Tick(at=hours(100)),
    corrected(5, 101, description="gone", matter="grass"),
)
"""A case is opened, joined, updated twice an hour apart, routed again, closed and updated again."""


def folded() -> Driver:
    driver = Driver(CITY)
    driver.pipe(*HISTORY)
    return driver


def event_id(record: tuple[object, object, list[tuple[str, bytes]]]) -> str:
    return dict(record[2])["ce_id"].decode()


def test_every_change_of_a_case_raises_its_revision_by_one() -> None:
    driver, revisions = Driver(CITY), []
    for event in HISTORY:
        driver.pipe(event)
        revisions.append(driver.cases[0].revision)
    assert revisions == [1, 2, 3, 4, 5, 6, 7]


def test_a_redelivery_leaves_the_revision_as_it_is() -> None:
    driver = folded()
    driver.pipe(*HISTORY)
    assert driver.cases[0].revision == 7


def test_no_two_records_of_a_case_have_one_id() -> None:
    driver, ids = Driver(CITY), []
    for event in HISTORY:
        driver.pipe(event)
        ids.append(event_id(encode_case(driver.cases[0])))
    assert ids == [f"{driver.cases[0].id}.{revision}" for revision in range(1, 8)]


def test_two_updates_of_a_task_an_hour_apart_have_different_ids() -> None:
    driver = folded()
    task = driver.tasks[0].id
    changes = [event_id(encode_task(one)) for one in driver.tasks if one.id == task]
    assert changes[:4] == [task, f"{task}/2", f"{task}/3", f"{task}/4"]


def test_no_two_records_of_tasks_have_one_id() -> None:
    ids = [event_id(encode_task(task)) for task in folded().tasks]
    assert len(ids) == len(set(ids)) == 6


def test_every_change_of_both_cases_has_a_revision_of_its_own_when_a_report_leaves() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", 0.5, network="policing"))
    assert driver.pipe(corrected(2, 1, matter="hole")).decision == "moved"
    assert {(case.matter, case.revision) for case in driver.cases} == {("tree", 3), ("hole", 1)}


def test_a_case_that_moved_to_another_street_keeps_its_partition_key() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"), replace(report("1", cell=OTHER_STREET, east=5000), version=2, partition_key=CELL))
    (case,) = driver.cases
    assert (case.cell, case.partition_key) == (OTHER_STREET, CELL)
    assert {task.partition_key for task in driver.tasks} == {CELL}


def test_a_case_that_a_report_opens_when_it_leaves_another_has_the_key_of_that_one() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1", cell=CELL), report("2", cell=NEXT_CELL, east=25, network="policing"))
    moved = report("2", cell=OTHER_STREET, east=5000, network="policing", version=2, partition_key=NEXT_CELL)
    driver.pipe(replace(moved, received_at=hours(1)))
    assert (driver.case_of("2", "policing").cell, driver.case_of("2", "policing").partition_key) == (OTHER_STREET, CELL)


def test_a_case_that_a_moved_version_opens_has_the_key_of_the_first_version() -> None:
    """The first version was rejected by the fold, so no case has it; the event still came by its key."""
    driver = Driver(CITY)
    driver.pipe(report("a", cell=OTHER_STREET, version=2, partition_key=CELL))
    (case,) = driver.cases
    assert (case.cell, case.partition_key) == (OTHER_STREET, CELL)
    assert {task.partition_key for task in driver.tasks} == {CELL}


def test_a_restored_case_has_the_same_revision_and_partition_key() -> None:
    driver = folded()
    assert driver.crash().snapshot() == driver.snapshot()
    assert driver.crash().latest() == driver.latest()


def test_a_case_of_release_0_1_0_goes_on_with_a_greater_revision() -> None:
    """Release 0.1.0 wrote no revision; its ids ended with the number of versions of the case's reports."""
    driver = folded()
    old, state = replace(driver.cases[0], revision=0, partition_key=""), PartitionState()
    case = decode_case(encode_case(old)[1])
    state.restore(case, CITY.merging)
    assert (case.revision, case.partition_key) == (5 + 1, CELL)
