"""Instants: read from RFC 3339, and as whole microseconds for comparing many of them."""

from datetime import UTC, datetime, timedelta

MICROSECOND = timedelta(microseconds=1)
_SECOND = slice(17, 19)
"""Where RFC 3339 writes the second."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(at: datetime) -> int:
    """Microseconds since 1970: whole, so that two instants compare as they were written."""
    return (at - EPOCH) // MICROSECOND


def from_rfc3339(text: str) -> datetime:
    """A time as RFC 3339, 5.6 writes it: any number of digits of a second, `t` and `z` in lower case, leap seconds.

    Digits beyond microseconds are cut. A leap second is the second after it, as in POSIX time. It is read on every day,
    because the next ones are announced only half a year before. The function also reads what else the standard library
    takes for ISO 8601; a caller that must be strict checks the form, and a caller that needs an instant the zone.

    Raises:
        ValueError: not a time, or second 60 outside the last minute of a UTC day.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _unusual(text.upper())


def _unusual(text: str) -> datetime:
    leap = text[_SECOND] == "60"
    at = datetime.fromisoformat(f"{text[:17]}59{text[19:]}" if leap else text)
    if not leap:
        return at
    try:
        last = at.tzinfo is not None and at.astimezone(UTC)
        if last and (last.hour, last.minute) == (23, 59):
            return at + timedelta(seconds=1)
    except OverflowError:
        pass
    raise ValueError("second 60 is only in the last minute of a UTC day")
