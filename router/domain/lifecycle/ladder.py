"""What comes due next on the ladder of a task: derived from its budget, and never set.

A reminder comes due before the limit ends, a rung after it. A task that does not run has none. A step that was sent is not sent again
in the same round; a round ends when what was escalated is settled. Docs: docs/explanation/escalations.md.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from router.domain.calendar.budget import Pause, due_of, is_countable, time_before
from router.domain.calendar.city_calendar import CityCalendar
from router.domain.catalogue.escalations import Ladder, LadderStep
from router.domain.lifecycle.lifecycles import RUNNING
from router.domain.model.case import Assignment, Case
from router.domain.rules.city import City


class Due(NamedTuple):
    """The next step of a ladder, and when it comes due."""

    step: LadderStep
    at: datetime


def runs(one: Assignment) -> bool:
    """Whether the department's time runs."""
    return one.stage in RUNNING and one.withdrawn_at is None


def next_due(
    ladder: Ladder,
    start: datetime,
    end: datetime,
    calendar: CityCalendar | None,
    *,
    sent: Collection[str] = (),
    pauses: Sequence[Pause] = (),
) -> Due | None:
    """What comes due next; None when nothing does.

    A reminder that would come before the task was dispatched is left out: the limit is shorter.

    Args:
        ladder: of the task's matter and role.
        start: when the task was dispatched.
        end: of its limit.
        calendar: of the city.
        sent: ids of steps that were sent.
        pauses: of the task.
    """
    for step in ladder.steps:
        if step.id in sent or not is_countable(step.limit, calendar):
            continue
        if step.kind == "reminder":
            at = time_before(end, step.limit, calendar)
            if at > start:
                return Due(step, at)
        elif not step.limit.amount:
            return Due(step, end)
        elif (after := due_of(end, (step.limit,), pauses, calendar)) is not None:
            return Due(step, after.at)
    return None


def timer_of(case: Case, due: Due | None) -> datetime | None:
    """When a step is sent: when it comes due, or when the silence of its case ends."""
    if due is None:
        return None
    silenced = case.silenced_until
    return due.at if silenced is None else max(due.at, silenced)


def next_of(case: Case, one: Assignment, city: City) -> Due | None:
    """What comes due next for a task of a case."""
    ladder = city.catalogue.ladder(case.matter, one.role)
    if ladder is None or one.due_at is None or not runs(one):
        return None
    return next_due(
        ladder, one.dispatched_at or case.opened_at, one.due_at, city.calendar, sent=one.sent, pauses=one.pauses
    )
