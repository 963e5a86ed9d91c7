"""Time limits (时限): how much of which time a department has."""

import re
from functools import lru_cache
from typing import Literal

from msgspec import Struct

Unit = Literal["calendar-hours", "working-hours", "urgent-working-hours", "working-days"]
"""Which time counts: all of it, office hours of working days (工作时), duty hours of every day (紧急工作时), whole working days (工作日)."""
_SUFFIXES: dict[str, tuple[Unit, int]] = {
    "h": ("calendar-hours", 1),
    "d": ("calendar-hours", 24),
    "wh": ("working-hours", 1),
    "uwh": ("urgent-working-hours", 1),
    "wd": ("working-days", 1),
}
"""Suffix of a limit's text -> its unit, and how many of that unit it stands for."""
LIMIT_PATTERN = r"(0|[1-9][0-9]{0,4})([hd])|(0|[1-9][0-9]{0,3})(wh|uwh)|(0|[1-9][0-9]{0,2})(wd)"
"""A limit as people write it. Working time is bounded: 9,999 hours are five years of office hours, 999 days are four."""
_LIMIT = re.compile(LIMIT_PATTERN)


class Limit(Struct, frozen=True, kw_only=True):
    """How long a department may take (时限)."""

    amount: int
    """Hours, or days if the unit is working days. 0: due as soon as the time of its unit runs."""
    calendar: Unit = "calendar-hours"
    """Which time counts."""

    def __str__(self) -> str:
        """As in standards.yaml, e.g. `72h` or `4wh`."""
        suffix = next(suffix for suffix, (unit, times) in _SUFFIXES.items() if unit == self.calendar and times == 1)
        return f"{self.amount}{suffix}"


def read_limit(text: str) -> Limit | None:
    """The limit of a text such as `24h`, `3d`, `4wh`, `2uwh` or `7wd`. None: it is none.

    `d` is a day of 24 hours.
    """
    parts = _LIMIT.fullmatch(text)
    if parts is None:
        return None
    number, suffix = (part for part in parts.groups() if part is not None)
    unit, times = _SUFFIXES[suffix]
    return Limit(amount=int(number) * times, calendar=unit)


@lru_cache(maxsize=1 << 10)
def text_of(limit: Limit) -> str:
    """The text of a limit, one object for all that are equal."""
    return str(limit)
