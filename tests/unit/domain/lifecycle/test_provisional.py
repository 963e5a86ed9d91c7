"""Deadlines that reach into a year without a calendar move once when it is published.

START is 09:00 in Shanghai on 1 October 2026. 65 working days from then end on 5 January 2027 by the weekly pattern of 2026; with
the calendar of 2027 below, of which the first week is free, they end on 13 January.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.calendar.city_calendar import CityCalendar
from router.domain.lifecycle.journal import broken_at
from router.domain.model.feedback import SUPERVISION
from router.domain.model.report import Tick
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.timers import next_timer
from tests.support.calendars import puyang, year
from tests.support.catalogue_lists import ZONE
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback
from tests.support.filing import FILED_WORK
from tests.unit.domain.lifecycle.test_sent_steps import CHECKED

LADDERS = """\
authorities:
  town: {name: {en: Town}, digits: 9}
ladders:
  usual: {remind: [1wd], rungs: [{to: town, after: 0h}]}
default: {lead: usual}
"""


def calendar(*holidays: date) -> CityCalendar:
    years = dict(puyang().years)
    if holidays:
        years[2027] = year(office=("08:30-12:00", "14:30-18:00"), holidays=holidays)
    return CityCalendar(years, ZONE)


FREE = [date(2027, 1, day) for day in (1, 4, 5, 6, 7, 8)]
CHECKED_LATE = CHECKED.replace("30h", "65wd")
"""A check may take as long as the work."""
OLD = replace(
    tiny(standards="default: {limit: 65wd}", escalations=LADDERS, work=CHECKED_LATE), rule_set="", calendar=calendar()
)
NEW = replace(OLD, rule_set="", calendar=calendar(*FREE))


def rules() -> RuleSets:
    known = RuleSets(OLD)
    known.add(NEW.rule_set, hours(100), lambda: NEW)
    return known


@pytest.fixture
def driver() -> Driver:
    one = Driver(rules())
    one.pipe(report("17", rule_set=OLD.rule_set))
    return one


def published_later(old: City) -> tuple[Driver, City]:
    """A case of these rules, which 100 hours later are published again with the year 2027; and the later ones."""
    new = replace(old, rule_set="", calendar=calendar(*FREE))
    known = RuleSets(old)
    known.add(new.rule_set, hours(100), lambda: new)
    driver = Driver(known)
    driver.pipe(report("17", rule_set=old.rule_set))
    return driver, new


def due(driver: Driver, name: str = "17") -> tuple[str, bool]:
    one = driver.case_of(name).assignments[0]
    assert one.due_at is not None
    return one.due_at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M"), one.due_provisional


def tick(at: float, city: City) -> Tick:
    return Tick(at=hours(at), rule_set=city.rule_set)


def test_a_deadline_moves_once_and_is_journaled(driver: Driver) -> None:
    assert due(driver) == ("2027-01-05 18:00", True)
    assert driver.state.provisional.wait_for(OLD.rule_set) is False
    assert driver.state.provisional.wait_for(NEW.rule_set)
    moved = driver.pipe(tick(200, NEW))
    (one,) = moved.transitions
    assert (one.cause, one.begin, one.to, one.rule_set) == ("calendar", "dispatched", "dispatched", NEW.rule_set)
    assert due(driver) == ("2027-01-13 18:00", False)
    (task,) = moved.tasks
    assert (task.state, task.due_at, task.due_provisional) == (
        "updated",
        driver.case_of("17").assignments[0].due_at,
        False,
    )
    assert broken_at(driver.transitions) is None
    again = driver.pipe(tick(201, NEW))
    assert (again.transitions, again.tasks, again.cases) == ([], [], [])
    assert driver.state.provisional.wait_for(NEW.rule_set) is False


def test_the_ladder_moves_with_it(driver: Driver) -> None:
    before = next_timer(driver.case_of("17"))
    driver.pipe(tick(200, NEW))
    after = next_timer(driver.case_of("17"))
    assert before is not None
    assert after is not None
    assert after > before
    assert driver.pipe(Tick(at=before)).escalations == []
    assert [one.step for one in driver.pipe(Tick(at=after)).escalations] == ["before-1wd"]


def test_what_is_computed_later_follows_the_new_calendar(driver: Driver) -> None:
    driver.pipe(tick(200, NEW))
    moved = due(driver)
    task = driver.tasks[0]
    driver.pipe(feedback("suspend", task, 210, SUPERVISION, reason="x"))
    driver.pipe(feedback("resume", task, 211, SUPERVISION))
    assert due(driver) == moved


def test_a_task_that_was_suspended_meanwhile_moves_when_it_goes_on(driver: Driver) -> None:
    task = driver.tasks[0]
    driver.pipe(feedback("suspend", task, 150, SUPERVISION, reason="x"))
    assert driver.pipe(tick(200, NEW)).transitions == []
    driver.pipe(feedback("resume", task, 201, SUPERVISION))
    assert due(driver)[1]
    assert [one.cause for one in driver.pipe(tick(202, NEW)).transitions] == ["calendar"]
    assert due(driver)[1] is False


def test_a_report_that_was_stamped_before_moves_with_the_next_tick(driver: Driver) -> None:
    driver.pipe(tick(200, NEW))
    driver.pipe(report("18", 201, rule_set=OLD.rule_set, cell="410903001001001", north=5000))
    assert due(driver, "18")[1]
    assert len(driver.pipe(tick(202, NEW)).transitions) == 1
    driver.pipe(report("19", 203, rule_set=NEW.rule_set, cell="410902002001001", north=9000))
    assert due(driver, "19")[1] is False


def test_a_tick_of_an_earlier_release_moves_nothing(driver: Driver) -> None:
    assert driver.pipe(Tick(at=hours(200))).transitions == []


LIVES = st.lists(
    st.sampled_from(
        [
            "report old",
            "report new",
            "tick old",
            "tick new",
            "tick new",
            "suspend",
            "resume",
            "handled",
            "check-failed",
            "close",
        ]
    ),
    max_size=15,
)


@settings(max_examples=100, deadline=None)
@given(life=LIVES, sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_any_batches_and_crashes_move_the_same(life: Sequence[str], sizes: Sequence[int]) -> None:
    whole, events = Driver(rules()), [report("17", rule_set=OLD.rule_set)]
    whole.pipe(events[0])
    for number, step in enumerate(life, 1):
        city = NEW if step.endswith("new") else OLD
        at = 100 + number
        if step.startswith("report"):
            event = report(str(number), at, rule_set=city.rule_set, north=900 * number)
        elif step.startswith("tick"):
            event = tick(at, city)  # type: ignore[assignment]
        else:
            about = whole.tasks[number % len(whole.tasks)]
            sender = about.department if step == "handled" else SUPERVISION
            event = feedback(step, about, at, sender, id=str(number), reason="r")  # type: ignore[arg-type, assignment]
        events.append(event)
        whole.pipe(event)
    driver, transitions, number, turn = Driver(rules()), [], 0, 0
    while number < len(events):
        size = sizes[turn % len(sizes)]
        driver.batch(events[number : number + size])
        number, turn = number + size, turn + 1
        transitions += driver.transitions
        driver = driver.crash()
    assert transitions == whole.transitions
    assert driver.latest() == whole.latest()
    assert driver.snapshot() == whole.snapshot()


def test_milestones_move_with_the_limit() -> None:
    """Of 65 working days the 62nd is 31 December, and the 64th 4 January 2027 by the weekly pattern; when the first week is free, the 12th."""
    parts = "{first: {limit: 62wd, name: {en: first}}, second: {limit: 64wd, name: {en: second}}}"
    standards = f"default: {{limit: 65wd}}\nmatters: {{tree: {{lead: {{limit: 65wd, milestones: {parts}}}}}}}\n"
    old = replace(tiny(standards=standards), rule_set="", calendar=calendar())
    driver, new = published_later(old)

    def ends() -> list[tuple[str, bool]]:
        parts = driver.case_of("17").assignments[0].milestones
        return [(f"{one.due_at.astimezone(ZONE):%m-%d %H:%M}", one.due_provisional) for one in parts if one.due_at]

    assert ends() == [("12-31 18:00", False), ("01-04 18:00", True)]
    driver.pipe(Tick(at=hours(101), rule_set=new.rule_set))
    assert ends() == [("12-31 18:00", False), ("01-12 18:00", False)]
    assert driver.tasks[-1].milestones == driver.case_of("17").assignments[0].milestones


def wait(driver: Driver) -> tuple[str, bool]:
    one = driver.case_of("17").assignments[0]
    assert one.wait_until is not None
    return one.wait_until.astimezone(ZONE).strftime("%Y-%m-%d %H:%M"), one.wait_provisional


def test_the_limit_of_a_check_moves_and_its_ladder_with_it(driver: Driver) -> None:
    """It began at START, too, so it ends as the limit of the work does."""
    driver.pipe(feedback("handled", driver.tasks[0], 0))
    assert wait(driver) == ("2027-01-05 18:00", True)
    before = next_timer(driver.case_of("17"))
    (moved,) = driver.pipe(tick(200, NEW)).transitions
    assert moved.reason == (
        "its year is published: the limit ends at 2027-01-13T10:00:00+00:00, and the limit for `handled` ends at 2027-01-13T10:00:00+00:00"
    )
    assert wait(driver) == ("2027-01-13 18:00", False)
    after = next_timer(driver.case_of("17"))
    assert before is not None
    assert after is not None
    assert after - before == timedelta(days=8)
    assert driver.pipe(tick(201, NEW)).transitions == []
    assert driver.crash().snapshot() == driver.snapshot()


def test_the_limit_of_an_inspector_moves_and_no_department_hears_of_it() -> None:
    work = FILED_WORK.replace("verifying: {limit: 4h", "verifying: {limit: 65wd")
    old = replace(tiny(standards="default: {limit: 65wd}", work=work), rule_set="", calendar=calendar())
    driver, new = published_later(old)
    assert wait(driver) == ("2027-01-05 18:00", True)
    moved = driver.pipe(Tick(at=hours(101), rule_set=new.rule_set))
    assert [one.to for one in moved.transitions] == ["verifying"]
    assert moved.tasks == []
    assert wait(driver) == ("2027-01-13 18:00", False)
    assert broken_at(driver.transitions) is None


def test_an_authority_that_heard_of_a_check_too_early_hears_of_its_new_limit(driver: Driver) -> None:
    """The year is published when the provisional limit has ended: on 6 January, 2330 hours after START."""
    driver.pipe(feedback("handled", driver.tasks[0], 0))
    sent = driver.pipe(Tick(at=hours(2330))).escalations
    assert [one.step for one in sent] == ["before-1wd", "town"]
    assert {one.due_provisional for one in sent} == {True}
    (cleared,) = driver.pipe(tick(2331, NEW)).escalations
    assert (cleared.id.rpartition(".1")[2], cleared.settled) == ("/0/handled/town/cleared", "more-time")
    assert cleared.reason == "the task of parks may be handled for longer"
    assert driver.pipe(tick(2490, NEW)).escalations == [], "the reminder of 12 January was sent once"
    assert [one.step for one in driver.pipe(tick(2510, NEW)).escalations] == ["town"]


def test_a_wait_that_a_correction_keeps_follows_its_rules(driver: Driver) -> None:
    """The correction names the rules of the published year, so no tick of these comes to the case any more."""
    driver.pipe(feedback("handled", driver.tasks[0], 0))
    driver.pipe(report("17", 101, rule_set=NEW.rule_set, version=2, cell="410902002001001", north=2000))
    assert driver.case_of("17").assignments[0].stage == "handled"
    assert wait(driver) == ("2027-01-13 18:00", False)
    assert due(driver) == ("2027-01-13 18:00", False)


AFTER_DAYS = """\
authorities:
  town: {name: {en: Town}, digits: 9}
  county: {name: {en: County}, digits: 6}
ladders:
  usual: {remind: [], rungs: [{to: town, after: 0h}, {to: county, after: 5wd}]}
default: {lead: usual}
"""


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("crash", [False, True])
def test_a_step_some_days_after_a_limit_moves_alone(sent: bool, crash: bool) -> None:
    """60 working days end on 29 December 2026, which no publication moves. The county hears 5 working days later: on 5 January by the weekly
    pattern, on 13 January by the calendar of 2027.
    """
    ladders = AFTER_DAYS if sent else AFTER_DAYS.replace("{to: town, after: 0h}, ", "")
    old = replace(tiny(standards="default: {limit: 60wd}", escalations=ladders), rule_set="", calendar=calendar())
    driver, new = published_later(old)
    assert due(driver) == ("2026-12-29 18:00", False)
    found = driver.pipe(Tick(at=hours(2150), rule_set=old.rule_set)).escalations
    assert [one.step for one in found] == (["town"] if sent else [])
    if crash:
        driver = driver.crash()
    timer = next_timer(driver.case_of("17"))
    assert timer is not None
    assert timer.astimezone(ZONE).strftime("%m-%d %H:%M") == "01-05 18:00"
    moved = driver.pipe(Tick(at=hours(2151), rule_set=new.rule_set))
    assert (moved.transitions, moved.tasks, moved.escalations) == ([], [], [])
    timer = next_timer(driver.case_of("17"))
    assert timer is not None
    assert timer.astimezone(ZONE).strftime("%m-%d %H:%M") == "01-13 18:00"
    assert driver.crash().snapshot() == driver.snapshot()
    assert driver.pipe(Tick(at=hours(2500), rule_set=new.rule_set)).escalations == [], "12 January, 21:00"
    assert [one.step for one in driver.pipe(Tick(at=hours(2522), rule_set=new.rule_set)).escalations] == ["county"]
