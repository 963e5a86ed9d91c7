"""What comes due next on the ladder of a task: derived from its budget, and never set.

A reminder comes due before the limit ends, a rung after it. While the department waits, the limit is that of the stage, and the steps are those of
the lead's ladder. A step that was sent is not sent again in the same round; a round ends when what was escalated is settled. Docs:
docs/explanation/escalations.md.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from router.domain.calendar.budget import Pause, due_of, is_countable, time_before
from router.domain.calendar.city_calendar import CityCalendar
from router.domain.catalogue.escalations import Ladder, LadderStep
from router.domain.catalogue.resolve import Catalogue
from router.domain.lifecycle.lifecycles import RUNNING
from router.domain.lifecycle.stages import is_live, is_planned
from router.domain.model.case import Assignment, Case, LadderPlace
from router.domain.model.milestone import Milestone
from router.domain.model.transition import TaskStage


class LadderRules(Protocol):
    """The part of a city's rules from which the steps of ladders follow."""

    @property
    def catalogue(self) -> Catalogue:
        """Has the ladders."""

    @property
    def calendar(self) -> CityCalendar | None:
        """Counts working time."""


class Due(NamedTuple):
    """The next step of a ladder, and when it comes due."""

    step: LadderStep
    at: datetime
    milestone: Milestone | None = None
    """Of whose limit it is; None: of no milestone's."""
    waiting: TaskStage | None = None
    """The stage at which the department waits, whose limit it is; None: the limit is the department's own."""
    provisional: bool = False
    """The time between the end of the limit and the step reaches into a year whose calendar was not published."""

    @property
    def name(self) -> str:
        """The name by which the task remembers the step."""
        return name_of(self.step, self.milestone, self.waiting)

    @property
    def misses_limit(self) -> bool:
        """Whether it is the first rung after the end of the task's own limit."""
        return self.step.is_first_rung and self.milestone is None and self.waiting is None


def name_of(step: LadderStep, milestone: Milestone | None, waiting: TaskStage | None = None) -> str:
    """The name of a step: its id, with the milestone or the stage before it if the limit is theirs."""
    if milestone is not None:
        return f"{milestone.id}/{step.id}"
    return step.id if waiting is None else f"{waiting}/{step.id}"


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
    milestone: Milestone | None = None,
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
        milestone: whose limit it is; None: the whole task's.
    """
    for step in ladder.steps:
        if name_of(step, milestone) in sent or not is_countable(step.limit, calendar):
            continue
        if step.kind == "reminder":
            at = time_before(end, step.limit, calendar)
            if at > start:
                return Due(step, at, milestone)
        elif not step.limit.amount:
            return Due(step, end, milestone)
        elif (after := due_of(end, (step.limit,), pauses, calendar)) is not None:
            return Due(step, after.at, milestone, provisional=after.provisional)
    return None


def timer_of(case: Case, due: Due | None) -> datetime | None:
    """When a step is sent: when it comes due, or when the silence of its case ends."""
    if due is None:
        return None
    silenced = case.silenced_until
    return due.at if silenced is None else max(due.at, silenced)


_MAY_MOVE = LadderPlace(timer_provisional=True)


def place_of(due: Due | None) -> LadderPlace | None:
    """Where the ladder of a new task is, of which this comes due first."""
    return _MAY_MOVE if due is not None and due.provisional else None


def with_timer(case: Case, one: Assignment, due: Due | None) -> Assignment:
    """The assignment with the timer of what comes due next; the same object if that is what it has."""
    at, provisional = timer_of(case, due), due is not None and due.provisional
    if provisional is not one.timer_provisional:
        place = LadderPlace(round=one.round, waits=one.step_waits, timer_provisional=provisional)
        return replace(one, timer_at=at, ladder=None if place == LadderPlace() else place)
    return one if at == one.timer_at else replace(one, timer_at=at)


def next_of(case: Case, one: Assignment, city: LadderRules) -> Due | None:
    """What comes due next for a task of a case."""
    if one.wait_until is not None and is_live(one):
        return _next_of_wait(case, one, one.wait_until, city)
    ladder = city.catalogue.ladder(case.matter, one.role)
    if ladder is None or not runs(one):
        return None
    return next_of_task(ladder, one, one.dispatched_at or case.opened_at, city.calendar)


def next_of_task(ladder: Ladder, one: Assignment, start: datetime, calendar: CityCalendar | None) -> Due | None:
    """What comes due next for a task, of its limit and of those milestones that are not done: the earliest, of equal ones the first.

    Args:
        ladder: of its matter and role.
        one: the task.
        start: when it was dispatched.
        calendar: of the city.
    """
    sent, pauses, found = one.sent, one.pauses, None
    for milestone in one.milestones:
        if milestone.done_at is not None or milestone.due_at is None:
            continue
        due = next_due(ladder, start, milestone.due_at, calendar, sent=sent, pauses=pauses, milestone=milestone)
        if due is not None and (found is None or due.at < found.at):
            found = due
    due = None if one.due_at is None else next_due(ladder, start, one.due_at, calendar, sent=sent, pauses=pauses)
    return due if found is None or (due is not None and due.at < found.at) else found


def _next_of_wait(case: Case, one: Assignment, end: datetime, city: LadderRules) -> Due | None:
    """Of the limit of a stage. A case is filed as a whole, so before that only its lead has steps."""
    ladder = city.catalogue.ladder(case.matter, "lead")
    if ladder is None or (is_planned(one) and one.role != "lead"):
        return None
    prefix = f"{one.stage}/"
    sent = [name.removeprefix(prefix) for name in one.sent if name.startswith(prefix)]
    due = next_due(ladder, one.stage_at or case.opened_at, end, city.calendar, sent=sent)
    return None if due is None else due._replace(waiting=one.stage)
