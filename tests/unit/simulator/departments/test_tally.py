"""What is counted of a simulated time, and when everything was read."""

from datetime import UTC, datetime, timedelta

from router.simulator.departments.positions import ReadProgress
from router.simulator.departments.tally import LifeTally
from router.wire.codec import encode_task, encode_transition
from router.wire.stored_offsets import StoredOffset, encode_stored_offset
from router.wire.topic_names import Names
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback
from tests.support.records import Record

NAMES = Names()
AT = datetime(2026, 3, 2, tzinfo=UTC)


def record(topic: str, key: bytes | None, value: bytes | None, offset: int = 0, partition: int = 0) -> Record:
    return Record(topic=topic, partition=partition, offset=offset, key=key, value=value)


def tallied(driver: Driver) -> LifeTally:
    """What a reader of the driver's records counts."""
    tally = LifeTally(NAMES)
    for task in driver.tasks:
        tally.note(record(NAMES.tasks(task.department), *encode_task(task)[:2]))
    for made in driver.transitions:
        tally.note(record(NAMES.transitions, *encode_transition(made, "410902001001001")[:2]))
    return tally


def test_tasks_are_handled_in_time_late_or_overdue() -> None:
    driver = Driver(tiny())
    for name in ("1", "2", "3"):
        driver.pipe(report(name, 0, matter="hole", lon=-118.2 + int(name)))
    first, second, third = [one for one in driver.tasks if one.state == "dispatched"]
    assert first.due_at is not None
    limit = (first.due_at - hours(0)) / timedelta(hours=1)
    driver.pipe(feedback("handled", first, limit - 1))
    driver.pipe(feedback("handled", second, limit + 1))
    figures = tallied(driver).figures(hours(limit + 2))
    assert (figures.cases, figures.closed, figures.tasks, figures.handled) == (3, 2, 3, 2)
    assert (figures.in_time, figures.limited, figures.overdue) == (1, 2, 1)
    assert figures.by_kind == {"handled": 2}
    assert third.due_at == first.due_at


def test_a_return_is_one_answer_although_it_makes_two_transitions() -> None:
    driver = Driver(tiny())
    driver.pipe(report("1", 0, matter="hole"))
    (task,) = driver.tasks
    driver.pipe(feedback("return", task, 1, reason="not ours", department="police"))
    figures = tallied(driver).figures(hours(2))
    assert (figures.returns, figures.returned_twice, figures.applied) == (1, 0, 1)
    assert (figures.tasks, figures.by_kind) == (2, {"return": 1})


def test_everything_is_read_when_the_stored_offsets_say_so() -> None:
    positions = ReadProgress(NAMES, ["hotline"])
    positions.sent("reports.hotline", 1, 7)
    positions.sent("feedback.roads", 0, 3)
    assert not positions.all_read(events=False)
    positions.note(record(NAMES.dedup_index("hotline"), *encode_stored_offset(StoredOffset(offset=8)), partition=1))
    assert not positions.all_read(events=False)
    offset = encode_stored_offset(StoredOffset(offset=4), b"feedback.roads/0")
    positions.note(record(NAMES.feedback_offsets, *offset))
    assert positions.all_read(events=False)
    positions.note(record(NAMES.events, b"tick", b"{}", offset=5))
    assert not positions.all_read(events=True)
    positions.note(record(NAMES.offsets, *encode_stored_offset(StoredOffset(offset=6))))
    assert positions.all_read(events=True)
    positions.note(record(NAMES.dedup_index("hotline"), b"1", b"{}"))
