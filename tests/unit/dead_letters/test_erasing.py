"""Which dead letters have the data of a person, and what is left of their repairs."""

import pytest
from msgspec.structs import replace

from router.cli.dead_letters.view import as_json, as_text
from router.dead_letters.actions import Attribution
from router.dead_letters.erasing import Subject, erased, source_id
from router.wire.codec import DeadLetter, encode_feedback, encode_report
from router.wire.repairs import Repair, Step, decode_repair, encode_repair
from tests.support.driver import Driver, report, tiny
from tests.support.feedback import feedback
from tests.support.records import written
from tests.support.rejected_records import LATER, PATCH, REJECTED_AT, UNKNOWN, dead_letter

MARK = "MARKED"
J1 = frozenset({("policing", "J1")})


def event(made: tuple[bytes, bytes, list[tuple[str, bytes]]]) -> DeadLetter:
    """The dead letter of a record of the grid stream."""
    key, value, headers = made
    return dead_letter(network="grid", topic="t1.grid.events", key=key, value=value, headers=tuple(headers))


def of_task(task: str) -> DeadLetter:
    return dead_letter(network="feedback", topic="t1.feedback.parks", key=task.encode(), value=b"oops")


DRIVER = Driver(tiny())
DRIVER.pipe(report("17"))
TASK = DRIVER.tasks[0]


@pytest.mark.parametrize(
    ("one", "subject"),
    [
        (dead_letter(), Subject(reports=J1)),
        (dead_letter(key=None), Subject(reports=J1)),
        (dead_letter(value=b"\xff no text"), Subject(reports=J1)),
        (event(encode_report(report("J1", network="policing"))), Subject(reports=J1)),
        (of_task(TASK.id), Subject(reports=frozenset(), case=TASK.case)),
        (event(encode_feedback(feedback("accept", TASK, 1))), Subject(reports=frozenset(), case=TASK.case)),
    ],
)
def test_a_dead_letter_is_found_by_value_or_key(one: DeadLetter, subject: Subject) -> None:
    assert subject.has(one)


@pytest.mark.parametrize(
    "one",
    [
        dead_letter(network="hotline"),
        dead_letter(key=b"J2", value=written(UNKNOWN | {"jjdbh": "J2"})),
        dead_letter(key=None, value=None),
        event(encode_report(report("J2", network="policing"))),
        of_task("C-other.1"),
        of_task(TASK.case),
        replace(of_task(TASK.id), network="policing"),
    ],
)
def test_others_are_left_alone(one: DeadLetter) -> None:
    assert not Subject(reports=J1, case=TASK.case).has(one)


def test_a_report_without_a_case_has_no_tasks() -> None:
    assert not Subject(reports=J1).has(of_task(TASK.id))
    assert source_id("policing@20260101T000000Z:a:b") == ("policing", "a:b")


def test_a_repair_loses_value_and_patches_and_keeps_who_and_why() -> None:
    patch = [{**PATCH[0], "value": MARK}]
    step = Step(done="repaired", actor="li", why="typing error", at=REJECTED_AT, patch=patch, sha256="0" * 64)
    before = Repair(dead_letter="a/1/1").repaired(step, MARK.encode())
    (after,) = erased([before], Attribution("zhang", "PIPL article 47", LATER))
    key, value, _ = encode_repair(after)
    assert MARK.encode() not in value
    read = decode_repair(key, value)
    assert (read.state, read.content) == ("erased", None)
    assert [(one.done, one.actor, one.why) for one in read.steps] == [
        ("repaired", "li", "typing error"),
        ("erased", "zhang", "PIPL article 47"),
    ]


def test_no_command_shows_an_erased_dead_letter() -> None:
    one = dead_letter(reason=f"code '{MARK}'", value=MARK.encode(), headers=(("x", MARK.encode()),))
    (repair,) = erased([Repair(dead_letter=one.id)], Attribution("zhang", "PIPL article 47", LATER))
    assert MARK in as_text(one, Repair(dead_letter=one.id))
    shown = as_text(one, repair)
    assert MARK not in shown
    assert "erased by zhang: PIPL article 47" in shown
    assert MARK not in str(as_json(one, "erased"))
    assert as_json(one, "erased")["id"] == one.id
