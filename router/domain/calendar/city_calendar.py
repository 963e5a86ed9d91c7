"""The working time of one city: its years, and the weekly pattern beyond them."""

import json
from collections.abc import Mapping
from datetime import date, tzinfo
from hashlib import blake2b
from itertools import accumulate
from typing import Literal, NamedTuple

from msgspec import Struct

from router.domain.calendar.wall_times import wall_instant
from router.domain.calendar.year_file import WEEKDAYS, CalendarYear, Holiday, minutes
from router.domain.catalogue.model import Name

Kind = Literal["working-day", "makeup-workday", "holiday", "day-off"]
Hours = Literal["office", "duty"]
LAST_YEAR = 9_998
"""The last year with a whole year of `datetime` behind it."""


class DayKind(NamedTuple):
    """What a date is, and the name of its holiday."""

    kind: Kind
    name: Name | None = None

    @property
    def works(self) -> bool:
        """Whether it is a working day."""
        return self.kind in {"working-day", "makeup-workday"}


class WindowTrack(Struct, frozen=True):
    """The windows of one year in order. Parallel tuples, instants and lengths in microseconds; empty windows are left out."""

    opens: tuple[int, ...]
    ends: tuple[int, ...]
    passed: tuple[int, ...]
    """Open time of the year until the end of each window."""
    days: tuple[int, ...]
    """Ordinal of each window's date."""
    open_days: tuple[int, ...]
    """Ordinals of the days that have a window."""
    last_of_day: tuple[int, ...]
    """Index of the last window of each of `open_days`."""

    @property
    def total(self) -> int:
        """Open time of the whole year."""
        return self.passed[-1] if self.passed else 0


class CityCalendar:
    """The working time of a city. Immutable, except for years that it has already laid out.

    Args:
        years: by number, consecutive, at least one.
        zone: of the city.
    """

    def __init__(self, years: Mapping[int, CalendarYear], zone: tzinfo) -> None:
        self.years = dict(sorted(years.items()))
        self.zone = zone
        self.first, self.last = min(years), max(years)
        self.version = _version(self.years)
        self._holidays = {day: one.name for year in years.values() for one in year.holidays for day in _days(one)}
        self._makeups = frozenset(day for year in years.values() for day in year.makeup_workdays)
        self._has_duty_hours = all(year.duty_hours for year in years.values())
        self._tracks: dict[tuple[int, Hours], WindowTrack] = {}

    def published(self, year: int) -> bool:
        """Whether the dates of a year are known."""
        return self.first <= year <= self.last

    def has(self, hours: Hours) -> bool:
        """Whether every year has windows of this kind."""
        return hours == "office" or self._has_duty_hours

    def pattern(self, year: int) -> CalendarYear:
        """The year's own data; for a year that is not published, those of the nearest one that is."""
        return self.years[min(max(year, self.first), self.last)]

    def kind(self, day: date) -> DayKind:
        """What a date is. In a year that is not published there are only working days and days off."""
        if day in self._makeups:
            return DayKind("makeup-workday")
        if (name := self._holidays.get(day)) is not None:
            return DayKind("holiday", name)
        works = WEEKDAYS[day.weekday()] in self.pattern(day.year).workdays
        return DayKind("working-day" if works else "day-off")

    def windows(self, year: int, hours: Hours) -> WindowTrack:
        """The windows of a year: office hours of its working days, or duty hours of all its days."""
        track = self._tracks.get((year, hours))
        if track is None:
            track = self._tracks[year, hours] = self._lay_out(year, hours)
        return track

    def _lay_out(self, year: int, hours: Hours) -> WindowTrack:
        if year > LAST_YEAR:
            raise OverflowError(f"a limit would end after the year {LAST_YEAR}")
        pattern = self.pattern(year)
        texts = pattern.office_hours if hours == "office" else pattern.duty_hours
        bounds = [tuple(60 * minute for minute in minutes(text)) for text in texts]
        first, past = date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()
        days = [day for day in map(date.fromordinal, range(first, past)) if hours == "duty" or self.kind(day).works]
        laid = [
            (day.toordinal(), wall_instant(day, opening, self.zone), wall_instant(day, end, self.zone))
            for day in days
            for opening, end in bounds
        ]
        laid = [window for window in laid if window[1] < window[2]]
        ordinals = tuple(window[0] for window in laid)
        last_of_day = {ordinal: n for n, ordinal in enumerate(ordinals)}
        return WindowTrack(
            opens=tuple(window[1] for window in laid),
            ends=tuple(window[2] for window in laid),
            passed=tuple(accumulate(end - opening for _, opening, end in laid)),
            days=ordinals,
            open_days=tuple(last_of_day),
            last_of_day=tuple(last_of_day.values()),
        )


def _days(holiday: Holiday) -> list[date]:
    first, past = holiday.since.toordinal(), holiday.last.toordinal() + 1
    return [date.fromordinal(day) for day in range(first, past)]


def _version(years: Mapping[int, CalendarYear]) -> str:
    """Ten hexadecimal digits of the content. Comments, spacing and key order do not change them."""
    content = {str(number): year.model_dump(by_alias=True, mode="json") for number, year in years.items()}
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=5).hexdigest()
