"""Columns of times as the networks write them."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Any

import numpy as np

Column = Any
DAY, HOUR = 86_400, 3_600
NEVER = -1
"""In place of an instant that is not said."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def wall(instants: Column, zone: tzinfo) -> Column:
    """What the clock on the wall shows, as seconds since 1970 on that clock; seconds of UTC come in."""
    hours, place = np.unique(instants // HOUR, return_inverse=True)
    offsets = [_offset(zone, hour) for hour in hours.tolist()]
    return instants + np.array(offsets, dtype=np.int64)[place]


def midnight(day: Any, zone: tzinfo) -> int:
    """The instant at which a date begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def compact(seconds: Column) -> list[str]:
    """`20260302093000`."""
    days, clock = _days("{:%Y%m%d}"), _clock("", "")
    return [days[one // DAY] + clock[one % DAY] if one >= 0 else "" for one in seconds.tolist()]


def spaced(seconds: Column) -> list[str]:
    """`2026-03-02 09:30:00`."""
    days, clock = _days("{:%Y-%m-%d} "), _clock(":", "")
    return [days[one // DAY] + clock[one % DAY] if one >= 0 else "" for one in seconds.tolist()]


def zoned(seconds: Column) -> list[str]:
    """`2026-03-02T01:30:00Z`, of seconds of UTC."""
    days, clock = _days("{:%Y-%m-%d}T"), _clock(":", "Z")
    return [days[one // DAY] + clock[one % DAY] if one >= 0 else "" for one in seconds.tolist()]


def milliseconds(instants: Column) -> list[str]:
    """`2026-03-02T01:30:00.250Z`, of milliseconds of UTC."""
    days, clock, parts = _days("{:%Y-%m-%d}T"), _clock(":", "."), _thousandths()
    seconds, rest = np.divmod(instants, 1000)
    day, second = np.divmod(seconds, DAY)
    columns = zip(day.tolist(), second.tolist(), rest.tolist(), strict=True)
    return [days[one] + clock[two] + parts[three] for one, two, three in columns]


class _Days(dict[int, str]):
    """Days since 1970 as text, made when first asked for."""

    def __init__(self, form: str) -> None:
        self._form = form

    def __missing__(self, day: int) -> str:
        text = self[day] = self._form.format(_EPOCH + timedelta(days=day))
        return text


@cache
def _days(form: str) -> _Days:
    return _Days(form)


@cache
def _clock(between: str, end: str) -> list[str]:
    """Every second of a day as text."""
    two = [f"{one:02}" for one in range(60)]
    minutes = [f"{minute}{between}{second}{end}" for minute in two for second in two]
    return [f"{hour}{between}{minute}" for hour in two[:24] for minute in minutes]


@cache
def _thousandths() -> list[str]:
    return [f"{one:03}Z" for one in range(1000)]


@cache
def _offset(zone: tzinfo, hour: int) -> int:
    offset = (_EPOCH + timedelta(hours=hour)).astimezone(zone).utcoffset() or timedelta(0)
    return round(offset.total_seconds())
