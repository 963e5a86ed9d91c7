"""From a wall time of a zone to the instant that it names, also on the days of a clock change."""

from datetime import date, datetime, timedelta, tzinfo

from router.domain.instants import EPOCH, us

SECOND_US = 1_000_000
DAY_S = 86_400


def wall_instant(day: date, second: int, zone: tzinfo) -> int:
    """The instant of a wall time, in microseconds since 1970.

    A wall time that occurs twice is its first occurrence. One that a clock change skips is the instant of the change. So a
    later wall time is never an earlier instant.

    Args:
        day: local date; not the last of all, 9999-12-31.
        second: second of the day by the wall clock, 0 to 86,400. The last one is midnight of the next day.
        zone: of the wall clock.
    """
    wall = datetime(day.year, day.month, day.day) + timedelta(seconds=second)  # noqa: DTZ001 - a wall time
    first, second_reading = (us(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    return first if first <= second_reading else _change(second_reading, first, zone)


def _change(before: int, after: int, zone: tzinfo) -> int:
    """The instant between two at which the zone's offset changes. Offsets change at whole seconds."""
    old = _offset(before, zone)
    low, high = before // SECOND_US, after // SECOND_US
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle * SECOND_US, zone) == old else (low, middle)
    return high * SECOND_US


def _offset(at_us: int, zone: tzinfo) -> timedelta | None:
    return instant(at_us).astimezone(zone).utcoffset()


def instant(at_us: int) -> datetime:
    """Microseconds since 1970 as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=at_us)


def local_date(at: datetime, zone: tzinfo) -> date:
    """The date of an instant by the wall clock of a zone."""
    return at.astimezone(zone).date()
