"""A supervisor mutes the reminders and escalations of a case for a time (静默).

Hours count from START. The limit ends at 72; the department is reminded at 48 and 70, and authorities hear at 72, 96 and 144.
"""

import pytest

from router.domain.explanation.case_life import CaseLife
from router.domain.explanation.history import explain_history
from router.domain.explanation.summary import describe_case
from router.domain.explanation.wording import Wording
from router.domain.lifecycle.journal import broken_at
from router.domain.model.escalation import Escalation
from router.domain.model.feedback import SUPERVISION
from router.domain.model.report import Tick
from tests.support.catalogue_lists import DUTIES, WORK
from tests.support.driver import Driver, Folded, hours, report, tiny
from tests.support.feedback import feedback

LADDERS = """\
authorities:
  town: {name: {en: Town}, digits: 9}
  county: {name: {en: County}, digits: 6}
ladders:
  usual:
    remind: [24h, 2h]
    rungs: [{to: town, after: 0h}, {to: county, after: 24h}]
default: {lead: usual, assist: usual}
"""
CITY = tiny(
    escalations=LADDERS,
    work=WORK + "      checking: {text: {en: Looked at}}\n",
    duties=DUTIES.replace("lead: parks", "lead: parks\n    assist: [police]"),
)


@pytest.fixture
def driver() -> Driver:
    one = Driver(CITY)
    one.pipe(report("17"))
    return one


def silence(driver: Driver, at: float, limit: str | None, sender: str = SUPERVISION) -> Folded:
    return driver.pipe(feedback("silence", driver.tasks[0], at, sender, reason="the road is flooded", limit=limit))


def run(driver: Driver, until: float) -> list[Escalation]:
    """As in the shell: a tick whenever something is due."""
    before = len(driver.escalations)
    while (due := driver.state.next_due()) is not None and due <= hours(until):
        driver.pipe(Tick(at=due))
    return driver.escalations[before:]


def test_what_comes_due_in_a_silence_is_sent_when_it_ends(driver: Driver) -> None:
    silence(driver, 40, "31h")
    assert run(driver, 70.9) == []
    sent = run(driver, 71)
    assert [(one.task[-1], one.step, one.at, one.sent_at, one.late) for one in sent] == [
        ("1", "before-24h", hours(48), hours(71), False),
        ("1", "before-2h", hours(70), hours(71), False),
        ("2", "before-24h", hours(48), hours(71), False),
        ("2", "before-2h", hours(70), hours(71), False),
    ]
    assert sent[0].reason.endswith(f"; the case was silenced until {hours(71).isoformat()}")
    assert [(one.task[-1], one.step, one.at) for one in run(driver, 200)] == [
        ("1", "town", hours(72)), ("2", "town", hours(72)), ("1", "county", hours(96)), ("2", "county", hours(96)),
    ]  # fmt: skip


def test_the_clock_runs_on(driver: Driver) -> None:
    before = [one.due_at for one in driver.case_of("17").assignments]
    silence(driver, 40, "10d")
    assert [one.due_at for one in driver.case_of("17").assignments] == before == [hours(72)] * 2


def test_the_journal_says_who_and_why_and_no_department_hears_more_than_its_own(driver: Driver) -> None:
    found = silence(driver, 40, "24h")
    (made,) = driver.transitions[2:]
    assert (made.kind, made.actor, made.reason, made.begin, made.to) == (
        "silence", "w****1", "the road is flooded", "dispatched", "dispatched",
    )  # fmt: skip
    assert found.tasks == [], "it changes nothing that a department sees"
    assert driver.case_of("17").silenced_until == hours(64)
    assert broken_at(driver.transitions) is None


def test_the_latest_word_holds_and_a_silence_of_nothing_ends_it(driver: Driver) -> None:
    silence(driver, 40, "10d")
    silence(driver, 41, "0h")
    assert [one.step for one in run(driver, 48)] == ["before-24h", "before-24h"]


def test_a_department_that_gets_the_task_meanwhile_is_silenced_too(driver: Driver) -> None:
    silence(driver, 1, "100h")
    found = driver.pipe(feedback("reroute", driver.tasks[0], 2, SUPERVISION, reason="theirs", department="roads"))
    assert found.tasks[-1].due_at == hours(74)
    assert run(driver, 100) == []
    assert {one.step for one in run(driver, 101)} == {"before-24h", "before-2h", "town", "county"}, "nothing is lost"


def test_what_is_done_in_a_silence_is_not_escalated_after_it(driver: Driver) -> None:
    silence(driver, 40, "40h")
    for task in driver.tasks[:2]:
        driver.pipe(feedback("handled", task, 60))
    assert run(driver, 500) == []


@pytest.mark.parametrize("limit", [None, "31d", "721h", "2wd", "soon"])
def test_a_silence_is_bounded_and_can_be_counted(driver: Driver, limit: str | None) -> None:
    (rejected,) = silence(driver, 1, limit).rejected
    assert rejected.rejection.code == "bad-limit"
    assert "at most 30 days" in rejected.rejection.reason
    assert driver.case_of("17").silenced_until is None


def test_thirty_days_can_be_silenced(driver: Driver) -> None:
    assert silence(driver, 1, "30d").decision == "applied"


def test_only_supervision_silences(driver: Driver) -> None:
    assert silence(driver, 1, "1d", "parks").rejected[0].rejection.code == "not-legal"


def test_a_restored_silence_lasts_as_long(driver: Driver) -> None:
    silence(driver, 40, "31h")
    other = driver.crash()
    assert other.snapshot() == driver.snapshot()
    assert (run(other, 70), len(run(other, 71))) == ([], 4)


def test_the_story_says_until_when_it_is_muted(driver: Driver) -> None:
    silence(driver, 40, "31h")
    life = CaseLife(case=driver.case_of("17"), transitions=driver.transitions)
    said = [one.en for one in describe_case(life, Wording(None)) if one.kind == "silence"]
    assert said == ["Its reminders and escalations are muted until 2026-10-04 00:00."]
    assert any("muted reminders and escalations of the case" in one.en for one in explain_history(life, Wording(None)))
