"""What two versions of a city's calendar count differently. Names of holidays and notices do not count."""

from collections.abc import Iterator
from datetime import date

from msgspec import Struct

from router.domain.calendar.city_calendar import CityCalendar, Hours

NONE = "none"
HOURS: tuple[Hours, ...] = ("office", "duty")


class CalendarChange(Struct, frozen=True, kw_only=True):
    """One date, one year's hours or the zone of all of them, before and after."""

    what: str
    """`2027`, `2026 office hours`, `2026-05-09` or `time zone`."""
    before: str
    after: str


def calendar_changes(before: CityCalendar | None, after: CityCalendar | None) -> tuple[CalendarChange, ...]:
    """The differences of two calendars, year by year. Of a year in one of them only, the days off the weekly pattern count."""
    years = sorted({year for calendar in (before, after) if calendar for year in calendar.years})
    return tuple(change for year in years for change in _year(year, before, after))


def _year(year: int, before: CityCalendar | None, after: CityCalendar | None) -> Iterator[CalendarChange]:
    published = ["published" if one and one.published(year) else "not published" for one in (before, after)]
    yield from _change(str(year), *published)
    for hours in HOURS:
        yield from _change(f"{year} {hours} hours", *(_hours(one, year, hours) for one in (before, after)))
    if before is None or after is None:
        return
    for ordinal in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1):
        day = date.fromordinal(ordinal)
        yield from _change(str(day), before.kind(day).kind, after.kind(day).kind)


def _hours(calendar: CityCalendar | None, year: int, hours: Hours) -> str:
    if calendar is None:
        return NONE
    pattern = calendar.pattern(year)
    return ", ".join(pattern.office_hours if hours == "office" else pattern.duty_hours) or NONE


def _change(what: str, before: str, after: str) -> Iterator[CalendarChange]:
    if before != after:
        yield CalendarChange(what=what, before=before, after=after)
