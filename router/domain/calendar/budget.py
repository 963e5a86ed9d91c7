"""A budget of time and what consumes it: a limit, its extensions, and the pauses in which nothing is consumed.

The due instant is derived from them and never set. Hours that a pause covers do not count. Of working days, those after the date on
which the pause begins do not count, up to the date on which it ends: as the date of a start does not count.
Docs: docs/explanation/deadlines.md.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, datetime

from msgspec import Struct
from msgspec.structs import replace

from router.domain.calendar.city_calendar import CityCalendar, Hours
from router.domain.calendar.deadlines import HOUR_US, HOURS_OF, Deadline, due_at, open_time
from router.domain.calendar.limits import Limit
from router.domain.calendar.wall_times import instant, local_date
from router.domain.instants import us


class Pause(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Time that does not count (挂账)."""

    since: datetime
    until: datetime | None = None
    """Absent while it lasts."""


def is_countable(limit: Limit, calendar: CityCalendar | None) -> bool:
    """Whether the calendar has the time that a limit counts."""
    if limit.calendar == "calendar-hours":
        return True
    return calendar is not None and calendar.has(HOURS_OF[limit.calendar])


def due_of(
    start: datetime, budgets: Sequence[Limit], pauses: Sequence[Pause], calendar: CityCalendar | None = None
) -> Deadline | None:
    """When a limit and its extensions are consumed; None during a pause that has not ended.

    An extension begins where what was given before it ends.

    Args:
        start: aware, UTC.
        budgets: the limit, then its extensions, each in any unit.
        pauses: in order, none within another.
        calendar: of the city.

    Raises:
        ValueError: a budget counts working time, and the calendar has no windows for it.
        OverflowError: it would end after the year 9998.
    """
    at, provisional = start, False
    for budget in budgets:
        found = _consumed(at, budget, pauses, calendar)
        if found is None:
            return None
        at, provisional = found.at, provisional or found.provisional
    return Deadline(at, provisional)


def time_before(at: datetime, limit: Limit, calendar: CityCalendar | None = None) -> datetime:
    """The latest instant from which a limit ends at `at`. Pauses do not count.

    Working days count back as they count on: the date of `at` never counts, day 1 is the working day before, and the result is the
    opening of day N. At the edge of two windows the result is the opening of the later one.

    Args:
        at: aware, UTC.
        limit: greater than 0.
        calendar: of the city.

    Raises:
        ValueError: the limit counts working time, and the calendar has no windows for it.
        OverflowError: it would begin before the year 1.
    """
    if limit.calendar == "calendar-hours":
        return instant(us(at) - limit.amount * HOUR_US)
    hours, known = HOURS_OF[limit.calendar], calendar
    if known is None or not known.has(hours):
        raise ValueError(f"a limit of {limit} needs {hours} hours in the city's calendar")
    day = local_date(at, known.zone)
    if limit.calendar == "working-days":
        return _opening_before(day, limit.amount, known)
    year = day.year
    passed = _opened(us(at), year, hours, known) - limit.amount * HOUR_US
    while passed < 0:
        year -= 1
        passed += known.windows(year, hours).total
    track = known.windows(year, hours)
    index = bisect_right(track.passed, passed)
    return instant(track.ends[index] - track.passed[index] + passed)


def _opening_before(day: date, amount: int, calendar: CityCalendar) -> datetime:
    """The opening of the N-th working day before a date."""
    year = day.year
    place = bisect_left(calendar.windows(year, "office").open_days, day.toordinal()) - amount
    while place < 0:
        year -= 1
        place += len(calendar.windows(year, "office").open_days)
    track = calendar.windows(year, "office")
    return instant(track.opens[bisect_left(track.days, track.open_days[place])])


def _consumed(at: datetime, budget: Limit, pauses: Sequence[Pause], calendar: CityCalendar | None) -> Deadline | None:
    """When one budget is consumed, from an instant on."""
    if budget.calendar == "working-days" and budget.amount:
        return _days_consumed(at, budget, pauses, calendar)
    left = budget.amount * HOUR_US
    for pause in pauses:
        if pause.until is not None and pause.until <= at:
            continue
        due = _after(at, left, budget, calendar)
        if due.at <= pause.since:
            return due
        if pause.until is None:
            return None
        left, at = left - _passed(at, pause.since, budget, calendar), max(at, pause.until)
    return _after(at, left, budget, calendar)


def _days_consumed(
    at: datetime, budget: Limit, pauses: Sequence[Pause], calendar: CityCalendar | None
) -> Deadline | None:
    due = due_at(at, budget, calendar)
    for pause in pauses:
        if pause.until is not None and pause.until <= at:
            continue
        if due.at <= pause.since:
            break
        if pause.until is None:
            return None
        assert calendar is not None  # noqa: S101 - `due_at` needs one for working days
        days = _working_days_after(local_date(max(at, pause.since), calendar.zone), pause.until, calendar)
        budget = replace(budget, amount=budget.amount + days)
        due = due_at(at, budget, calendar)
    return due


def _working_days_after(day: date, until: datetime, calendar: CityCalendar) -> int:
    """Working days after a date, up to the date of an instant."""
    last, number = local_date(until, calendar.zone), 0
    for year in range(day.year, last.year + 1):
        days = calendar.windows(year, "office").open_days
        number += bisect_right(days, last.toordinal()) - bisect_right(days, day.toordinal())
    return number


def _passed(since: datetime, until: datetime, budget: Limit, calendar: CityCalendar | None) -> int:
    """Time between two instants that the budget's unit counts, in microseconds; 0 if they are in the other order."""
    if until <= since:
        return 0
    if budget.calendar == "calendar-hours":
        return us(until) - us(since)
    hours, known = HOURS_OF[budget.calendar], calendar
    if known is None or not known.has(hours):
        raise ValueError(f"a limit of {budget} needs {hours} hours in the city's calendar")
    first, last = local_date(since, known.zone).year, local_date(until, known.zone).year
    whole = sum(known.windows(year, hours).total for year in range(first, last))
    return whole + _opened(us(until), last, hours, known) - _opened(us(since), first, hours, known)


def _opened(at: int, year: int, hours: Hours, calendar: CityCalendar) -> int:
    """Open time of a year until an instant of it."""
    track = calendar.windows(year, hours)
    index = bisect_left(track.ends, at)
    if index == len(track.ends):
        return track.total
    return track.passed[index] - track.ends[index] + max(at, track.opens[index])


def _after(at: datetime, left: int, budget: Limit, calendar: CityCalendar | None) -> Deadline:
    """The instant at which this number of microseconds of the budget's time have passed."""
    if budget.calendar == "calendar-hours":
        return Deadline(instant(us(at) + left))
    hours = HOURS_OF[budget.calendar]
    if calendar is None or not calendar.has(hours):
        raise ValueError(f"a limit of {budget} needs {hours} hours in the city's calendar")
    run = open_time(us(at), local_date(at, calendar.zone), left, hours, calendar)
    return Deadline(instant(run.due), run.begins.year < calendar.first or run.last_year > calendar.last)
