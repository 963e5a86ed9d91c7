"""A task whose work has several limits: stop within 4 working hours, fine within 7 working days, demolish within 20 (分段时限).

Dates are counted manually on the calendar of Puyang for 2026. Office hours are 08:30-12:00 and 14:30-18:00. Spring Festival is 15 to 23
February, and the Saturdays 14 and 28 February are working days. Times are those of Shanghai.
"""

from dataclasses import replace as changed
from datetime import datetime

import pytest

from router.domain.calendar.lint import check_limits
from router.domain.catalogue.checks.milestone_lint import check
from router.domain.catalogue.diff import _limit
from router.domain.explanation.case_life import CaseLife, Decisions
from router.domain.explanation.deadline import explain_due
from router.domain.explanation.history import explain_history
from router.domain.explanation.summary import describe_case
from router.domain.explanation.wording import Wording
from router.domain.fold import fold
from router.domain.lifecycle.journal import broken_at
from router.domain.model.case import Assignment
from router.domain.model.escalation import Escalation
from router.domain.model.feedback import SUPERVISION, FeedbackKind
from router.domain.model.outcome import LimitMissed
from router.domain.model.report import Tick
from router.domain.rules.city import City
from tests.support.calendars import puyang
from tests.support.catalogue_lists import CELLS, DUTIES, STANDARDS, WORK, ZONE, catalogue, lists
from tests.support.driver import START, Driver, Folded, report, tiny
from tests.support.feedback import feedback

BUILDING = """\
default: {limit: 3d}
matters:
  tree:
    lead:
      limit: 20wd
      milestones:
        stop: {limit: 4wh, name: {en: the work stops, zh: 停工}}
        fine: {limit: 7wd, name: {en: the fine is decided, zh: 处罚}}
"""
LADDERS = """\
authorities:
  town: {name: {en: Town}, digits: 9}
  county: {name: {en: County}, digits: 6}
ladders:
  usual:
    remind: [1wd]
    rungs: [{to: town, after: 0h}, {to: county, after: 1wd}]
default: {lead: usual}
"""
CHECKED = WORK + "      checking: {text: {en: Looked at}}\n"
FOUND = "02-13 16:00"
"""A Friday."""
ENDS = {"stop": "02-14 10:30", "fine": "03-02 18:00"}
"""Two hours on Friday, two on Saturday the 14th. Working days 14, 24, 25, 26, 27, 28 February, 2 March."""
WHOLE = "03-19 18:00"
"""Then 3 to 6, 9 to 13, 16 to 19 March."""


def at(text: str) -> datetime:
    return datetime.strptime(f"2026-{text} +0800", "%Y-%m-%d %H:%M %z")


def hour(text: str) -> float:
    return (at(text) - START).total_seconds() / 3600


def local(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(ZONE).strftime("%m-%d %H:%M")


def city(**more: str) -> City:
    given = {"standards": BUILDING, "work": CHECKED, "escalations": LADDERS} | more
    return changed(tiny(**given), calendar=puyang(), rule_set="r1")


@pytest.fixture
def driver() -> Driver:
    one = Driver(city())
    one.pipe(report("17", hour(FOUND), rule_set="r1"))
    return one


def lead(driver: Driver) -> Assignment:
    return driver.case_of("17").assignments[0]


def say(driver: Driver, kind: FeedbackKind, when: str, sender: str | None = None, **more: str) -> Folded:
    return driver.pipe(feedback(kind, driver.tasks[0], hour(when), sender, reason="x", **more))  # type: ignore[arg-type]


def ends(driver: Driver) -> dict[str, str | None]:
    return {one.id: local(one.due_at) for one in lead(driver).milestones}


def run(driver: Driver, until: str) -> list[Escalation]:
    """As in the shell: a tick whenever something is due."""
    before = len(driver.escalations)
    while (next_due := driver.state.next_due()) is not None and next_due <= at(until):
        driver.pipe(Tick(at=next_due))
    return driver.escalations[before:]


def steps(sent: list[Escalation]) -> list[tuple[str, str | None]]:
    return [(one.id.split("/", 1)[1], local(one.at)) for one in sent]


def test_each_limit_has_its_own_instant(driver: Driver) -> None:
    assert (ends(driver), local(lead(driver).due_at)) == (ENDS, WHOLE)
    (task,) = driver.tasks
    assert task.milestones == lead(driver).milestones
    assert [(one.name, one.limit, one.due_provisional) for one in task.milestones] == [
        ("the work stops", "4wh", False), ("the fine is decided", "7wd", False),
    ]  # fmt: skip


def test_a_pause_moves_what_it_came_before(driver: Driver) -> None:
    """Suspended on Wednesday the 25th at 10:00, until Friday the 27th at 15:00: the 26th and 27th do not count."""
    say(driver, "suspend", "02-25 10:00", SUPERVISION)
    assert ends(driver) == {"stop": "02-14 10:30", "fine": None}
    say(driver, "resume", "02-27 15:00", SUPERVISION)
    assert (ends(driver), local(lead(driver).due_at)) == ({"stop": "02-14 10:30", "fine": "03-04 18:00"}, "03-23 18:00")


def test_an_extension_moves_the_end_only(driver: Driver) -> None:
    say(driver, "ask-extension", "02-24 09:00", limit="2wd")
    say(driver, "grant-extension", "02-24 10:00", SUPERVISION)
    assert (ends(driver), local(lead(driver).due_at)) == (ENDS, "03-23 18:00")


def test_each_limit_has_its_reminders_and_its_ladder_once(driver: Driver) -> None:
    """A reminder a working day before: the opening of 28 February, and of 18 March. That of `stop` would come before the dispatch."""
    assert steps(run(driver, "12-31 00:00")) == [
        ("0/stop/town", "02-14 10:30"),
        ("0/stop/county", "02-24 18:00"),
        ("0/fine/before-1wd", "02-28 08:30"),
        ("0/fine/town", "03-02 18:00"),
        ("0/fine/county", "03-03 18:00"),
        ("0/before-1wd", "03-18 08:30"),
        ("0/town", "03-19 18:00"),
        ("0/county", "03-20 18:00"),
    ]
    first = driver.escalations[0]
    assert (first.milestone, local(first.due_at), first.step) == ("stop", "02-14 10:30", "town")
    assert first.reason.startswith("parks has not answered: its limit for the work stops ended at ")
    assert driver.escalations[-1].milestone is None


def test_only_the_limit_of_the_whole_task_counts_as_missed(driver: Driver) -> None:
    missed = []
    while (due := driver.state.next_due()) is not None and due <= at("12-31 00:00"):
        facts = fold(driver.state, Tick(at=due), driver.rules).facts
        missed += [local(due) for one in facts if isinstance(one, LimitMissed)]
    assert missed == [WHOLE]


def test_a_milestone_that_is_done_is_not_escalated(driver: Driver) -> None:
    say(driver, "accept", "02-13 16:10")
    found = say(driver, "progress", "02-14 09:00", milestone="stop")
    assert [local(one.done_at) for one in found.tasks[0].milestones] == ["02-14 09:00", None]
    assert steps(run(driver, "03-01 00:00")) == [("0/fine/before-1wd", "02-28 08:30")]
    made = driver.transitions[-1]
    assert (made.kind, made.milestone, made.to) == ("progress", "stop", "handling")
    assert broken_at(driver.transitions) is None


def test_a_later_milestone_that_is_done_ends_those_before_it(driver: Driver) -> None:
    say(driver, "accept", "02-13 16:10")
    say(driver, "progress", "02-14 09:00", milestone="fine")
    assert [local(one.done_at) for one in lead(driver).milestones] == ["02-14 09:00"] * 2


def test_who_heard_of_a_milestone_hears_of_its_end(driver: Driver) -> None:
    run(driver, "02-14 12:00")
    say(driver, "accept", "02-14 14:00")
    assert steps(run(driver, "02-14 15:00")) == []
    say(driver, "progress", "02-14 15:00", milestone="stop")
    last = driver.escalations[-1]
    assert (last.id.split("/", 1)[1], last.kind, last.settled, last.milestone) == (
        "0/stop/town/cleared",
        "cleared",
        "late",
        "stop",
    )
    assert last.reason == "parks has done the work stops late"
    say(driver, "progress", "02-14 16:00")
    assert driver.escalations[-1] is last, "once"
    assert steps(run(driver, "03-01 00:00")) == [("1/fine/before-1wd", "02-28 08:30")]


def test_what_is_handled_has_all_its_milestones_done(driver: Driver) -> None:
    run(driver, "02-14 12:00")
    say(driver, "handled", "02-14 15:00")
    assert [local(one.done_at) for one in lead(driver).milestones] == ["02-14 15:00"] * 2
    assert driver.escalations[-1].settled == "late"
    say(driver, "check-failed", "02-25 09:00", SUPERVISION)
    assert [one.id.split("/", 1)[1] for one in run(driver, "12-31 00:00")] == ["1/before-1wd", "1/town", "1/county"]


def test_an_unknown_milestone_is_rejected(driver: Driver) -> None:
    say(driver, "accept", "02-13 16:10")
    (rejected,) = say(driver, "progress", "02-14 09:00", milestone="paint").rejected
    assert (rejected.rejection.code, rejected.rejection.reason) == (
        "unknown-milestone", f"task {driver.tasks[0].id} has no milestone 'paint': name one of stop, fine, or none.",
    )  # fmt: skip


def test_only_the_role_that_the_standard_names_has_them() -> None:
    driver = Driver(city(duties=DUTIES.replace("lead: parks", "lead: parks\n    assist: [police]")))
    driver.pipe(
        report("17", hour(FOUND), rule_set="r1"), report("18", hour(FOUND), matter="hole", east=5000, rule_set="r1")
    )
    assert [(one.department, len(one.milestones)) for one in driver.tasks] == [
        ("parks", 2),
        ("police", 0),
        ("roads", 0),
    ]


def test_another_department_has_them_from_its_own_dispatch(driver: Driver) -> None:
    """Returned on Tuesday the 24th at 09:00: 3 h until noon, and one from 14:30. Working days 25 to 28 February, 2 to 4 March."""
    driver.pipe(feedback("return", driver.tasks[0], hour("02-24 09:00"), reason="x", department="roads"))
    new = driver.case_of("17").assignments[1]
    assert [local(one.due_at) for one in new.milestones] == ["02-24 15:30", "03-04 18:00"]
    assert driver.case_of("17").assignments[0].milestones, "and of the other it is on record"


def test_a_transfer_takes_them_with_it_as_its_clock_does() -> None:
    driver = Driver(city(duties="transfers: [[parks, roads]]\n" + DUTIES))
    driver.pipe(report("17", hour(FOUND), rule_set="r1"))
    say(driver, "handled", "02-13 17:00")
    say(driver, "check-failed", "02-13 17:00", SUPERVISION)
    say(driver, "transfer", "02-24 09:00", department="roads")
    new = driver.case_of("17").assignments[1]
    assert (new.department, [local(one.done_at) for one in new.milestones]) == ("roads", ["02-13 17:00"] * 2)
    assert [local(one.due_at) for one in new.milestones] == [*ENDS.values()]


def test_a_corrected_case_keeps_what_is_done(driver: Driver) -> None:
    say(driver, "accept", "02-13 16:10")
    say(driver, "progress", "02-14 09:00", milestone="stop")
    found = driver.pipe(
        report("17", hour(FOUND), received=hour("02-14 09:30"), version=2, cell=CELLS[1], rule_set="r1")
    )
    assert [(one.department, one.state) for one in found.tasks] == [("parks", "updated")]
    assert [(one.id, local(one.due_at), local(one.done_at)) for one in lead(driver).milestones] == [
        ("stop", "02-14 10:30", "02-14 09:00"), ("fine", "03-02 18:00", None),
    ]  # fmt: skip


def test_a_crash_changes_nothing(driver: Driver) -> None:
    say(driver, "accept", "02-13 16:10")
    run(driver, "02-15 00:00")
    other = driver.crash()
    assert other.snapshot() == driver.snapshot()
    assert steps(run(other, "02-25 00:00")) == [("0/stop/county", "02-24 18:00")]


def test_the_story_computes_them_again(driver: Driver) -> None:
    say(driver, "accept", "02-13 16:10")
    say(driver, "progress", "02-14 09:00", milestone="stop")
    rules, case = city(), driver.case_of("17")
    decisions = Decisions(rule_set="r1", zone=rules.zone, catalogue=rules.catalogue, calendar=rules.calendar)
    said = [(one.en, one.zh) for one in explain_due(case, case.assignments[0], decisions) if one.kind == "milestone"]
    assert said == [
        (
            "Its milestone `stop` (the work stops) has 4 working hours from 2026-02-13 16:00: due on 2026-02-14 10:30; done on 2026-02-14 09:00.",
            "阶段 stop（the work stops）时限 4 工作时，自 2026-02-13 16:00 起：截止 2026-02-14 10:30；2026-02-14 09:00 完成。",
        ),
        (
            "Its milestone `fine` (the fine is decided) has 7 working days from 2026-02-13 16:00: due on 2026-03-02 18:00.",
            "阶段 fine（the fine is decided）时限 7 工作日，自 2026-02-13 16:00 起：截止 2026-03-02 18:00。",
        ),
    ]
    life = CaseLife(case=case, transitions=driver.transitions)
    (now,) = [one.en for one in describe_case(life, Wording(decisions)) if one.kind == "task"]
    assert now.endswith("due on 2026-03-19 18:00; stop done on 2026-02-14 09:00; fine due on 2026-03-02 18:00.")
    assert any("; done: stop" in one.en for one in explain_history(life, Wording(decisions)))


@pytest.mark.parametrize(
    ("standards", "code", "line", "column"),
    [
        (BUILDING.replace("      limit: 20wd\n", ""), "GR098", 5, 7),
        (BUILDING.replace("limit: 20wd", "limit: 7wd"), "GR099", 5, 14),
        (BUILDING.replace("4wh", "8wd"), "GR099", 8, 23),
        (BUILDING.replace("4wh", "0h"), "GR099", 7, 23),
        (BUILDING.replace("fine: {", "handled: {"), "GR100", 8, 9),
    ],
)
def test_each_mistake_in_a_standard_is_found(standards: str, code: str, line: int, column: int) -> None:
    (finding,) = check(lists(standards=standards))
    assert (finding.code, finding.line, finding.column) == (code, line, column)
    assert list(check(lists(standards=BUILDING))) == []


def test_a_catalogue_without_milestones_has_the_version_that_it_had() -> None:
    assert catalogue().version == catalogue(standards=STANDARDS + "groups: {}\n").version
    assert catalogue(standards=BUILDING).version != catalogue().version
    assert _limit(catalogue(standards=BUILDING).matters["tree"], "lead") == "stop 4wh, fine 7wd, then 20wd"


def test_the_limit_of_a_milestone_needs_its_calendar() -> None:
    read = lists(standards=BUILDING.replace("20wd", "20d").replace("7wd", "7d"))
    (finding,) = check_limits(read.standards, read.documents["standards.yaml"], None)
    assert (finding.code, finding.line, finding.column) == ("GR070", 7, 23)
