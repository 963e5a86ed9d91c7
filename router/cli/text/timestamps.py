"""Instants in command-line options: `-1h`, `beginning`, `now`, or RFC 3339."""

import re
from datetime import UTC, datetime, timedelta

from router.domain.catalogue.model import EARLIEST, LATEST
from router.domain.instants import from_rfc3339
from router.wire.errors import InputError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"-(\d{1,6})([smhdw])")
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def instant(text: str, now: datetime, *, option: str) -> datetime:
    """Parse a text like `-90s`, `-30m`, `-1h`, `-2d`, `beginning`, `now` or `2026-11-24T09:00:00+08:00`.

    Args:
        text: the value of the option.
        now: the reference of `now` and the relative forms, with a zone.
        option: the option's name, for the error sentence.

    Raises:
        InputError: the text has none of these forms, is a time without a zone, or of a year in which no rule holds.
    """
    if text == "beginning":
        return BEGINNING
    if text == "now":
        return now
    if ago := _AGO.fullmatch(text):
        return max(now - timedelta(seconds=int(ago[1]) * UNITS[ago[2]]), BEGINNING)
    try:
        at = from_rfc3339(text)
    except ValueError:
        raise InputError(
            f"{text!r} is not a time",
            where=option,
            hint="write -30m, -1h, -2d, beginning, now, or a time like 2026-11-24T09:00:00+08:00",
        ) from None
    if not EARLIEST.year <= at.year <= LATEST.year:
        years = f"{EARLIEST.year} to {LATEST.year}"
        raise InputError(
            f"{text!r} is not a time of the years {years}", where=option, hint="write a year with four digits"
        )
    if at.tzinfo is None:
        whole = at.isoformat()  # a date alone cannot carry a zone
        raise InputError(f"{text!r} has no time zone", where=option, hint=f"write {whole}Z for UTC, or add +08:00")
    return at


def stamp(at: datetime) -> str:
    """An instant as the command line prints it: UTC, milliseconds, `Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_ms(milliseconds: int) -> datetime:
    """A Kafka timestamp as an instant. An unknown one (-1) becomes the epoch."""
    return datetime.fromtimestamp(max(milliseconds, 0) / 1000, UTC)
