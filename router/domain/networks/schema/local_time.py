"""Wall times: local times without a zone, as people and old systems write them.

Once a year a local hour occurs twice, and once an hour is skipped. The router takes the first of two instants, and reads a
time in the skipped hour with the offset before the change. The report says so in an extension, because the true instant
is unknown.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple

DOUBT = "grid-wall-time"
"""Extension with the reason why a wall time was ambiguous."""
_LAST = timedelta(minutes=59, seconds=59)
_WALL_EPOCH, _EPOCH = datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)  # noqa: DTZ001 - a wall time


class Instant(NamedTuple):
    """An instant, and why it is doubtful."""

    at: datetime
    """UTC."""
    doubt: str | None = None


def instant(wall: datetime, zone: tzinfo) -> Instant:
    """Convert a wall time (a datetime without zone) of `zone` to an instant."""
    offset = _offset(zone, wall.year, wall.month, wall.day, wall.hour)
    if offset is not None:
        return Instant(_utc(wall, offset))
    first, second = _offsets(wall, zone)
    at = _utc(wall, first)
    if first > second:
        return Instant(at, f"{wall.isoformat()} occurs twice, the first was taken")
    if first < second:
        return Instant(at, f"{wall.isoformat()} was skipped by the clocks, read with the offset before the change")
    return Instant(at)


def doubtful(extensions: dict[str, Any], *doubts: str | None) -> dict[str, Any]:
    """The extensions, plus the doubts about wall times if there are any."""
    reasons = [doubt for doubt in doubts if doubt is not None]
    return {**extensions, DOUBT: "; ".join(dict.fromkeys(reasons))} if reasons else extensions


def _utc(wall: datetime, offset: timedelta) -> datetime:
    """Subtract through two epochs: `replace` costs five times as much."""
    return _EPOCH + (wall - offset - _WALL_EPOCH)


@lru_cache(maxsize=1 << 14)
def _offset(zone: tzinfo, year: int, month: int, day: int, hour: int) -> timedelta | None:
    """The UTC offset of a local hour; None when it changes within the hour or the hour is ambiguous."""
    start = datetime(year, month, day, hour)  # noqa: DTZ001 - a wall time
    offsets = {*_offsets(start, zone), *_offsets(start + _LAST, zone)}
    return offsets.pop() if len(offsets) == 1 else None


def _offsets(wall: datetime, zone: tzinfo) -> tuple[timedelta, timedelta]:
    """UTC offsets of the first and the second occurrence of a wall time; they are nearly always equal."""
    first = wall.replace(tzinfo=zone).utcoffset()
    second = wall.replace(tzinfo=zone, fold=1).utcoffset()
    return first or timedelta(0), second or timedelta(0)
