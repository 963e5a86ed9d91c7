"""The shipped calendars agree with two holiday libraries each. The libraries are development dependencies only."""

import warnings
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import chinese_calendar
import holidays
import pytest

from router.domain.calendar.city_calendar import CityCalendar
from tests.support.calendars import los_angeles, puyang, shipped

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from workalendar.usa import UnitedStates

CHINA = {year: holidays.country_holidays("CN", years=year) for year in (2025, 2026)}
AMERICA = holidays.country_holidays("US", years=range(2025, 2028))


class Federal(UnitedStates):
    """The days of 5 U.S.C. 6103."""

    include_juneteenth = True


FEDERAL = Federal()


def days(calendar: CityCalendar) -> Iterator[date]:
    day = date(calendar.first, 1, 1)
    while day.year <= calendar.last:
        yield day
        day += timedelta(days=1)


def seattle() -> CityCalendar:
    return shipped("seattle", "America/Los_Angeles")


@pytest.mark.parametrize(
    ("calendar", "works"),
    [
        (puyang, chinese_calendar.is_workday),
        (puyang, lambda day: CHINA[day.year].is_working_day(day)),
        (los_angeles, FEDERAL.is_working_day),
        (los_angeles, AMERICA.is_working_day),
        (seattle, FEDERAL.is_working_day),
        (seattle, AMERICA.is_working_day),
    ],
)
def test_every_day_works_as_the_library_says(
    calendar: Callable[[], CityCalendar], works: Callable[[date], bool]
) -> None:
    known = calendar()
    assert [str(day) for day in days(known) if known.kind(day).works != works(day)] == []


def test_the_years_have_as_many_working_days_as_the_notices_give() -> None:
    for calendar, numbers in ((puyang(), {2025: 248, 2026: 248}), (los_angeles(), {2025: 250, 2026: 250, 2027: 249})):
        found = {
            year: sum(calendar.kind(day).works for day in days(calendar) if day.year == year) for year in calendar.years
        }
        assert found == numbers


def test_the_notices_are_named() -> None:
    assert {number: year.notices[0].id for number, year in puyang().years.items()} == {
        2025: "国办发明电〔2024〕12号",
        2026: "国办发明电〔2025〕7号",
    }
