"""Time limits and due instants. Calendar hours only; working time will be a second `calendar` of a limit."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from msgspec import Struct


class Limit(Struct, frozen=True, kw_only=True):
    """How long a department may take (时限)."""

    amount: int
    """Hours."""
    calendar: Literal["calendar-hours"] = "calendar-hours"
    """Which hours count: all of them."""


def due_at(start: datetime, limit: Limit) -> datetime:
    """The end, in UTC, of a limit that begins at `start` (aware, UTC). Real hours count, so a clock change moves nothing."""
    return start + _hours(limit.amount)


@lru_cache(maxsize=1 << 10)
def _hours(amount: int) -> timedelta:
    return timedelta(hours=amount)
