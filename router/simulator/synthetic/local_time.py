"""Formats columns of times in the networks' formats."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Any

import numpy as np

Column = Any
DAY, HOUR = 86_400, 3_600
NEVER = -1
"""Stands for an unknown instant."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local_seconds(instants: Column, zone: tzinfo) -> Column:
    """Local time of instants.

    Args:
        instants: seconds of UTC.
        zone: the local time zone.

    Returns:
        Seconds since 1970-01-01 00:00 in local time.
    """
    hours, place = np.unique(instants // HOUR, return_inverse=True)
    offsets = [_offset(zone, hour) for hour in hours.tolist()]
    return instants + np.array(offsets, dtype=np.int64)[place]


def midnight(day: Any, zone: tzinfo) -> int:
    """The instant at which a date begins in a zone, seconds of UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def compact(seconds: Column) -> list[str]:
    """`20260302093000`."""
    return _texts(seconds, "{:%Y%m%d}", _clock("", ""))


def spaced(seconds: Column) -> list[str]:
    """`2026-03-02 09:30:00`."""
    return _texts(seconds, "{:%Y-%m-%d} ", _clock(":", ""))


def zoned(seconds: Column) -> list[str]:
    """`2026-03-02T01:30:00Z`, from seconds of UTC."""
    return _texts(seconds, "{:%Y-%m-%d}T", _clock(":", "Z"))


def milliseconds(instants: Column) -> list[str]:
    """`2026-03-02T01:30:00.250Z`, from milliseconds of UTC."""
    seconds, rest = np.divmod(instants, 1000)
    whole = _joined(seconds, "{:%Y-%m-%d}T", _clock(":", "."))
    texts: list[str] = (whole + _thousandths()[rest]).tolist()
    return texts


def _texts(seconds: Column, form: str, clock: Column) -> list[str]:
    """Each instant as text; an empty text for NEVER."""
    known = seconds != NEVER
    if known.all():
        texts: list[str] = _joined(seconds, form, clock).tolist()
        return texts
    column = np.full(len(seconds), "", dtype=object)
    column[known] = _joined(seconds[known], form, clock)
    return list(column)


def _joined(seconds: Column, form: str, clock: Column) -> Column:
    """Text of the day plus text of the second of the day. numpy adds object columns in C."""
    day, second = np.divmod(seconds, DAY)
    if not len(day):
        return np.zeros(0, dtype=object)
    first = int(day.min())
    days = [_day(form, one) for one in range(first, int(day.max()) + 1)]
    return np.array(days, dtype=object)[day - first] + clock[second]


@cache
def _day(form: str, day: int) -> str:
    return form.format(_EPOCH + timedelta(days=day))


@cache
def _clock(between: str, end: str) -> Column:
    """Every second of a day as text."""
    two = [f"{one:02}" for one in range(60)]
    minutes = [f"{minute}{between}{second}{end}" for minute in two for second in two]
    return np.array([f"{hour}{between}{minute}" for hour in two[:24] for minute in minutes], dtype=object)


@cache
def _thousandths() -> Column:
    return np.array([f"{one:03}Z" for one in range(1000)], dtype=object)


@cache
def _offset(zone: tzinfo, hour: int) -> int:
    offset = (_EPOCH + timedelta(hours=hour)).astimezone(zone).utcoffset() or timedelta(0)
    return round(offset.total_seconds())
