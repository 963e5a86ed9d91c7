"""A city may have a case verified and filed before its departments get tasks (核实, 立案).

Hours count from START. The tiny city gives every department three days.
"""

import pytest
from msgspec.json import encode

from router.domain.case.derived import state_of
from router.domain.lifecycle.journal import broken_at, without_words
from router.domain.lifecycle.stages import stage_of
from router.domain.model.case import Assignment, Case
from router.domain.model.erasure import Erasure
from router.domain.model.feedback import SUPERVISION, FeedbackKind
from router.domain.model.task import Task
from router.wire.codec import encode_case
from tests.support.catalogue_lists import DUTIES, MATTERS, WORK
from tests.support.driver import Driver, Folded, hours, report, tiny
from tests.support.feedback import feedback
from tests.support.filing import FILED_WORK

TWO = DUTIES.replace("lead: parks", "lead: parks\n    assist: [police]")
CITY = tiny(work=FILED_WORK, duties=TWO)
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


def say(
    driver: Driver,
    kind: FeedbackKind,
    at: float,
    sender: str = SUPERVISION,
    number: int = 0,
    *,
    reason: str = "why",
    limit: str | None = None,
) -> Folded:
    return driver.pipe(feedback(kind, planned_task(driver, number), at, sender, reason=reason, limit=limit))


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
    assert [(one.department, stage_of(one)) for one in case.assignments] == [
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
    assert {stage_of(one) for one in the_case(driver).assignments} == {"withdrawn"}


def test_what_its_reporter_has_solved_needs_only_the_check() -> None:
    driver = Driver(CITY)
    (task,) = driver.pipe(report("17", solved=True)).tasks
    assert (task.stage, the_case(driver).state) == ("handled", "checking")


def test_the_ladder_of_the_department_begins_with_the_filing() -> None:
    driver = Driver(tiny(work=FILED_WORK, escalations=LADDER))
    driver.pipe(report("17"))
    say(driver, "file", 1)
    assert (lead(driver).due_at, lead(driver).timer_at) == (hours(73), hours(49))


def test_the_limits_of_the_stages_before_it_go_up_the_ladder_once_a_case() -> None:
    """4 hours to look and 8 to decide are too short for a reminder 24 hours before. A restored state sends the same."""
    driver = Driver(tiny(work=FILED_WORK, escalations=LADDER, duties=TWO))
    driver.pipe(report("17"))
    assert [one.timer_at for one in the_case(driver).assignments] == [hours(4), None]
    task, found = lead(driver).task, []
    for at in (3, 4, 5):
        driver = driver.crash()
        driver.tick(at)
        found += driver.escalations
    (cleared,) = say(driver, "verified", 6).escalations
    assert (cleared.id, cleared.settled, cleared.due_at) == (f"{task}/0/verifying/town/cleared", "late", hours(4))
    driver.tick(13)
    assert say(driver, "silence", 13, limit="2h").decision == "applied"
    for at in (14, 15, 16):
        driver = driver.crash()
        driver.tick(at)
        found += driver.escalations
    assert [(one.id, one.waiting, one.at, one.sent_at, one.due_at) for one in found] == [
        (f"{task}/0/verifying/town", "verifying", hours(4), hours(4), hours(4)),
        (f"{task}/1/filing/town", "filing", hours(14), hours(15), hours(14)),
    ]
    (cleared,) = say(driver, "file", 17).escalations
    assert (cleared.id, cleared.settled) == (f"{task}/1/filing/town/cleared", "late")
    assert [one.timer_at for one in the_case(driver).assignments] == [hours(17 + 72 - 24), None]


def test_of_the_erasure_of_a_case_hears_who_has_heard_of_it() -> None:
    """Words of supervision leave the journal, also those about a case that is not filed."""
    driver = Driver(tiny(work=FILED_WORK, duties=TWO))
    driver.pipe(report("17", description="MARKED"))
    say(driver, "verified", 1, reason="MARKED was there")
    driver.pipe(report("17", 2, matter="hole", version=2, description="MARKED"))
    say(driver, "reject", 3, number=2, reason="MARKED called")
    say(driver, "file", 4, number=2, reason="MARKED called again")
    assert say(driver, "silence", 5, number=2, limit="2h", reason="MARKED").decision == "applied"
    case = the_case(driver)
    found = driver.pipe(
        Erasure(id="1", case=case.id, at=hours(6), actor="z", reason="law", partition_key=case.partition_key)
    )
    assert [(one.department, one.description) for one in found.tasks] == [("roads", "")], "parks never got its task"
    assert b"MARKED" in encode(driver.transitions)
    again = without_words(driver.transitions)
    assert len(again) == driver.transitions[-1].number - 1
    assert b"MARKED" not in encode(again)
    assert broken_at([*again, driver.transitions[-1]]) is None
    assert b"MARKED" not in encode_case(the_case(driver))[1]


def test_the_erasure_of_a_case_that_waits_reaches_no_department(driver: Driver) -> None:
    case = the_case(driver)
    found = driver.pipe(
        Erasure(id="1", case=case.id, at=hours(1), actor="z", reason="law", partition_key=case.partition_key)
    )
    assert (found.decision, found.tasks, the_case(driver).state) == ("erased", [], "verifying")


def test_a_restored_case_is_filed_as_any_other(driver: Driver) -> None:
    say(driver, "verified", 1)
    other = driver.crash()
    assert other.snapshot() == driver.snapshot()
    assert len(say(other, "file", 2).tasks) == 2
