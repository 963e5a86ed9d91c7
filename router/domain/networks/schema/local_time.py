"""Times as people and old systems write them: by the clock on the wall, without a zone.

Once a year the wall shows the same hour twice, and once it skips one. Of two instants the first is taken; a time in
the skipped hour is read with the offset before the change. Both are said, because nobody can know.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple

DOUBT = "grid-wall-time"
"""Extension in which a report says that its wall time was not exact."""
_LAST = timedelta(minutes=59, seconds=59)
_WALL_EPOCH, _EPOCH = datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)  # noqa: DTZ001 - wall time on purpose


class Instant(NamedTuple):
    """An instant, and what was doubtful about reading it."""

    at: datetime
    """UTC."""
    doubt: str | None = None


def instant(wall: datetime, zone: tzinfo) -> Instant:
    """The instant at which the wall clock of `zone` shows `wall` (a datetime without zone)."""
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
    """The extensions, with what was doubtful about wall times if anything was."""
    said = [doubt for doubt in doubts if doubt is not None]
    return {**extensions, DOUBT: "; ".join(dict.fromkeys(said))} if said else extensions


def _utc(wall: datetime, offset: timedelta) -> datetime:
    """By way of two epochs: `replace` costs five times as much."""
    return _EPOCH + (wall - offset - _WALL_EPOCH)


@lru_cache(maxsize=1 << 14)
def _offset(zone: tzinfo, year: int, month: int, day: int, hour: int) -> timedelta | None:
    """The UTC offset of a local hour; None when it changes within the hour or the hour is doubtful."""
    start = datetime(year, month, day, hour)  # noqa: DTZ001 - wall time on purpose
    offsets = {*_offsets(start, zone), *_offsets(start + _LAST, zone)}
    return offsets.pop() if len(offsets) == 1 else None


def _offsets(wall: datetime, zone: tzinfo) -> tuple[timedelta, timedelta]:
    """UTC offsets of the first and the second reading of a wall time; equal almost always."""
    first = wall.replace(tzinfo=zone).utcoffset()
    second = wall.replace(tzinfo=zone, fold=1).utcoffset()
    return first or timedelta(0), second or timedelta(0)
