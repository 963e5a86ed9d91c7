"""What its reporter has put right on the spot (举手之劳) goes straight to its check."""

from router.domain.case.derived import state_of
from router.domain.lifecycle.journal import broken_at
from router.domain.model.feedback import SUPERVISION
from tests.support.catalogue_lists import DUTIES, WORK
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback

CHECKED = WORK + "      checking: {text: {en: Looked at}}\n"
TOGETHER = DUTIES.replace("lead: parks", "lead: parks\n    assist: [police]")


def test_a_solved_report_waits_for_its_check_alone() -> None:
    driver = Driver(tiny(work=CHECKED, duties=TOGETHER))
    found = driver.pipe(report("17", solved=True))
    (task,) = found.tasks
    assert (task.department, task.role, task.state, task.stage) == ("parks", "lead", "dispatched", "handled")
    assert task.reason.endswith("is led by parks, assisted by police; hotline:17 says that it is solved")
    case = driver.case_of("17")
    assert case.state == state_of(case) == "checking"
    assert [(one.begin, one.to, one.cause) for one in driver.transitions] == [(None, "handled", "report")]
    driver.pipe(feedback("check-passed", task, 1, SUPERVISION))
    assert driver.case_of("17").state == "closed"


def test_what_is_not_solved_is_handled_by_the_lead_with_its_whole_limit() -> None:
    driver = Driver(tiny(work=CHECKED))
    task = driver.pipe(report("17", solved=True)).tasks[0]
    found = driver.pipe(feedback("check-failed", task, 5, SUPERVISION, reason="it lies there still"))
    assert (found.tasks[0].stage, found.tasks[0].due_at) == ("handling", hours(5 + 72))
    assert driver.case_of("17").state == "handling"
    assert broken_at(driver.transitions) is None


def test_without_a_check_what_is_solved_is_closed() -> None:
    driver = Driver(tiny())
    found = driver.pipe(report("17", solved=True))
    case = driver.case_of("17")
    assert (case.state, case.closed_at, found.tasks[0].stage) == ("closed", hours(0), "closed")
    again = driver.pipe(report("18", 1))
    assert (again.decision, again.tasks[0].stage) == ("opened", "dispatched"), (
        "what is reported after it happened again"
    )


def test_a_solved_report_that_joins_a_case_leaves_its_task() -> None:
    """The department decides whether its work is done."""
    driver = Driver(tiny(work=CHECKED))
    driver.pipe(report("17"))
    found = driver.pipe(report("18", 1, network="governance", solved=True))
    assert found.decision == "near"
    assert driver.case_of("17").state == "dispatched"


def test_a_crash_changes_nothing() -> None:
    driver = Driver(tiny(work=CHECKED))
    driver.pipe(report("17", solved=True))
    assert driver.crash().snapshot() == driver.snapshot()
