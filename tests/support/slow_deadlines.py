"""A second implementation of deadlines, written apart: it walks day by day and subtracts window by window.

It shares nothing with `router.domain.calendar`: instants are whole seconds, a calendar is sets of dates, and wall times are
converted by the list of a zone's clock changes. `python -m tests.support.slow_deadlines 1000000` compares the two.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.deadlines import due_at
from router.domain.calendar.limits import Limit, Unit
from tests.support.calendars import year

ZONES = (
    "Asia/Shanghai",
    "America/Los_Angeles",
    "Australia/Lord_Howe",  # half an hour of summer time
    "America/Havana",  # changes at midnight
    "Africa/Cairo",  # the same
    "Asia/Kathmandu",
)
FIRST, LAST = 2023, 2030
"""Years of starts and of deadlines."""
UNITS: tuple[Unit, ...] = ("working-hours", "urgent-working-hours", "working-days", "calendar-hours")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MIDNIGHT_1970 = date(1970, 1, 1).toordinal()


class Case(NamedTuple):
    """One calendar as plain values."""

    zone: str
    years: frozenset[int]
    office: tuple[tuple[int, int], ...]
    duty: tuple[tuple[int, int], ...]
    """Minutes of the day."""
    holidays: frozenset[date]
    makeup: frozenset[date]


@cache
def offsets(zone: str) -> list[tuple[int, int]]:
    """First second and offset of each period between two clock changes, in order."""
    info, found = ZoneInfo(zone), []
    begin = int(datetime(FIRST - 1, 1, 1, tzinfo=UTC).timestamp())
    for at in range(begin, int(datetime(LAST + 2, 1, 1, tzinfo=UTC).timestamp()), 1800):
        offset = datetime.fromtimestamp(at, UTC).astimezone(info).utcoffset()
        assert offset is not None
        seconds = int(offset.total_seconds())
        if not found or found[-1][1] != seconds:
            found.append((at, seconds))
    return found


@lru_cache(maxsize=1 << 18)
def first_reading(zone: str, day: date, minute: int) -> int:
    """The first second at which a clock on the wall shows this time or a later one."""
    wall = (day.toordinal() - MIDNIGHT_1970) * 86_400 + minute * 60
    periods = offsets(zone)
    for (begin, offset), (end, _) in zip(periods, [*periods[1:], (sys.maxsize, 0)], strict=True):
        if wall - offset < end:
            return max(begin, wall - offset)
    raise AssertionError


def offset_at(zone: str, at: int) -> int:
    return [offset for begin, offset in offsets(zone) if begin <= at][-1]


def works(case: Case, day: date) -> bool:
    return day in case.makeup or (day.weekday() < 5 and day not in case.holidays)


def deadline(case: Case, start: int, amount: int, unit: Unit) -> tuple[int, bool]:
    """Second of the deadline, and whether it is provisional."""
    if unit == "calendar-hours":
        return start + amount * 3600, False
    day = date.fromordinal(MIDNIGHT_1970 + (start + offset_at(case.zone, start)) // 86_400)
    if unit == "working-days" and amount:
        seen = set()
        while amount:
            day += timedelta(days=1)
            seen.add(day.year)
            amount -= works(case, day)
        return first_reading(case.zone, day, case.office[-1][1]), not seen <= case.years
    return _hours(case, start, day, amount * 3600, unit)


def _hours(case: Case, start: int, day: date, left: int, unit: Unit) -> tuple[int, bool]:
    seen = set()
    while True:
        seen.add(day.year)
        urgent = unit == "urgent-working-hours"
        for opening, end in case.duty if urgent else case.office if works(case, day) else ():
            begin = max(start, first_reading(case.zone, day, opening))
            open_seconds = first_reading(case.zone, day, end) - begin
            if open_seconds <= 0:
                continue
            if left <= open_seconds:
                return begin + left, not seen <= case.years
            left -= open_seconds
        day += timedelta(days=1)


def random_case(random: Random) -> Case:
    first = random.randint(FIRST + 1, FIRST + 3)
    years = range(first, first + random.randint(1, 3))
    days = [date.fromordinal(n) for n in range(date(first, 1, 1).toordinal(), date(years[-1] + 1, 1, 1).toordinal())]
    holidays = {day + timedelta(days=n) for day in random.sample(days, 12) for n in range(random.randint(1, 9))}
    holidays = {day for day in holidays if day.year in years}
    weekend = [day for day in days if day.weekday() > 4 and day not in holidays]
    duty = ((0, 1440),) if random.random() < 0.4 else _windows(random)
    zone = random.choice(ZONES)
    return Case(
        zone, frozenset(years), _windows(random), duty, frozenset(holidays), frozenset(random.sample(weekend, 8))
    )


def _windows(random: Random) -> tuple[tuple[int, int], ...]:
    """One to three windows; some are in the hours of a clock change."""
    count = random.randint(1, 3)
    times = sorted(random.sample(range(0, 1441, random.choice((1, 15, 30))), 2 * count))
    windows = tuple(zip(times[::2], times[1::2], strict=True))
    return windows if sum(end - opening for opening, end in windows) >= 60 else ((60, 150), (150, 200))


def text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def calendar(case: Case) -> CityCalendar:
    """The same calendar for the router."""
    office, duty = (tuple(f"{text(a)}-{text(b)}" for a, b in windows) for windows in (case.office, case.duty))
    years = {
        number: year(
            office=office,
            duty=duty,
            holidays=tuple(day for day in case.holidays if day.year == number),
            makeup=tuple(day for day in case.makeup if day.year == number),
        )
        for number in case.years
    }
    return CityCalendar(years, ZoneInfo(case.zone))


def random_start(case: Case, random: Random) -> int:
    """Anywhere, at the edge of a window, or within a day of a clock change."""
    day = date.fromordinal(random.randint(date(FIRST, 1, 1).toordinal(), date(LAST - 1, 1, 1).toordinal()))
    kind = random.random()
    if kind < 0.4:
        minute = random.choice([edge for window in (*case.office, *case.duty) for edge in window])
        return first_reading(case.zone, day, minute) + random.choice((-1, 0, 0, 1))
    if kind < 0.6 and len(offsets(case.zone)) > 1:
        change = random.choice([begin for begin, _ in offsets(case.zone)[1:] if FIRST <= _year(begin) < LAST])
        return change + random.randint(-86_400, 86_400)
    return first_reading(case.zone, day, 0) + random.randint(0, 86_399)


def _year(at: int) -> int:
    return datetime.fromtimestamp(at, UTC).year


def differences(number: int, seed: int, starts: int = 200) -> Iterator[str]:
    """What differs between the two implementations in a number of random cases.

    Args:
        number: of cases.
        seed: of the random numbers.
        starts: limits tried with each calendar.
    """
    random = Random(seed)
    for tried in range(number):
        if tried % starts == 0:
            case = random_case(random)
            city = calendar(case)
        unit, start = random.choice(UNITS), random_start(case, random)
        amount = random.choice((0, 1, 2, 3, 4, 5, 7, 8, 10, 15, 20, 24, 40, 60))
        expected = deadline(case, start, amount, unit)
        found = due_at(EPOCH + timedelta(seconds=start), Limit(amount=amount, calendar=unit), city)
        if ((found.at - EPOCH) / timedelta(seconds=1), found.provisional) != expected:
            yield f"{case}: {amount} {unit} from {start}: {found}, not {expected}"


if __name__ == "__main__":
    wrong = list(differences(int(sys.argv[1]), seed=int(sys.argv[2]) if len(sys.argv) > 2 else 1, starts=1_000))
    print(*wrong[:10], sep="\n")
    print(f"{int(sys.argv[1]):,} cases, {len(wrong)} differences")
    sys.exit(bool(wrong))
