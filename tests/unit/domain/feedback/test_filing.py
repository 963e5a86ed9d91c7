"""A city may have a case verified and filed before its departments get tasks (核实, 立案).

Hours count from START. The tiny city gives every department three days.
"""

import pytest

from router.domain.case.derived import state_of
from router.domain.lifecycle.journal import broken_at
from router.domain.model.case import Assignment, Case
from router.domain.model.feedback import SUPERVISION, FeedbackKind
from router.domain.model.task import Task
from tests.support.catalogue_lists import DUTIES, MATTERS, WORK
from tests.support.driver import Driver, Folded, hours, report, tiny
from tests.support.feedback import feedback
from tests.support.filing import FILED_WORK

CITY = tiny(work=FILED_WORK, duties=DUTIES.replace("lead: parks", "lead: parks\n    assist: [police]"))
LADDER = """\
authorities: {town: {name: {en: Town}, digits: 9}}
ladders: {usual: {remind: [24h], rungs: [{to: town, after: 0h}]}}
default: {lead: usual}
"""


@pytest.fixture
def driver() -> Driver:
    one = Driver(CITY)
    one.pipe(report("17"))
    return one


def the_case(driver: Driver) -> Case:
    return driver.case_of("17")


def planned_task(driver: Driver, number: int = 0) -> Task:
    """What a supervisor reads in the case: the id of a task that no department has got yet."""
    case, one = the_case(driver), the_case(driver).assignments[number]
    return Task(
        id=one.task, case=case.id, department=one.department, role=one.role, matter=case.matter, cell=case.cell,
        rule=one.rule, catalogue=case.catalogue, reason="", dispatched_at=hours(0), due_at=None, partition_key=case.partition_key,
    )  # fmt: skip


def say(driver: Driver, kind: FeedbackKind, at: float, sender: str = SUPERVISION, number: int = 0) -> Folded:
    return driver.pipe(feedback(kind, planned_task(driver, number), at, sender, reason="why"))


def lead(driver: Driver) -> Assignment:
    return the_case(driver).assignments[0]


def test_no_department_gets_a_task_before_the_case_is_filed(driver: Driver) -> None:
    assert driver.tasks == []
    case = the_case(driver)
    assert (case.state, state_of(case)) == ("verifying", "verifying")
    assert [(one.stage, one.due_at, one.wait_until) for one in case.assignments] == [("verifying", None, hours(4))] * 2
    assert say(driver, "verified", 3).tasks == []
    assert [(one.stage, one.wait_until) for one in the_case(driver).assignments] == [("filing", hours(3 + 8))] * 2
    assert the_case(driver).state == "filing"
    filed = say(driver, "file", 5)
    assert [(one.department, one.state, one.stage, one.dispatched_at, one.due_at) for one in filed.tasks] == [
        ("parks", "dispatched", "dispatched", hours(5), hours(5 + 72)),
        ("police", "dispatched", "dispatched", hours(5), hours(5 + 72)),
    ]
    assert (the_case(driver).state, lead(driver).wait_until) == ("dispatched", None)
    assert [(one.begin, one.to, one.kind) for one in driver.transitions if one.department == "parks"] == [
        (None, "verifying", None),
        ("verifying", "filing", "verified"),
        ("filing", "dispatched", "file"),
    ]
    assert broken_at(driver.transitions) is None


def test_after_the_filing_the_life_goes_on_as_without_it(driver: Driver) -> None:
    say(driver, "file", 1)
    for hour, (kind, number, sender) in enumerate(
        [("accept", 0, "parks"), ("answer", 1, "police"), ("handled", 0, "parks"), ("check-passed", 0, SUPERVISION)], 2
    ):
        assert say(driver, kind, hour, sender, number).decision == "applied"  # type: ignore[arg-type]
    assert the_case(driver).state == "closed"


def test_a_rejected_case_ends_without_a_task(driver: Driver) -> None:
    found = say(driver, "reject", 2)
    case = the_case(driver)
    assert (found.tasks, case.state, state_of(case), case.closed_at) == ([], "rejected", "rejected", hours(2))
    assert {(one.stage, one.wait_until) for one in case.assignments} == {("rejected", None)}
    assert [(one.to, one.reason) for one in driver.transitions[-2:]] == [("rejected", "why")] * 2
    assert driver.pipe(report("18", 3)).decision == "opened", "what is reported after it happened again"


def test_what_was_rejected_by_mistake_is_filed(driver: Driver) -> None:
    say(driver, "reject", 2)
    assert say(driver, "verified", 3).rejected[0].rejection.code == "not-legal"
    filed = say(driver, "file", 4)
    assert [(one.department, one.due_at) for one in filed.tasks] == [("parks", hours(76)), ("police", hours(76))]
    assert (the_case(driver).state, the_case(driver).closed_at) == ("dispatched", None)


def test_a_department_cannot_answer_before_the_filing(driver: Driver) -> None:
    (rejected,) = say(driver, "accept", 1, "parks").rejected
    assert rejected.rejection.reason.endswith("is verifying; nothing is possible for parks now.")
    (rejected,) = say(driver, "close", 1).rejected
    assert rejected.rejection.legal == ("verified", "file", "reject", "silence")


def test_reports_that_join_a_case_reach_no_department_before_the_filing(driver: Driver) -> None:
    """Merged is what becomes of the report, and no stage of the case."""
    found = driver.pipe(report("18", 1, network="policing"))
    assert (found.decision, found.tasks) == ("near", [])
    assert say(driver, "file", 2).tasks[0].networks == ("hotline", "policing")


def test_a_corrected_matter_stays_at_its_stage_before_the_filing(driver: Driver) -> None:
    say(driver, "verified", 1)
    found = driver.pipe(report("17", 2, matter="hole", version=2))
    assert found.tasks == [], "parks has never heard of it, and roads hears when it is filed"
    case = the_case(driver)
    assert [(one.department, one.stage) for one in case.assignments] == [
        ("parks", "withdrawn"), ("police", "withdrawn"), ("roads", "filing"),
    ]  # fmt: skip
    assert case.assignments[2].wait_until == hours(2 + 8)
    filed = say(driver, "file", 3, number=2)
    assert [(one.department, one.state) for one in filed.tasks] == [("roads", "dispatched")]


def test_a_corrected_matter_of_a_filed_case_is_dispatched_at_once(driver: Driver) -> None:
    say(driver, "file", 1)
    found = driver.pipe(report("17", 2, matter="hole", version=2))
    assert [(one.department, one.state) for one in found.tasks] == [
        ("parks", "withdrawn"), ("police", "withdrawn"), ("roads", "dispatched"),
    ]  # fmt: skip


def test_a_matter_that_needs_no_filing_is_dispatched_when_the_report_is_corrected() -> None:
    office = WORK[WORK.index("  field:") :].replace("  field:", "  office:")
    work = FILED_WORK.replace("lifecycles:", office + "lifecycles:")
    driver = Driver(tiny(work=work, matters=MATTERS.replace("workflow: field}", "workflow: office}")))
    driver.pipe(report("17"))
    found = driver.pipe(report("17", 2, matter="hole", version=2))
    assert [(one.department, one.state, one.due_at) for one in found.tasks] == [("roads", "dispatched", hours(74))]


def test_a_report_that_is_closed_before_the_filing_ends_the_case(driver: Driver) -> None:
    found = driver.pipe(report("17", 2, version=2, closed="closed"))
    assert (found.tasks, the_case(driver).state) == ([], "closed")
    assert {one.stage for one in the_case(driver).assignments} == {"withdrawn"}


def test_what_its_reporter_has_solved_needs_only_the_check() -> None:
    driver = Driver(CITY)
    (task,) = driver.pipe(report("17", solved=True)).tasks
    assert (task.stage, the_case(driver).state) == ("handled", "checking")


def test_the_ladder_begins_with_the_filing() -> None:
    driver = Driver(tiny(work=FILED_WORK, escalations=LADDER))
    driver.pipe(report("17"))
    assert lead(driver).timer_at is None
    say(driver, "file", 100)
    assert (lead(driver).due_at, lead(driver).timer_at) == (hours(172), hours(148))


def test_a_restored_case_is_filed_as_any_other(driver: Driver) -> None:
    say(driver, "verified", 1)
    other = driver.crash()
    assert other.snapshot() == driver.snapshot()
    assert len(say(other, "file", 2).tasks) == 2
