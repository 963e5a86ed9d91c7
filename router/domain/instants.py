"""Instants as whole microseconds, for comparing many of them."""

from datetime import UTC, datetime, timedelta

MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(at: datetime) -> int:
    """Microseconds since 1970: whole, so that two instants compare as they were written."""
    return (at - _EPOCH) // MICROSECOND
