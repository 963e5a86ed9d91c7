"""Calendars of the shipped cities, and of years that a test writes."""

from datetime import date
from functools import cache

from router.cities.city_reader import CALENDAR
from router.cities.folder import cities_folder
from router.cities.zones import read_zone
from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.year_file import CalendarYear
from router.domain.documents import Source, read_yaml

PUYANG_HOURS = ("08:30-12:00", "14:30-18:00")


@cache
def shipped(city: str, zone: str) -> CityCalendar:
    """The calendar of a shipped city, without the rest of the city."""
    files = sorted((cities_folder() / city / CALENDAR).glob("*.yaml"))
    return CityCalendar({int(path.stem): year_of(path.read_text("utf-8")) for path in files}, read_zone(zone))


def puyang() -> CityCalendar:
    """2025 and 2026."""
    return shipped("puyang", "Asia/Shanghai")


def los_angeles() -> CityCalendar:
    """2025 to 2027."""
    return shipped("los-angeles", "America/Los_Angeles")


def year_of(text: str) -> CalendarYear:
    """The year that a file describes."""
    document, wrong = read_yaml(Source("year.yaml", text))
    assert document is not None, wrong
    return CalendarYear.model_validate(document.value)


def year(
    *,
    office: tuple[str, ...] = PUYANG_HOURS,
    duty: tuple[str, ...] = ("00:00-24:00",),
    holidays: tuple[date, ...] = (),
    makeup: tuple[date, ...] = (),
) -> CalendarYear:
    """A year with single days as holidays."""
    return CalendarYear.model_validate(
        {
            "notices": [{"id": "1", "issuer": {"en": "Test"}, "date": date(2025, 11, 4)}],
            "office_hours": office,
            "duty_hours": duty,
            "holidays": [{"from": day, "name": {"en": "Holiday"}} for day in holidays],
            "makeup_workdays": makeup,
        }
    )
