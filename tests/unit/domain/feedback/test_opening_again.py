"""A case that was closed or rejected, and whose report means something else when a supervisor opens it again."""

import pytest

from router.domain.case.derived import state_of
from router.domain.case.task_record import task
from router.domain.lifecycle.journal import broken_at
from router.domain.lifecycle.stages import is_live
from router.domain.model.case import Case, RoutedFor
from router.domain.model.feedback import SUPERVISION, FeedbackKind
from router.wire.codec import decode_case, encode_case
from tests.support.catalogue_lists import DUTIES
from tests.support.driver import CELL, Driver, Folded, hours, report, tiny
from tests.support.feedback import feedback
from tests.support.filing import FILED_WORK
from tests.unit.domain.feedback.test_filing import say

ELSEWHERE = "410902002001001"
"""A cell of the other town."""
CITY = tiny(duties=DUTIES + "  grass-there:\n    matters: [grass]\n    area: ['410902002']\n    lead: police\n")


@pytest.fixture
def driver() -> Driver:
    one = Driver(CITY)
    one.pipe(report("17"))
    one.pipe(feedback("close", one.tasks[0], 1, SUPERVISION, reason="done"))
    assert the_case(one).state == "closed"
    return one


def the_case(driver: Driver) -> Case:
    return driver.case_of("17")


def opened_again(driver: Driver, at: float = 9) -> Folded:
    return driver.pipe(feedback("reopen", driver.tasks[0], at, SUPERVISION, reason="not done"))


def test_the_departments_of_what_the_report_means_now_get_the_tasks(driver: Driver) -> None:
    corrected = driver.pipe(report("17", 2, matter="hole", version=2))
    assert corrected.tasks == [], "it is closed"
    assert the_case(driver).routed_for == RoutedFor("tree", CELL)
    found = opened_again(driver)
    assert [(one.department, one.state, one.matter, one.dispatched_at, one.due_at) for one in found.tasks] == [
        ("roads", "dispatched", "hole", hours(9), hours(9 + 72))
    ]
    assert found.tasks[0].reason.endswith(
        "routed again, because tree had become hole when a supervisor opened it again"
    )
    case = the_case(driver)
    assert [(one.department, one.stage, is_live(one)) for one in case.assignments] == [
        ("parks", "closed", False), ("roads", "dispatched", True),
    ]  # fmt: skip
    assert (case.routed_for, case.closed_at, case.state) == (None, None, "dispatched")
    assert broken_at(driver.transitions) is None
    (made,) = found.transitions
    assert (made.task, made.to, made.kind, made.reason) == (
        case.assignments[1].task,
        "dispatched",
        "reopen",
        "not done",
    )
    (rejected,) = driver.pipe(feedback("reopen", driver.tasks[0], 10, SUPERVISION, reason="again")).rejected
    assert rejected.rejection.code == "not-legal", "the trees stay closed"


def test_another_place_alone_has_another_department() -> None:
    driver = Driver(CITY)
    driver.pipe(report("17", matter="grass"))
    driver.pipe(feedback("close", driver.tasks[0], 1, SUPERVISION, reason="done"))
    driver.pipe(report("17", 2, matter="grass", version=2, cell=ELSEWHERE))
    found = opened_again(driver)
    assert [(one.department, one.state, one.cell) for one in found.tasks] == [("police", "dispatched", ELSEWHERE)]
    assert f"because {CELL} had become {ELSEWHERE} when" in found.tasks[0].reason


def test_a_correction_back_leaves_the_task_where_it_was(driver: Driver) -> None:
    driver.pipe(report("17", 2, matter="hole", version=2))
    driver.pipe(report("17", 3, version=3))
    assert the_case(driver).routed_for is None
    (task,) = opened_again(driver).tasks
    assert (task.id, task.department, task.stage) == (driver.tasks[0].id, "parks", "handling")


def test_corrections_of_other_things_route_nothing(driver: Driver) -> None:
    driver.pipe(report("17", 2, version=2, description="a tall one"))
    assert the_case(driver).routed_for is None
    assert opened_again(driver).tasks[0].department == "parks"


def test_a_restored_case_is_routed_again_too(driver: Driver) -> None:
    driver.pipe(report("17", 2, matter="hole", version=2))
    case = the_case(driver)
    assert decode_case(encode_case(case)[1]).routed_for == case.routed_for
    restored = driver.crash()
    (found,) = restored.pipe(feedback("reopen", driver.tasks[0], 9, SUPERVISION, reason="not done")).tasks
    assert found == opened_again(driver).tasks[0]


def test_a_rejected_case_is_filed_for_what_it_means_now() -> None:
    driver = Driver(tiny(work=FILED_WORK))
    driver.pipe(report("17"))
    say(driver, "reject", 1)
    assert driver.pipe(report("17", 2, matter="hole", version=2)).tasks == []
    assert the_case(driver).state == "rejected"
    filed = say(driver, "file", 3)
    assert [(one.department, one.state, one.due_at) for one in filed.tasks] == [("roads", "dispatched", hours(3 + 72))]
    case = the_case(driver)
    assert [(one.department, one.stage, is_live(one)) for one in case.assignments] == [
        ("parks", "rejected", False), ("roads", "dispatched", True),
    ]  # fmt: skip
    driver.pipe(feedback("close", filed.tasks[0], 4, SUPERVISION, reason="done"))
    assert the_case(driver).state == state_of(the_case(driver)) == "closed", "what was rejected once was filed since"
    assert broken_at(driver.transitions) is None


@pytest.mark.parametrize("kind", ["reject", "close"])
def test_a_case_whose_last_report_returns_to_its_former_case_is_empty(kind: FeedbackKind) -> None:
    """Whatever became of it before: nothing is left that could be filed or opened again."""
    driver = Driver(tiny(work=FILED_WORK))
    driver.pipe(report("17"), report("18", 0.1, network="policing"))
    driver.pipe(report("18", 1, network="policing", version=2, cell=ELSEWHERE, north=2000))
    apart = driver.case_of("18", "policing")
    assert apart.id != the_case(driver).id
    named = task(apart, apart.assignments[0], driver.rules.of("").catalogue)
    if kind == "close":
        driver.pipe(feedback("file", named, 2, SUPERVISION, reason="why"))
    driver.pipe(feedback(kind, named, 3, SUPERVISION, reason="why"))
    driver.pipe(report("18", 4, network="policing", version=3))
    assert len(the_case(driver).reports) == 2
    (left,) = [one for one in driver.cases if one.id == apart.id]
    assert (left.reports, left.state, state_of(left)) == ((), "empty", "empty")


def test_supervision_opens_again_what_the_network_has_closed_too(driver: Driver) -> None:
    driver.pipe(report("17", 2, version=2, closed="closed"))
    (task_again,) = opened_again(driver).tasks
    assert (task_again.department, task_again.stage, the_case(driver).state) == ("parks", "handling", "handling")
    moved = driver.pipe(report("17", 10, version=3, matter="hole", closed="closed")).tasks
    assert [(one.department, one.state) for one in moved] == [("parks", "withdrawn"), ("roads", "dispatched")]
    driver.pipe(feedback("close", moved[1], 11, SUPERVISION, reason="done"))
    assert (the_case(driver).state, the_case(driver).closed_at) == ("closed", hours(11))
    assert driver.crash().snapshot() == driver.snapshot()
