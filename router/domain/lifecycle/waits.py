"""The limit of a stage at which the department's own time does not run: an inspector must look, or a supervisor must decide."""

from datetime import datetime

from msgspec.structs import replace

from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.deadlines import due_at
from router.domain.calendar.limits import Limit
from router.domain.model.case import Assignment


def with_wait(one: Assignment, limit: Limit | None, at: datetime, calendar: CityCalendar | None) -> Assignment:
    """The assignment with the limit of its stage.

    Args:
        one: at the stage.
        limit: of the stage; None if it has none.
        at: when the stage began.
        calendar: of the city.
    """
    if limit is None:
        return without_wait(one)
    end = due_at(at, limit, calendar)
    if (end.at, end.provisional) == (one.wait_until, one.wait_provisional):
        return one
    return replace(one, wait_until=end.at, wait_provisional=end.provisional)


def without_wait(one: Assignment) -> Assignment:
    """The assignment at a stage that has no limit of its own."""
    return one if one.wait_until is None else replace(one, wait_until=None, wait_provisional=False)
