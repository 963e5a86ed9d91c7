"""The milestones of a task: when each is due, and which are done. Whether one is overdue is never stored.

Each counts from the dispatch of the task, as the limit does, and a pause moves it as it moves the limit. An extension moves the end of the
whole task only. Docs: docs/adr/0040-milestones.md.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from router.domain.calendar.budget import Pause, due_of
from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.limits import read_limit
from router.domain.model.case import Assignment, TaskView
from router.domain.model.milestone import Milestone


def with_milestones(one: Assignment, milestones: tuple[Milestone, ...]) -> Assignment:
    """The assignment with other milestones."""
    if one.milestones == milestones:
        return one
    return replace(one, view=replace(one.view or TaskView(), milestones=milestones))


def timed_milestones(
    milestones: Sequence[Milestone], start: datetime, pauses: Sequence[Pause], calendar: CityCalendar | None
) -> tuple[Milestone, ...]:
    """Milestones with the instants at which they are due.

    Args:
        milestones: with limits that the calendar can count.
        start: when their task was dispatched.
        pauses: of the task.
        calendar: of the city.
    """
    found = []
    for one in milestones:
        limit = read_limit(one.limit)
        due = None if limit is None else due_of(start, (limit,), pauses, calendar)
        found.append(replace(one, due_at=due and due.at, due_provisional=due is not None and due.provisional))
    return tuple(found)


def without_due(milestones: Sequence[Milestone]) -> tuple[Milestone, ...]:
    """Milestones of a task that was not dispatched yet."""
    return tuple([replace(one, due_at=None, due_provisional=False) for one in milestones])


def done_until(milestones: Sequence[Milestone], name: str | None, at: datetime) -> tuple[Milestone, ...]:
    """Milestones of which the named one and those before it are done at `at`, if they were not before; under None all are."""
    last = next((number for number, one in enumerate(milestones) if one.id == name), len(milestones) - 1)
    return tuple(
        [
            replace(one, done_at=at) if number <= last and one.done_at is None else one
            for number, one in enumerate(milestones)
        ]
    )


def carried(milestones: Sequence[Milestone], before: Sequence[Milestone]) -> tuple[Milestone, ...]:
    """Milestones of a new standard, of which those that are done stay done."""
    done = {one.id: one.done_at for one in before}
    return tuple([replace(one, done_at=done.get(one.id)) for one in milestones])
