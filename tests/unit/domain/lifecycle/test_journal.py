"""The chain of transitions: what was altered, left out or put in another order is found."""

from msgspec.structs import replace

from router.domain.lifecycle.journal import broken_at, hash_of
from router.domain.model.feedback import SUPERVISION
from router.domain.model.transition import Transition
from tests.support.driver import Driver, report, tiny
from tests.support.feedback import feedback


def life() -> list[Transition]:
    driver = Driver(tiny())
    driver.pipe(report("17"))
    task = driver.tasks[0]
    driver.pipe(
        feedback("accept", task, 1),
        feedback("progress", task, 2),
        feedback("reroute", task, 3, SUPERVISION, reason="x", department="roads"),
    )
    return driver.transitions


def test_a_life_is_whole() -> None:
    transitions = life()
    assert [(one.number, one.task.rpartition(".")[2], one.to) for one in transitions] == [
        (1, "1", "dispatched"),
        (2, "1", "accepted"),
        (3, "1", "handling"),
        (4, "1", "withdrawn"),
        (5, "2", "dispatched"),
    ]
    assert broken_at(transitions) is None
    assert transitions[0].previous == ""
    assert [one.previous for one in transitions[1:]] == [one.hash for one in transitions[:-1]]


def test_what_was_altered_is_found() -> None:
    transitions = life()
    altered = replace(transitions[2], actor="another")
    assert broken_at([*transitions[:2], altered, *transitions[3:]]) == altered


def test_what_was_altered_with_a_new_hash_is_found_at_the_next_one() -> None:
    transitions = life()
    altered = replace(transitions[2], actor="another")
    altered = replace(altered, hash=hash_of(altered))
    assert broken_at([*transitions[:2], altered, *transitions[3:]]) == transitions[3]


def test_what_was_left_out_or_moved_is_found() -> None:
    transitions = life()
    assert broken_at([*transitions[:2], *transitions[3:]]) == transitions[3]
    assert broken_at(transitions[1:]) == transitions[1]
    assert broken_at([transitions[1], transitions[0], *transitions[2:]]) == transitions[1]


def test_two_tasks_of_one_event_are_two_transitions_of_one_time() -> None:
    transitions = life()
    assert transitions[3].at == transitions[4].at
    assert {one.cause for one in transitions} == {"report", "feedback"}
