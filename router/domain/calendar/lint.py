"""Checks the calendar of a city, and that the city's limits have one. Findings GR070 to GR076."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.deadlines import HOURS_OF
from router.domain.calendar.limits import Limit
from router.domain.calendar.year_file import WEEKDAYS, CalendarYear, minutes
from router.domain.catalogue.escalations import Escalations
from router.domain.catalogue.model import RoleStandard, Standards, standards_of
from router.domain.documents import Document, Finding, SourcePosition, found

NO_CALENDAR = "GR070"
WRONG_WINDOWS = "GR071"
TWO_KINDS = "GR072"
OTHER_YEAR = "GR073"
MISSING_YEAR = "GR074"
ENDS_SOON = "GR075"
NO_YEAR = "GR076"
LEAST_MINUTES = 60
"""A day with fewer open minutes is a mistake, and would let a limit of some hours reach over years."""
WARNING = timedelta(days=60)
MOST_HOLIDAY_DAYS = 366
HINT = "docs/how-to/publish-a-calendar.md shows how"


class YearFile(NamedTuple):
    """One file of the calendar with the positions of its values."""

    year: CalendarYear
    document: Document


def check(files: Mapping[int, YearFile]) -> list[Finding]:
    """What is wrong with the years of a calendar, each on its own and together."""
    findings = [finding for number, file in files.items() for finding in _year(number, file)]
    numbers = sorted(files)
    for earlier, later in pairwise(numbers):
        if later > earlier + 1:
            mark = SourcePosition(files[later].document.file)
            missing = str(earlier + 1) if later == earlier + 2 else f"{earlier + 1} to {later - 1}"
            findings.append(
                found(MISSING_YEAR, mark, f"the calendar has {earlier} and {later}, but not {missing}", HINT)
            )
    return findings


def _year(number: int, file: YearFile) -> Iterator[Finding]:
    yield from _windows("office_hours", file.year.office_hours, file.document)
    if file.year.duty_hours:
        yield from _windows("duty_hours", file.year.duty_hours, file.document)
    yield from _holidays(number, file)
    yield from _makeup_workdays(number, file)


def _windows(key: str, windows: Sequence[str], document: Document) -> Iterator[Finding]:
    last = open_minutes = 0
    for index, text in enumerate(windows):
        opening, end = minutes(text)
        mark = document.mark_value(key, index)
        if end <= opening:
            hint = "a night is two windows: 22:00-24:00 and 00:00-06:00, the earlier one first"
            yield found(WRONG_WINDOWS, mark, f"the window {text} is empty", hint)
        elif opening < last:
            message = f"the window {text} overlaps the one before it, or is earlier"
            yield found(WRONG_WINDOWS, mark, message, "write the windows of a day in their order")
        open_minutes += max(0, end - opening)
        last = max(last, end)
    if open_minutes < LEAST_MINUTES:
        mark = document.mark_value(key)
        yield found(WRONG_WINDOWS, mark, f"`{key}` has {open_minutes} minutes a day", "an hour is the least")


def _holidays(number: int, file: YearFile) -> Iterator[Finding]:
    names: dict[date, str] = {}
    for index, holiday in enumerate(file.year.holidays):
        mark = file.document.mark("holidays", index)
        if holiday.last < holiday.since:
            message = f"a holiday ends on {holiday.last}, before it begins on {holiday.since}"
            yield found(OTHER_YEAR, file.document.mark_value("holidays", index, "until"), message)
            continue
        for key, day in (("from", holiday.since), ("until", holiday.last)):
            if day.year != number:
                place = file.document.mark_value("holidays", index, key)
                yield _other_year(place, day, number)
        for day in _days(holiday.since, holiday.last):
            if day in names:
                message = f"{day} is a holiday already: {names[day][:60]!r}"
                yield found(TWO_KINDS, mark, message, "write each date once")
                break
            names[day] = holiday.name.en


def _days(first: date, last: date) -> Iterator[date]:
    """The days of a holiday. The dates of another year have a finding of their own, so a year is enough."""
    for count in range(min((last - first).days + 1, MOST_HOLIDAY_DAYS)):
        yield first + timedelta(days=count)


def _makeup_workdays(number: int, file: YearFile) -> Iterator[Finding]:
    holidays = {day: one.name.en for one in file.year.holidays for day in _days(one.since, one.last)}
    seen: set[date] = set()
    for index, day in enumerate(file.year.makeup_workdays):
        mark = file.document.mark_value("makeup_workdays", index)
        if day.year != number:
            yield _other_year(mark, day, number)
        if day in holidays:
            message = f"{day} is a make-up workday and a holiday, {holidays[day][:60]!r}"
            yield found(TWO_KINDS, mark, message, "it is one of the two; the notice says which")
        elif WEEKDAYS[day.weekday()] in file.year.workdays:
            weekday = WEEKDAYS[day.weekday()]
            yield found(
                TWO_KINDS,
                mark,
                f"{day} is a {weekday}, which works anyway",
                "a make-up workday is a day off by the week",
            )
        if day in seen:
            yield found(TWO_KINDS, mark, f"{day} is a make-up workday already", "write each date once")
        seen.add(day)


def _other_year(mark: SourcePosition, day: date, number: int) -> Finding:
    return found(OTHER_YEAR, mark, f"{day} is not in {number}", f"write it in {day.year}.yaml")


def check_limits(standards: Standards, document: Document, calendar: CityCalendar | None) -> Iterator[Finding]:
    """Limits that count working time which the city's calendar does not have."""
    yield from _uncounted(
        (one for place, standard in standards_of(standards) for one in _limits(place, standard)), document, calendar
    )


def check_ladders(escalations: Escalations, document: Document, calendar: CityCalendar | None) -> Iterator[Finding]:
    """The same of the reminders and rungs of ladders."""
    limits: list[tuple[tuple[str | int, ...], Limit]] = []
    for name, ladder in escalations.ladders.items():
        limits += [(("ladders", name, "remind", n), one) for n, one in enumerate(ladder.remind) if one is not None]
        rungs = [(n, one.after) for n, one in enumerate(ladder.rungs)]
        limits += [(("ladders", name, "rungs", n, "after"), one) for n, one in rungs if one is not None]
    yield from _uncounted(limits, document, calendar)


def _uncounted(
    limits: Iterable[tuple[tuple[str | int, ...], Limit]], document: Document, calendar: CityCalendar | None
) -> Iterator[Finding]:
    for path, limit in limits:
        hours = HOURS_OF.get(limit.calendar)
        if hours is None or (calendar is not None and calendar.has(hours)):
            continue
        what = "the city has no calendar" if calendar is None else f"a year of the calendar has no `{hours}_hours`"
        message = f"the limit {limit} counts {limit.calendar.replace('-', ' ')}, and {what}"
        yield found(NO_CALENDAR, document.mark_value(*path), message, HINT)


def _limits(path: tuple[str, ...], standard: RoleStandard) -> Iterator[tuple[tuple[str, ...], Limit]]:
    if standard.limit is not None:
        yield (*path, "limit"), standard.limit
    for name, one in standard.milestones.items():
        if one.limit is not None:
            yield (*path, "milestones", name, "limit"), one.limit


def check_end(calendar: CityCalendar, mark: SourcePosition, today: date) -> Iterator[Finding]:
    """A warning when the calendar's data end within 60 days, or have ended."""
    end = date(calendar.last, 12, 31)
    left = end - today
    if left < WARNING:
        when = f"in {left.days} days" if left.days >= 0 else f"{-left.days} days ago"
        message = f"the calendar ends with {end}, {when}; deadlines beyond it are provisional"
        hint = f"write {calendar.last + 1}.yaml as soon as its notice is published; {HINT}"
        yield found(ENDS_SOON, mark, message, hint, "warning")
