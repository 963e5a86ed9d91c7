"""From the city's calendar to the deadline in a task: working time, provisional deadlines, and a case that is routed again."""

from dataclasses import replace
from datetime import UTC, datetime

import orjson

from router.domain.calendar.city_calendar import CityCalendar
from router.domain.rules.city import City
from router.wire.codec import encode_case, encode_task
from tests.support.calendars import puyang, year
from tests.support.driver import Driver, report, tiny

STANDARDS = """\
default: {limit: 4wh, assist: {limit: 2wd}}
matters:
  grass: {limit: 1wd}
  hole: {limit: 200wd}
"""
DUTIES = """\
fallback: {department: locality}
duties:
  all: {matters: ['*'], lead: parks, assist: [police]}
"""


def city(calendar: CityCalendar | None = None) -> City:
    return replace(tiny(standards=STANDARDS, duties=DUTIES), calendar=calendar or puyang())


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def test_a_task_is_due_by_office_hours_and_working_days() -> None:
    driver = Driver(city())
    driver.pipe(report("1"))  # received on National Day at 09:00
    assert [task.due_at for task in driver.tasks] == [shanghai("2026-10-08T15:00"), shanghai("2026-10-09T18:00")]
    assert [task.due_provisional for task in driver.tasks] == [False, False]


def test_a_limit_beyond_the_published_years_says_so_in_task_and_case() -> None:
    driver = Driver(city())
    driver.pipe(report("1", matter="hole"))
    lead, assist = driver.tasks
    assert (lead.due_provisional, assist.due_provisional) == (True, True)
    assert orjson.loads(encode_task(lead)[1])["due_provisional"] is True
    (case,) = driver.cases
    assert [one["due_provisional"] for one in orjson.loads(encode_case(case)[1])["assignments"]] == [True, True]


def test_a_deadline_that_is_certain_costs_no_field() -> None:
    driver = Driver(city())
    driver.pipe(report("1"))
    assert "due_provisional" not in orjson.loads(encode_task(driver.tasks[0])[1])


def test_a_case_that_is_routed_again_counts_from_its_dispatch() -> None:
    driver = Driver(city())
    driver.pipe(report("1"))
    driver.pipe(report("1", received=20, matter="grass", version=2))
    assert [(task.state, task.due_at) for task in driver.tasks[2:]] == [
        ("updated", shanghai("2026-10-08T18:00")),
        ("updated", shanghai("2026-10-08T18:00")),
    ]


def test_the_calendar_is_part_of_the_rule_set() -> None:
    one, other = (replace(tiny(), rule_set="", calendar=calendar) for calendar in (None, puyang()))
    moved = CityCalendar({2026: year()}, puyang().zone)
    assert len({one.rule_set, other.rule_set, replace(other, rule_set="", calendar=moved).rule_set}) == 3
    assert one.rule_set == tiny().rule_set
