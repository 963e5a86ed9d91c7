"""When a limit ends, and why then. One computation serves both: the explanation names the windows and days that it used.

Working hours run inside the windows only. A start outside waits for the next opening, and a limit that ends exactly at the end of
a window is due there. Of working days the local date of the start never counts: day 1 is the next working day, and the limit is
due at the end of office hours of the last day. A limit of 0 is due as soon as time of its unit runs.
Docs: docs/explanation/deadlines.md.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from router.domain.calendar.city_calendar import CityCalendar, Hours
from router.domain.calendar.limits import Limit, Unit
from router.domain.calendar.wall_times import SECOND_US, instant, local_date
from router.domain.instants import us

HOUR_US = 3_600 * SECOND_US
DAY = timedelta(days=1)
HOURS_OF: dict[Unit, Hours] = {"working-hours": "office", "urgent-working-hours": "duty", "working-days": "office"}
"""Unit -> the windows that count."""
Why = Literal[
    "all-hours",
    "office-hours",
    "duty-hours",
    "working-day",
    "makeup-workday",
    "start-day",
    "closed",
    "day-off",
    "holiday",
]


class Deadline(NamedTuple):
    """The end of a limit."""

    at: datetime
    """In UTC."""
    provisional: bool = False
    """It reaches into a year whose calendar is not published, and follows the weekly pattern there."""


class Span(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the time between start and deadline: a window or days that count, or days that do not."""

    why: Why
    counted: bool
    first: date
    last: date
    """Local dates, both inclusive."""
    since: datetime | None = None
    until: datetime | None = None
    """Instants of the counted part of a window."""
    days: int = 0
    """Days of it: those counted, or those skipped."""
    name: str | None = None
    name_zh: str | None = None
    """Of the holiday."""
    provisional: bool = False
    """Its year is not published."""

    @property
    def seconds(self) -> float:
        """Counted time of a window."""
        return (self.until - self.since).total_seconds() if self.since and self.until else 0.0


class DeadlineExplanation(Struct, frozen=True, kw_only=True):
    """A deadline with everything that led to it."""

    limit: str
    at: datetime
    provisional: bool
    spans: tuple[Span, ...]
    """In order of time. Days without counted time that are alike and consecutive are one span."""
    calendar: str | None
    """Version of the calendar. None: calendar hours need none."""


class _Run(NamedTuple):
    """The windows from the first to the last one that a limit uses, by year and index in the year, and where it ends."""

    begins: date
    """The first local date that could count."""
    first_year: int
    first_index: int
    last_year: int
    last_index: int
    due: int
    """Microseconds since 1970."""


def due_at(start: datetime, limit: Limit, calendar: CityCalendar | None = None) -> Deadline:
    """The end of a limit.

    Args:
        start: aware, UTC.
        limit: in any unit.
        calendar: of the city. Lint rejects a limit in working time in a city without one.

    Raises:
        ValueError: the limit counts working time, and the calendar has no windows for it.
        OverflowError: it would end after the year 9998.
    """
    if limit.calendar == "calendar-hours":
        return Deadline(start + _hours(limit.amount))
    return _decide(start, limit, calendar)[0]


def explain_deadline(start: datetime, limit: Limit, calendar: CityCalendar | None = None) -> DeadlineExplanation:
    """The end of a limit, with the windows and days that led to it. Arguments and errors are those of `due_at`."""
    if limit.calendar == "calendar-hours":
        deadline = due_at(start, limit)
        zone = UTC if calendar is None else calendar.zone
        first, last = local_date(start, zone), local_date(deadline.at, zone)
        spans = [Span(why="all-hours", counted=True, first=first, last=last, since=start, until=deadline.at)]
        return _explanation(limit, deadline, spans, None)
    deadline, run, known = _decide(start, limit, calendar)
    return _explanation(limit, deadline, _joined(_narrate(start, limit, run, known)), known.version)


def _explanation(limit: Limit, deadline: Deadline, spans: Iterable[Span], version: str | None) -> DeadlineExplanation:
    at, provisional = deadline
    return DeadlineExplanation(limit=str(limit), at=at, provisional=provisional, spans=tuple(spans), calendar=version)


@lru_cache(maxsize=1 << 10)
def _hours(amount: int) -> timedelta:
    return timedelta(hours=amount)


def _decide(start: datetime, limit: Limit, calendar: CityCalendar | None) -> tuple[Deadline, _Run, CityCalendar]:
    """The deadline of a limit in working time, and the windows that it uses."""
    hours = HOURS_OF[limit.calendar]
    if calendar is None or not calendar.has(hours):
        raise ValueError(f"a limit of {limit} needs {hours} hours in the city's calendar")
    day = local_date(start, calendar.zone)
    if limit.calendar == "working-days" and limit.amount:
        run = _working_days(day, limit.amount, calendar)
    else:
        run = open_time(us(start), day, limit.amount * HOUR_US, hours, calendar)
    provisional = run.begins.year < calendar.first or run.last_year > calendar.last
    return Deadline(instant(run.due), provisional), run, calendar


def open_time(at: int, day: date, amount: int, hours: Hours, calendar: CityCalendar) -> _Run:
    """The run of an amount of open time in microseconds, which begins at an instant or at the next opening."""
    year = day.year
    track = calendar.windows(year, hours)
    index = bisect_right(track.ends, at)  # a start at the end of a window is outside it
    if index == len(track.ends):
        year, index = year + 1, 0
        track = calendar.windows(year, hours)
    first_year, first_index = year, index
    needed = track.passed[index] - track.ends[index] + max(at, track.opens[index]) + amount
    while needed > track.total:
        needed -= track.total
        year, index = year + 1, 0
        track = calendar.windows(year, hours)
    index = max(index, bisect_left(track.passed, needed))
    return _Run(day, first_year, first_index, year, index, track.ends[index] - track.passed[index] + needed)


def _working_days(day: date, amount: int, calendar: CityCalendar) -> _Run:
    """The run of a number of working days after a date, from the first to the end of the last."""
    begins = day + DAY
    first_year = year = begins.year
    track = calendar.windows(year, "office")
    first_index = bisect_left(track.days, begins.toordinal())
    place = bisect_left(track.open_days, begins.toordinal())
    while place + amount > len(track.open_days):
        amount -= len(track.open_days) - place
        year, place = year + 1, 0
        track = calendar.windows(year, "office")
    index = track.last_of_day[place + amount - 1]
    return _Run(begins, first_year, first_index, year, index, track.ends[index])


def _narrate(start: datetime, limit: Limit, run: _Run, calendar: CityCalendar) -> Iterator[Span]:
    """Every day from the start to the deadline, with what counted of it."""
    hours = HOURS_OF[limit.calendar]
    whole_days = limit.calendar == "working-days" and limit.amount > 0
    counted: defaultdict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for year in range(run.first_year, run.last_year + 1):
        track = calendar.windows(year, hours)
        begin = run.first_index if year == run.first_year else 0
        end = run.last_index + 1 if year == run.last_year else len(track.ends)
        for day, opening, close in zip(
            track.days[begin:end], track.opens[begin:end], track.ends[begin:end], strict=True
        ):
            counted[day].append((max(start, instant(opening)), instant(min(close, run.due))))
    begins = local_date(start, calendar.zone).toordinal()
    for ordinal in range(begins, max(counted) + 1):
        if ordinal in counted and not whole_days:
            yield from (_window(date.fromordinal(ordinal), window, hours, calendar) for window in counted[ordinal])
        else:
            yield _day(
                date.fromordinal(ordinal), calendar, counts=ordinal in counted, starts=whole_days and ordinal == begins
            )


def _window(day: date, window: tuple[datetime, datetime], hours: Hours, calendar: CityCalendar) -> Span:
    since, until = window
    why: Why = "office-hours" if hours == "office" else "duty-hours"
    provisional = not calendar.published(day.year)
    return Span(why=why, counted=True, first=day, last=day, since=since, until=until, provisional=provisional)


def _day(day: date, calendar: CityCalendar, *, counts: bool, starts: bool) -> Span:
    kind, name = calendar.kind(day)
    why: Why = "start-day" if starts else kind if counts or kind in {"day-off", "holiday"} else "closed"
    provisional = not calendar.published(day.year)
    en, zh = (name.en, name.zh) if name else (None, None)
    return Span(why=why, counted=counts, first=day, last=day, days=1, name=en, name_zh=zh, provisional=provisional)


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Consecutive days that are alike as one span. Windows stay apart."""
    last: Span | None = None
    for span in spans:
        if last is not None and last.days and span == replace(last, first=span.first, last=span.last, days=1):
            last = replace(last, last=span.last, days=last.days + 1)
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last
