"""What departments and supervision answer, and what it changes, over the fold."""

import pytest
from msgspec.structs import replace

from router.domain.case.archiving import ANSWERED_KEPT, IDS_KEPT, finished_at
from router.domain.feedback.answering import MOST_ANSWERS
from router.domain.lifecycle.journal import broken_at
from router.domain.model.case import Case
from router.domain.model.feedback import SUPERVISION
from router.domain.model.task import Task
from router.domain.rules.city import City
from tests.support.catalogue_lists import DUTIES, WORK
from tests.support.driver import OTHER_COUNTY, Driver, hours, report, tiny
from tests.support.feedback import feedback

CHECKED = WORK + "      checking: {text: {en: Looked at}}\n"
TOGETHER = DUTIES.replace("lead: parks", "lead: parks\n    assist: [police]")
CITY, UNCHECKED, CO_HANDLED = tiny(work=CHECKED), tiny(), tiny(work=CHECKED, duties=TOGETHER)


def opened(city: City = CITY) -> tuple[Driver, Task]:
    """A driver with one case, and the task of its lead."""
    driver = Driver(city)
    driver.pipe(report("17", description="a fallen tree"))
    return driver, driver.tasks[0]


def the_case(driver: Driver) -> Case:
    return driver.case_of("17")


def test_a_life_from_the_report_to_the_check() -> None:
    driver, task = opened()
    stages = []
    for hour, (kind, sender) in enumerate(
        [("accept", None), ("progress", None), ("handled", None), ("check-failed", SUPERVISION), ("handled", None)], 1
    ):
        driver.pipe(feedback(kind, task, hour, sender))
        stages.append((the_case(driver).state, driver.tasks[-1].state, driver.tasks[-1].stage))
    assert stages == [
        ("accepted", "updated", "accepted"),
        ("handling", "updated", "handling"),
        ("checking", "updated", "handled"),
        ("handling", "updated", "handling"),
        ("checking", "updated", "handled"),
    ]
    driver.pipe(feedback("check-passed", task, 6, SUPERVISION))
    case = the_case(driver)
    assert (case.state, case.closed_at, case.window_closed_at) == ("closed", hours(6), hours(6))
    assert [(one.begin, one.to, one.kind) for one in driver.transitions] == [
        (None, "dispatched", None),
        ("dispatched", "accepted", "accept"),
        ("accepted", "handling", "progress"),
        ("handling", "handled", "handled"),
        ("handled", "handling", "check-failed"),
        ("handling", "handled", "handled"),
        ("handled", "closed", "check-passed"),
    ]
    assert broken_at(driver.transitions) is None
    assert (case.transitions, case.chain) == (7, driver.transitions[-1].hash)


LIVES = """\
lifecycles:
  checked:
    name: {en: Checked}
    stages:
      dispatched: {on: {handled: handled, suspend: suspended, reroute: withdrawn}}
      handling: {on: {handled: handled}}
      suspended: {limit: 30d, on: {resume: handling}}
      handled: {limit: 8h, on: {check-passed: closed, check-failed: handling}}
"""


def test_a_stage_at_which_the_department_waits_has_a_limit() -> None:
    driver, task = opened(tiny(work=CHECKED.replace("    steps:", "    lifecycle: checked\n    steps:") + LIVES))
    until = []
    for hour, (kind, sender) in enumerate(
        [
            ("suspend", SUPERVISION),
            ("resume", SUPERVISION),
            ("handled", None),
            ("check-failed", SUPERVISION),
            ("handled", None),
        ],
        1,
    ):
        driver.pipe(feedback(kind, task, hour, sender, reason="x"))
        until.append(the_case(driver).assignments[0].wait_until)
    assert until == [hours(1 + 720), None, hours(3 + 8), None, hours(5 + 8)]
    driver.pipe(feedback("check-passed", task, 6, SUPERVISION))
    assert the_case(driver).assignments[0].wait_until is None


def test_a_city_without_a_stage_lets_feedback_lead_past_it() -> None:
    three = LIVES.replace("handled: handled", "accept: handling, handled: closed").replace(
        "handled: handled", "handled: closed"
    )
    three = three.replace("      handled: {limit: 8h, on: {check-passed: closed, check-failed: handling}}\n", "")
    driver, task = opened(tiny(work=WORK.replace("    steps:", "    lifecycle: checked\n    steps:") + three))
    driver.pipe(feedback("accept", task, 1))
    assert (the_case(driver).state, driver.tasks[-1].stage) == ("handling", "handling")
    rejected = driver.pipe(feedback("check-passed", task, 2, SUPERVISION))
    assert rejected.rejected[0].rejection.reason == (
        f"`check-passed` is not possible: task {task.id} is handling; possible now: silence."
    )
    driver.pipe(feedback("handled", task, 3))
    assert the_case(driver).state == "closed"


def test_without_a_check_what_is_handled_is_closed() -> None:
    driver, task = opened(UNCHECKED)
    driver.pipe(feedback("handled", task, 1))
    assert (the_case(driver).state, driver.tasks[-1].stage) == ("closed", "closed")


def test_a_case_is_closed_when_every_department_has_answered() -> None:
    driver, lead = opened(CO_HANDLED)
    assist = driver.tasks[1]
    assert (assist.department, assist.role) == ("police", "assist")
    driver.pipe(feedback("handled", lead, 1))
    assert the_case(driver).state == "handling", "the assistant has not answered"
    driver.pipe(feedback("handled", assist, 2))
    assert the_case(driver).state == "checking"
    driver.pipe(feedback("check-passed", lead, 3, SUPERVISION))
    assert the_case(driver).state == "closed"


def test_what_is_reported_after_the_closing_is_a_case_of_its_own() -> None:
    driver, task = opened(UNCHECKED)
    driver.pipe(feedback("handled", task, 1))
    found = driver.pipe(report("18", 1.5))
    assert found.decision == "opened"
    assert [one.state for one in found.tasks] == ["dispatched"]


def test_a_correction_of_a_closed_case_sends_no_task() -> None:
    driver, task = opened(UNCHECKED)
    driver.pipe(feedback("handled", task, 1))
    found = driver.pipe(report("17", 2, matter="hole", version=2))
    assert the_case(driver).state == "closed"
    assert found.tasks == []


def test_a_correction_that_leads_elsewhere_takes_an_accepted_task_away() -> None:
    driver, task = opened()
    driver.pipe(feedback("accept", task, 1))
    found = driver.pipe(report("17", 2, matter="hole", version=2))
    assert [(one.department, one.state, one.stage) for one in found.tasks] == [
        ("parks", "withdrawn", "withdrawn"),
        ("roads", "dispatched", "dispatched"),
    ]
    assert [(one.department, one.begin, one.to) for one in found.transitions] == [
        ("parks", "accepted", "withdrawn"),
        ("roads", None, "dispatched"),
    ]
    assert the_case(driver).state == "dispatched"
    late = driver.pipe(feedback("handled", task, 3))
    assert late.decision == "not-legal"


def test_the_first_return_goes_to_whom_it_names_and_the_second_to_the_locality() -> None:
    driver, task = opened()
    found = driver.pipe(feedback("return", task, 1, reason="a kerb", department="roads"))
    assert [(one.department, one.state, one.stage, one.final) for one in found.tasks] == [
        ("parks", "withdrawn", "returned", False),
        ("roads", "dispatched", "dispatched", False),
    ]
    second = found.tasks[1]
    assert second.reason == "parks returned the task: a kerb; it named roads"
    assert second.due_at == hours(1 + 72), "the second department has its time"
    found = driver.pipe(feedback("return", second, 2, reason="not ours", department="police"))
    third = found.tasks[1]
    assert (third.department, third.unit, third.final) == ("locality", "410902001", True)
    third_return = driver.pipe(feedback("return", third, 3, reason="not ours either"))
    (answer,) = third_return.rejected
    assert answer.rejection.code == "not-legal"
    assert answer.rejection.reason == (
        f"`return` is not possible: task {third.id} is dispatched, and it cannot be returned; possible now: accept, handled, ask-extension, ask-support, transfer."
    )
    assert the_case(driver).state == "dispatched"


@pytest.mark.parametrize("named", [None, "parks", "no such department"])
def test_a_return_without_a_name_goes_to_the_locality(named: str | None) -> None:
    driver, task = opened()
    found = driver.pipe(feedback("return", task, 1, reason="not ours", department=named))
    assert [(one.department, one.final) for one in found.tasks] == [("parks", False), ("locality", True)]


def test_without_a_fallback_the_department_keeps_what_it_returns() -> None:
    duties = DUTIES.replace("fallback: {department: locality, unit: street}\n", "")
    driver, task = opened(tiny(work=CHECKED, duties=duties))
    found = driver.pipe(feedback("return", task, 1, reason="not ours"))
    assert [(one.department, one.state, one.final) for one in found.tasks] == [
        ("parks", "withdrawn", False),
        ("parks", "dispatched", True),
    ]


def test_a_supervisor_decides_whose_the_task_is() -> None:
    driver, task = opened()
    driver.pipe(feedback("accept", task, 1))
    found = driver.pipe(feedback("reroute", task, 2, SUPERVISION, reason="it blocks the road", department="roads"))
    assert [(one.department, one.state, one.stage, one.final) for one in found.tasks] == [
        ("parks", "withdrawn", "withdrawn", False),
        ("roads", "dispatched", "dispatched", True),
    ]
    assert found.tasks[1].reason == "a supervisor decided: it blocks the road"


def test_a_supervisor_names_a_department_of_the_catalogue() -> None:
    driver, task = opened()
    (answer,) = driver.pipe(feedback("reroute", task, 1, SUPERVISION, reason="x", department="moon")).rejected
    assert answer.rejection.code == "unknown-department"
    assert "'moon'" in answer.rejection.reason
    assert the_case(driver).assignments[0].department == "parks"


def test_a_supervisor_closes_and_reopens() -> None:
    driver, lead = opened(CO_HANDLED)
    found = driver.pipe(feedback("close", lead, 1, SUPERVISION, reason="nothing there"))
    assert [(one.department, one.state, one.stage) for one in found.tasks] == [
        ("parks", "updated", "closed"),
        ("police", "updated", "closed"),
    ]
    assert (the_case(driver).state, the_case(driver).closed_at) == ("closed", hours(1))
    found = driver.pipe(feedback("reopen", lead, 2, SUPERVISION, reason="it is there"))
    assert {one.stage for one in found.tasks} == {"handling"}
    assert (the_case(driver).state, the_case(driver).closed_at) == ("handling", None)


def test_who_may_say_what() -> None:
    driver, task = opened()
    foreign = driver.pipe(feedback("accept", task, 1, "roads"))
    assert [one.rejection.code for one in foreign.rejected] == ["foreign-task"]
    assert foreign.cases == []
    inspector = driver.pipe(feedback("check-passed", task, 1, "parks"))
    assert [one.rejection.code for one in inspector.rejected] == ["not-legal"]
    for_them = driver.pipe(feedback("accept", task, 1, SUPERVISION))
    assert [one.rejection.code for one in for_them.rejected] == ["not-legal"]
    assert the_case(driver).state == "dispatched"


def test_an_unknown_task_is_answered() -> None:
    driver, task = opened()
    for id_ in ("C-0.1", f"{task.case}.9", "", "."):
        found = driver.pipe(feedback("accept", replace(task, id=id_), 1))
        assert [one.rejection.code for one in found.rejected] == ["unknown-task"]


def test_a_second_delivery_does_nothing_and_other_content_is_answered() -> None:
    driver, task = opened()
    accept = feedback("accept", task, 1, id="a")
    assert driver.pipe(accept).decision == "applied"
    again = driver.pipe(accept)
    assert (again.decision, again.cases, again.tasks, again.transitions) == ("redelivered", [], [], [])
    (answer,) = driver.pipe(feedback("handled", task, 2, id="a")).rejected
    assert answer.rejection.code == "id-reused"
    assert the_case(driver).state == "accepted"


def test_what_was_rejected_is_not_applied_when_it_comes_again() -> None:
    driver, task = opened()
    early = feedback("progress", task, 1)
    assert driver.pipe(early).decision == "not-legal"
    driver.pipe(feedback("accept", task, 2))
    assert driver.pipe(early).decision == "redelivered"
    assert the_case(driver).state == "accepted"


def test_a_flood_does_not_fill_the_case_and_holds_up_no_other_sender() -> None:
    driver, task = opened()
    for number in range(MOST_ANSWERS):
        assert driver.pipe(feedback("progress", task, 1, id=f"flood {number}")).decision == "not-legal"
    (answer,) = driver.pipe(feedback("accept", task, 2)).rejected
    assert answer.rejection.code == "too-many"
    assert len(the_case(driver).answers) == MOST_ANSWERS
    assert driver.pipe(feedback("close", task, 3, SUPERVISION, reason="enough")).decision == "applied"


def test_feedback_that_was_delivered_late_is_judged_by_when_it_happened() -> None:
    driver, task = opened()
    driver.pipe(feedback("accept", task, 1))
    driver.pipe(feedback("handled", task, 2, delivered=10))
    assert the_case(driver).assignments[0].stage_at == hours(2)
    assert the_case(driver).updated_at == hours(10)


def test_feedback_that_was_delivered_far_too_late_is_judged_by_when_it_came() -> None:
    driver, task = opened()
    driver.pipe(feedback("handled", task, 1, delivered=14))
    assert the_case(driver).assignments[0].stage_at == hours(14)


def test_no_stage_begins_before_the_one_before() -> None:
    driver, task = opened()
    driver.pipe(feedback("accept", task, 5))
    driver.pipe(feedback("handled", task, 4, delivered=6))
    assert the_case(driver).assignments[0].stage_at == hours(5)


def test_a_case_at_which_a_department_works_is_not_archived() -> None:
    driver, task = opened()
    driver.pipe(feedback("accept", task, 1))
    driver.tick(60)
    case = the_case(driver)
    assert case.window_closed_at is not None
    assert finished_at(case) == hours(1) + ANSWERED_KEPT + IDS_KEPT
    driver.pipe(feedback("handled", task, 70), feedback("check-passed", task, 71, SUPERVISION))
    assert finished_at(the_case(driver)) == hours(71) + IDS_KEPT
    kept = IDS_KEPT.total_seconds() / 3600
    driver.pipe(report("at", 71 + kept, north=900))
    driver.tick(71 + kept)
    assert len(driver.archived) == 1


def test_the_successor_of_a_crashed_owner_goes_on_with_the_same_life() -> None:
    driver, task = opened()
    driver.pipe(feedback("accept", task, 1))
    successor = driver.crash()
    assert successor.snapshot() == driver.snapshot()
    assert successor.pipe(feedback("accept", task, 1)).decision == "redelivered"
    mine, theirs = (one.pipe(feedback("handled", task, 2)).transitions for one in (driver, successor))
    assert mine == theirs


def test_a_correction_after_the_lead_was_closed_leaves_no_case_without_a_department() -> None:
    """In the other county parks lead alone. What they have closed was about another place."""
    alone = "  elsewhere:\n    matters: [green]\n    area: '410903'\n    lead: parks\n"
    driver, lead = opened(tiny(work=CHECKED, duties=TOGETHER + alone))
    driver.pipe(feedback("handled", lead, 1), feedback("check-passed", lead, 2, SUPERVISION))
    assert the_case(driver).state == "handling", "the police has not answered"
    found = driver.pipe(report("17", 3, cell=OTHER_COUNTY, version=2))
    assert [(one.department, one.state) for one in found.tasks] == [("police", "withdrawn"), ("parks", "dispatched")]
    assert the_case(driver).state == "dispatched"


def test_what_was_closed_before_a_correction_is_not_worked_on_again() -> None:
    """The police has done its part about a tree. The report was about a hole, which is the work of roads alone."""
    driver, _ = opened(CO_HANDLED)
    police = driver.tasks[1]
    driver.pipe(feedback("handled", police, 1))
    roads = driver.pipe(report("17", 3, matter="hole", version=2)).tasks[-1]
    assert [one.department for one in roads.team] == ["police"], "it has answered"
    driver.pipe(feedback("close", roads, 4, SUPERVISION, reason="x"))
    (answer,) = driver.pipe(feedback("reopen", police, 5, SUPERVISION, reason="y")).rejected
    assert answer.rejection.code == "not-legal"
    found = driver.pipe(feedback("reopen", roads, 6, SUPERVISION, reason="y"))
    assert [(one.department, one.stage) for one in found.tasks] == [("roads", "handling")]
    assert [(one.department, one.stage) for one in the_case(driver).assignments] == [
        ("parks", "withdrawn"),
        ("police", "closed"),
        ("roads", "handling"),
    ]
    assert broken_at(driver.transitions) is None


def test_of_several_leads_the_latest_works_again_after_a_reopening() -> None:
    driver, lead = opened(CO_HANDLED)
    driver.pipe(feedback("handled", lead, 1), feedback("check-passed", lead, 2, SUPERVISION))
    roads = driver.pipe(report("17", 3, matter="hole", version=2)).tasks[-1]
    assert roads.department == "roads"
    driver.pipe(feedback("close", roads, 4, SUPERVISION, reason="x"))
    found = driver.pipe(feedback("reopen", roads, 5, SUPERVISION, reason="y"))
    assert [(one.department, one.stage) for one in found.tasks] == [("roads", "handling")]
