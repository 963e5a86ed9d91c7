"""Suspended tasks, extensions and checks that failed: whose time runs when.

Hours count from START, which is 09:00 in Shanghai on 1 October 2026. The limit is three days of 24 hours.
"""

import pytest

from router.domain.model.case import Assignment
from router.domain.model.feedback import SUPERVISION
from router.domain.model.task import Task
from tests.support.catalogue_lists import WORK
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback

CITY = tiny(work=WORK + "      checking: {text: {en: Looked at}}\n")


@pytest.fixture
def driver() -> Driver:
    one = Driver(CITY)
    one.pipe(report("17"))
    return one


def lead(driver: Driver) -> Assignment:
    return driver.case_of("17").assignments[-1]


def task(driver: Driver) -> Task:
    return driver.tasks[0]


def test_a_suspended_task_is_due_later_by_the_time_that_it_stood_still(driver: Driver) -> None:
    assert lead(driver).due_at == hours(72)
    driver.pipe(feedback("accept", task(driver), 1))
    driver.pipe(feedback("suspend", task(driver), 10, SUPERVISION, reason="the road is closed"))
    assert (lead(driver).stage, lead(driver).due_at) == ("suspended", None)
    assert driver.case_of("17").state == "suspended"
    assert driver.pipe(feedback("handled", task(driver), 20)).decision == "not-legal"
    driver.pipe(feedback("resume", task(driver), 34, SUPERVISION))
    assert (lead(driver).stage, lead(driver).due_at) == ("accepted", hours(72 + 24))
    assert driver.tasks[-1].due_at == hours(96)


def test_two_suspensions_add_up(driver: Driver) -> None:
    for begin, end in ((1, 5), (10, 16)):
        driver.pipe(feedback("suspend", task(driver), begin, SUPERVISION, reason="x"))
        driver.pipe(feedback("resume", task(driver), end, SUPERVISION))
    assert lead(driver).due_at == hours(72 + 4 + 6)


def test_a_task_suspended_after_its_limit_stays_overdue(driver: Driver) -> None:
    driver.pipe(feedback("suspend", task(driver), 80, SUPERVISION, reason="x"))
    assert lead(driver).due_at == hours(72)
    driver.pipe(feedback("resume", task(driver), 90, SUPERVISION))
    assert lead(driver).due_at == hours(72)


def test_an_extension_is_asked_for_and_granted(driver: Driver) -> None:
    driver.pipe(feedback("accept", task(driver), 1))
    asked = driver.pipe(feedback("ask-extension", task(driver), 50, reason="parts are missing", limit="2d"))
    assert (lead(driver).stage, lead(driver).asked, lead(driver).due_at) == ("accepted", "2d", hours(72))
    assert [(one.begin, one.to, one.kind) for one in asked.transitions] == [("accepted", "accepted", "ask-extension")]
    driver.pipe(feedback("grant-extension", task(driver), 80, SUPERVISION))
    assert (lead(driver).asked, lead(driver).extensions, lead(driver).due_at) == (None, ("2d",), hours(72 + 48))


def test_a_supervisor_grants_less(driver: Driver) -> None:
    driver.pipe(feedback("ask-extension", task(driver), 50, reason="x", limit="2d"))
    driver.pipe(feedback("grant-extension", task(driver), 51, SUPERVISION, limit="6h"))
    assert lead(driver).due_at == hours(78)


def test_a_supervisor_grants_nothing(driver: Driver) -> None:
    driver.pipe(feedback("ask-extension", task(driver), 50, reason="x", limit="2d"))
    driver.pipe(feedback("reject-extension", task(driver), 51, SUPERVISION, reason="no"))
    assert (lead(driver).asked, lead(driver).due_at) == (None, hours(72))
    assert driver.pipe(feedback("grant-extension", task(driver), 52, SUPERVISION)).decision == "not-legal"


def test_after_the_limit_no_extension_is_asked_for(driver: Driver) -> None:
    (answer,) = driver.pipe(feedback("ask-extension", task(driver), 72, reason="x", limit="2d")).rejected
    assert answer.rejection.code == "too-late"
    assert "ended at 2026-10-04T01:00:00+00:00" in answer.rejection.reason


def test_an_extension_that_was_asked_for_in_time_and_delivered_late_counts(driver: Driver) -> None:
    late = feedback("ask-extension", task(driver), 71, reason="x", limit="2d", delivered=75)
    assert driver.pipe(late).decision == "applied"


@pytest.mark.parametrize("limit", ["2wd", "soon", None])
def test_an_extension_that_the_city_cannot_count(driver: Driver, limit: str | None) -> None:
    (answer,) = driver.pipe(feedback("ask-extension", task(driver), 1, reason="x", limit=limit)).rejected
    assert answer.rejection.code == "bad-limit", "the city has no calendar"


def test_a_task_without_a_limit_needs_no_extension() -> None:
    driver = Driver(tiny(standards="default: {}"))
    driver.pipe(report("17"))
    (answer,) = driver.pipe(feedback("ask-extension", driver.tasks[0], 1, reason="x", limit="2d")).rejected
    assert answer.rejection.reason == f"task {driver.tasks[0].id} has no limit, so it needs no extension."


def test_the_wait_for_a_check_that_failed_is_not_the_departments_time(driver: Driver) -> None:
    driver.pipe(feedback("handled", task(driver), 60))
    driver.pipe(feedback("check-failed", task(driver), 80, SUPERVISION, reason="still there"))
    assert lead(driver).due_at == hours(72 + 20)


def test_the_time_in_which_a_case_was_closed_is_not_the_departments(driver: Driver) -> None:
    driver.pipe(feedback("close", task(driver), 10, SUPERVISION, reason="x"))
    driver.pipe(feedback("reopen", task(driver), 40, SUPERVISION, reason="y"))
    assert lead(driver).due_at == hours(72 + 30)


def test_the_department_after_a_return_has_its_own_time(driver: Driver) -> None:
    driver.pipe(feedback("suspend", task(driver), 1, SUPERVISION, reason="x"))
    driver.pipe(feedback("resume", task(driver), 5, SUPERVISION))
    driver.pipe(feedback("return", task(driver), 6, reason="not ours", department="roads"))
    assert (lead(driver).department, lead(driver).due_at, lead(driver).pauses) == ("roads", hours(78), ())


def test_a_correction_that_changes_the_limit_keeps_pauses_and_extensions() -> None:
    driver = Driver(tiny(standards="default: {limit: 3d}\nmatters: {grass: {limit: 1d}}"))
    driver.pipe(report("17"))
    driver.pipe(feedback("ask-extension", driver.tasks[0], 1, reason="x", limit="5h"))
    driver.pipe(feedback("grant-extension", driver.tasks[0], 2, SUPERVISION))
    driver.pipe(feedback("suspend", driver.tasks[0], 3, SUPERVISION, reason="x"))
    driver.pipe(feedback("resume", driver.tasks[0], 7, SUPERVISION))
    driver.pipe(report("17", 8, matter="grass", version=2))
    assert lead(driver).due_at == hours(24 + 5 + 4)


def test_a_successor_knows_whose_time_runs(driver: Driver) -> None:
    driver.pipe(feedback("suspend", task(driver), 1, SUPERVISION, reason="x"))
    successor = driver.crash()
    for one in (driver, successor):
        one.pipe(feedback("resume", task(driver), 5, SUPERVISION))
    assert lead(successor) == lead(driver)
    assert lead(successor).due_at == hours(76)
