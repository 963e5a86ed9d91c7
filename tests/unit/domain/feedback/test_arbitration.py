"""Who gets a task that departments return, hand over or cannot do alone."""

import pytest

from router.domain.lifecycle.journal import broken_at
from router.domain.model.case import Case
from router.domain.model.feedback import SUPERVISION
from router.domain.model.task import Task
from router.domain.rules.city import City
from tests.support.catalogue_lists import DUTIES, WORK
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback

AUTHORITY = "arbitration: {department: police, unit: centre, limit: 8h}\n"
TRANSFERS = "transfers: [[parks, roads]]\n"
CITY = tiny(duties=AUTHORITY + TRANSFERS + DUTIES, work=WORK + "      checking: {text: {en: Looked at}}\n")


def opened(city: City = CITY) -> tuple[Driver, Task]:
    driver = Driver(city)
    driver.pipe(report("17"))
    return driver, driver.tasks[0]


def returned_twice(city: City = CITY) -> tuple[Driver, Task]:
    """The driver, and the task that the second return leads to."""
    driver, task = opened(city)
    second = driver.pipe(feedback("return", task, 1, reason="a kerb", department="roads")).tasks[1]
    third = driver.pipe(feedback("return", second, 2, reason="a tree", department="parks")).tasks[1]
    return driver, third


def the_case(driver: Driver) -> Case:
    return driver.case_of("17")


def test_the_second_return_goes_to_the_authority() -> None:
    driver, task = returned_twice()
    assert (task.department, task.unit, task.rule, task.arbitrates, task.final, task.returns) == (
        ("police", "centre", "arbitration", True, True, 2)
    )
    assert task.due_at == hours(2 + 8), "the authority has its own limit"
    assert task.reason == "roads returned the task: a tree; it is the second return, so police decides whose it is"
    assert the_case(driver).state == "dispatched"


def test_what_the_authority_decides_cannot_be_returned() -> None:
    driver, task = returned_twice()
    found = driver.pipe(feedback("reroute", task, 3, reason="roots are of the tree", department="parks"))
    assert [(one.department, one.state, one.final, one.arbitrates) for one in found.tasks] == [
        ("police", "withdrawn", True, True),
        ("parks", "dispatched", True, False),
    ]
    last = found.tasks[1]
    assert (last.rule, last.due_at) == ("arbitration", hours(3 + 72))
    assert last.reason == "police, which arbitrates, decided: roots are of the tree"
    assert driver.pipe(feedback("return", last, 4, reason="no")).decision == "not-legal"
    assert driver.pipe(feedback("reroute", last, 5, reason="no", department="roads")).decision == "not-legal"
    assert broken_at(driver.transitions) is None


def test_the_authority_cannot_return_and_may_do_it_itself() -> None:
    driver, task = returned_twice()
    assert driver.pipe(feedback("return", task, 3, reason="no")).decision == "not-legal"
    unknown = driver.pipe(feedback("reroute", task, 4, reason="no", department="harbour"))
    assert unknown.decision == "unknown-department"
    assert "reroute" in unknown.rejected[0].rejection.legal
    driver.pipe(feedback("handled", task, 5))
    assert the_case(driver).state == "checking"


def test_a_city_without_an_authority_gives_it_to_the_locality() -> None:
    _, task = returned_twice(tiny())
    assert (task.department, task.rule, task.arbitrates, task.final, task.returns) == (
        ("locality", "fallback", False, True, 2)
    )


def test_the_first_return_that_names_none_goes_to_the_locality() -> None:
    driver, task = opened()
    found = driver.pipe(feedback("return", task, 1, reason="not ours"))
    assert [(one.department, one.final, one.returns) for one in found.tasks[1:]] == [("locality", True, 1)]


def test_a_department_that_is_asked_for_support_has_a_task_and_answers() -> None:
    driver, lead = opened()
    driver.pipe(feedback("accept", lead, 1))
    found = driver.pipe(feedback("ask-support", lead, 2, reason="close the lane", department="police", unit="traffic"))
    updated, task = found.tasks
    assert (updated.id, updated.state) == (lead.id, "updated"), "who leads hears that another helps"
    assert [(one.department, one.role, one.unit) for one in updated.team] == [("police", "assist", "traffic")]
    assert (task.department, task.unit, task.role, task.state, task.due_at) == (
        ("police", "traffic", "assist", "dispatched", hours(2 + 72))
    )
    assert task.reason == "parks asks for support: close the lane"
    assert the_case(driver).state == "accepted", "the lead goes on"
    driver.pipe(feedback("handled", lead, 3))
    assert the_case(driver).state == "handling", "the assistant has not answered"
    driver.pipe(feedback("answer", task, 4, reason="the lane is closed until noon"))
    assert the_case(driver).state == "checking"
    assert (driver.transitions[-1].to, driver.transitions[-1].reason) == ("closed", "the lane is closed until noon")


def test_support_is_asked_of_departments_that_have_no_task_of_the_case() -> None:
    driver, lead = opened()
    assert driver.pipe(feedback("ask-support", lead, 1, reason="x", department="parks")).decision == "has-task"
    assert (
        driver.pipe(feedback("ask-support", lead, 2, reason="x", department="harbour")).decision == "unknown-department"
    )
    assist = driver.pipe(feedback("ask-support", lead, 3, reason="x", department="police")).tasks[-1]
    again = driver.pipe(feedback("ask-support", lead, 4, reason="x", department="police"))
    assert again.decision == "has-task"
    assert again.rejected[0].rejection.reason == (
        "police has a task of this case already: it answers about that one, and no other is needed."
    )
    assert driver.pipe(feedback("ask-support", assist, 5, reason="x", department="roads")).decision == "not-legal"
    assert driver.pipe(feedback("answer", lead, 6, reason="x")).decision == "not-legal"


def test_a_task_that_is_handed_over_keeps_its_clock() -> None:
    driver, task = opened()
    driver.pipe(
        feedback("accept", task, 1),
        feedback("ask-extension", task, 2, reason="x", limit="1d"),
        feedback("grant-extension", task, 3, SUPERVISION),
    )
    (old, new) = driver.pipe(
        feedback("transfer", task, 4, reason="the parties agree to mediate", department="roads")
    ).tasks
    assert (old.state, old.stage) == ("withdrawn", "withdrawn")
    assert (new.department, new.stage, new.rule, new.returns) == ("roads", "dispatched", "transfer", 0)
    assert (new.dispatched_at, new.due_at) == (hours(0), hours(72 + 24)), "the limit and its extension run on"
    assert new.reason == "parks handed it over: the parties agree to mediate"
    assert len(driver.cases) == 1
    back = driver.pipe(feedback("transfer", new, 5, reason="no agreement", department="parks")).tasks[1]
    assert (back.department, back.due_at) == ("parks", hours(96))


@pytest.mark.parametrize("target", ["parks", "police"])
def test_a_task_is_handed_over_only_within_a_set_of_the_city(target: str) -> None:
    driver, task = opened()
    found = driver.pipe(feedback("transfer", task, 1, reason="x", department=target))
    assert found.decision == "no-transfer"
    assert found.rejected[0].rejection.reason.startswith(
        f"parks cannot hand a task to {target}: duties.yaml has no set"
    )
    assert driver.pipe(feedback("return", task, 2, reason="x", department="roads")).decision == "applied"


def test_a_supervised_task_shows_it_and_cannot_be_returned() -> None:
    driver, task = opened()
    found = driver.pipe(feedback("supervise", task, 1, SUPERVISION, reason="the mayor has asked"))
    (update,) = found.tasks
    assert (update.state, update.stage, update.supervised_at, update.final) == ("updated", "dispatched", hours(1), True)
    (transition,) = found.transitions
    assert (transition.kind, transition.begin, transition.to) == ("supervise", "dispatched", "dispatched")
    late = driver.pipe(feedback("return", task, 2, reason="not ours"))
    assert late.decision == "not-legal"
    assert "and it cannot be returned" in late.rejected[0].rejection.reason
