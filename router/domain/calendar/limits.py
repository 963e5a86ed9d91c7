"""Limits and due instants. Calendar hours now; working time will be another `calendar` of a limit."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from msgspec import Struct


class Limit(Struct, frozen=True, kw_only=True):
    """How long a department may take (时限)."""

    amount: int
    """Hours."""
    calendar: Literal["calendar-hours"] = "calendar-hours"
    """What counts as an hour: every one. The seam for working hours and working days."""


def due_at(start: datetime, limit: Limit) -> datetime:
    """When the limit that begins at `start` (aware, UTC) ends, in UTC: real hours, so a change of the clock moves none."""
    return start + _hours(limit.amount)


@lru_cache(maxsize=1 << 10)
def _hours(amount: int) -> timedelta:
    return timedelta(hours=amount)
