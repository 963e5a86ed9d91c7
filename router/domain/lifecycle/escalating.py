"""Reminders and escalations: what is sent when time passes, and what follows when the task is settled.

Only ticks send them, so feedback that stands earlier in the log counts first. Docs: docs/explanation/escalations.md.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from router.domain.lifecycle.ladder import Due, next_of, runs, timer_of, with_timer
from router.domain.lifecycle.stages import stage_of
from router.domain.model.case import Assignment, Case, LadderPlace
from router.domain.model.escalation import Escalation, Settled
from router.domain.model.milestone import Milestone
from router.domain.rules.city import City

LATE = timedelta(minutes=5)
"""What is sent later than this after it came due is marked: an outage or a backlog was between."""


class ChangedTasks(Struct, frozen=True, gc=False):
    """A change of a case's tasks."""

    city: City
    """The rule set of the case."""
    at: datetime
    """When it took effect."""
    now: datetime
    """When its cause was received."""


class DueSteps(NamedTuple):
    """The steps of a case's ladders that have come due."""

    assignments: tuple[Assignment, ...]
    """Of the case, when they are sent."""
    steps: list[tuple[Assignment, Due]]
    """Each with its task before it is sent: the earliest first, at the same instant the first task first."""


def due_steps(case: Case, city: City, until: datetime, *, waiting: bool = True) -> DueSteps:
    """Every step of a case's ladders that has come due. In one go and instant by instant it is the same.

    Args:
        case: as it is.
        city: the rule set of the case.
        until: the instant of the tick.
        waiting: also steps that wait for the next tick.
    """
    assignments, steps = case.assignments, []
    while (one := _earliest(assignments, until, waiting=waiting)) is not None:
        due, new = next_of(case, one, city), one
        at = timer_of(case, due)
        if due is not None and at is not None and at <= until:
            steps.append((one, due))
            new = replace(one, sent=(*one.sent, due.name))
            due = next_of(case, new, city)
        new = with_timer(case, new, due)
        assignments = tuple([new if other is one else other for other in assignments])
    return DueSteps(assignments, steps)


def _earliest(assignments: Sequence[Assignment], until: datetime, *, waiting: bool) -> Assignment | None:
    """The task of which a step has come due first; None if none has."""
    first: Assignment | None = None
    first_at = until
    for one in assignments:
        at = one.timer_at
        if at is None or at > first_at or (at == first_at and first is not None) or (one.step_waits and not waiting):
            continue
        first, first_at = one, at
    return first


def escalations_of(case: Case, due: DueSteps, city: City, now: datetime) -> list[Escalation]:
    """The records of steps that are sent.

    Args:
        case: of the steps.
        due: the steps.
        city: the rule set of the case.
        now: the instant of the tick.
    """
    return [_sent(case, one, step, city, now) for one, step in due.steps]


def follow_tasks(
    case: Case, before: Sequence[Assignment], change: ChangedTasks, *, silenced: bool = False
) -> list[Escalation]:
    """Settle what was escalated about changed tasks, and set the timers of these.

    Args:
        case: with its new assignments; changed in place.
        before: its assignments before the change.
        change: of them.
        silenced: whether the silence of the case is another now, so that the timers of all its tasks are.

    Returns:
        What those hear who heard that a limit has ended.
    """
    if not change.city.catalogue.ladders:
        return []
    if silenced:  # a silence is about the case: it settles nothing
        case.assignments = tuple([_with_timer(case, one, change.city) for one in case.assignments])
        return []
    old, sent = {one.task: one for one in before}, list[Escalation]()
    case.assignments = tuple(
        [
            one if (known := old.get(one.task)) is one else _followed(case, known, one, change, sent)
            for one in case.assignments
        ]
    )
    return sent


def _followed(
    case: Case, old: Assignment | None, one: Assignment, change: ChangedTasks, sent: list[Escalation]
) -> Assignment:
    """A changed assignment with what follows for its ladder. Appends to `sent`."""
    over = [*_over(case, one, change, sent), *_wait_over(case, old, one, change, sent)]
    if over:  # they begin again if the task comes back
        left = tuple([name for name in one.sent if name not in over])
        one = replace(one, sent=left, ladder=LadderPlace(round=one.round + 1))
    return _with_timer(case, one, change.city)


def _with_timer(case: Case, one: Assignment, city: City) -> Assignment:
    """The assignment with the timer that follows from its ladder and the silence of its case."""
    return with_timer(case, one, next_of(case, one, city))


def _over(case: Case, one: Assignment, change: ChangedTasks, sent: list[Escalation]) -> list[str]:
    """The rungs that are settled, of the department's limit and of those of its milestones."""
    ladder = change.city.catalogue.ladder(case.matter, one.role) if one.sent else None
    over: list[str] = []
    for milestone in (*one.milestones, None) if ladder is not None else ():
        settled = _settled(one, milestone, change)
        if settled is None or ladder is None:
            continue
        due = [Due(step, change.at, milestone) for step in ladder.steps if step.kind == "escalation"]
        rungs = [each for each in due if each.name in one.sent]
        sent += [_cleared(case, one, each, settled, change) for each in rungs]
        over += [each.name for each in rungs]
    return over


def _wait_over(
    case: Case, old: Assignment | None, one: Assignment, change: ChangedTasks, sent: list[Escalation]
) -> list[str]:
    """The steps of a stage's limit that are sent again if they come due again: all when the task has left the stage, the rungs when the limit
    has moved.
    """
    end = None if old is None else old.wait_until
    if old is None or end is None:
        return []
    moved_to = one.wait_until if one.stage == old.stage else None
    if moved_to is not None and (moved_to == end or change.now >= moved_to):
        return []
    settled: Settled = "more-time" if moved_to is not None else "in-time" if change.at <= end else "late"
    ladder = change.city.catalogue.ladder(case.matter, "lead")
    due = [] if ladder is None else [Due(step, change.at, waiting=old.stage) for step in ladder.steps]
    rungs = [each for each in due if each.step.kind == "escalation" and each.name in one.sent]
    sent += [replace(_cleared(case, one, each, settled, change), due_at=end) for each in rungs]
    if moved_to is not None:
        return [each.name for each in rungs]
    return [name for name in one.sent if name.startswith(f"{old.stage}/")]


def _settled(one: Assignment, milestone: Milestone | None, change: ChangedTasks) -> Settled | None:
    """How what was escalated about a limit of a task is settled; None if the task still runs after its end.

    Feedback that comes late is judged by when it happened. Whether a limit is still ahead is judged by when it came: an `accept` from before the
    end does not move the end.
    """
    due_at, done_at = one.due_at, None
    if milestone is not None:
        due_at, done_at = milestone.due_at, milestone.done_at
    if done_at is None and (runs(one) or one.stage == "suspended"):
        return "more-time" if due_at is None or change.now < due_at else None
    return "in-time" if due_at is None or (done_at or change.at) <= due_at else "late"


def _sent(case: Case, one: Assignment, due: Due, city: City, now: datetime) -> Escalation:
    """The record of a step that has come due."""
    made = _escalation(case, one, due, city)
    end = "" if made.due_at is None else made.due_at.isoformat()
    part = "" if due.milestone is None else f" for {due.milestone.name}"
    reasons = _REASONS if due.waiting is None else _REASONS_OF_WAIT
    reason = reasons[due.step.kind].format(one.department, end, stage=due.waiting, part=part)
    expected = timer_of(case, due) or due.at
    if expected > due.at:
        reason += f"; the case was silenced until {expected.isoformat()}"
    return replace(made, at=due.at, sent_at=now, late=now - expected > LATE, reason=reason)


_REASONS = {
    "reminder": "the limit of {0}{part} ends at {1}",
    "escalation": "{0} has not answered: its limit{part} ended at {1}",
}
_REASONS_OF_WAIT = {
    "reminder": "the task of {0} may be {stage} until {1}",
    "escalation": "the task of {0} is still {stage}: it might be that until {1}",
}
_SETTLED: dict[Settled, str] = {
    "in-time": "the task left {} before its limit ended, and the router heard of it later",
    "late": "the task left {} after its limit had ended",
    "more-time": "{} has more time, or its time is paused",
}
_SETTLED_WAIT: dict[Settled, str] = {
    "in-time": "the task of {} was no longer {stage} when the limit of that ended, and the router heard of it later",
    "late": "the task of {} was {stage} for longer than it might be",
    "more-time": "the task of {} may be {stage} for longer",
}


def _cleared(case: Case, one: Assignment, due: Due, settled: Settled, change: ChangedTasks) -> Escalation:
    """What an authority hears when the task is settled of which it heard before."""
    made = _escalation(case, one, due, change.city)
    reason = (_SETTLED if due.waiting is None else _SETTLED_WAIT)[settled].format(one.department, stage=due.waiting)
    if due.milestone is not None and due.milestone.done_at is not None:
        reason = f"{one.department} has done {due.milestone.name} {'late' if settled == 'late' else 'in time'}"
    return replace(
        made,
        id=f"{made.id}/cleared",
        kind="cleared",
        at=change.at,
        sent_at=change.now,
        settled=settled,
        reason=reason,
    )


def _end_of(one: Assignment, due: Due) -> tuple[datetime | None, bool]:
    """The end of the limit whose step it is, and whether that is provisional."""
    if due.waiting is not None:
        return one.wait_until, one.wait_provisional
    if due.milestone is not None:
        return due.milestone.due_at, due.milestone.due_provisional
    return one.due_at, one.due_provisional


def _escalation(case: Case, one: Assignment, due: Due, city: City) -> Escalation:
    """What all records of a step have in common, in two steps: a call with more than 15 arguments makes a dictionary of them."""
    step, ladder = due.step, city.catalogue.ladder(case.matter, one.role if due.waiting is None else "lead")
    due_at, provisional = _end_of(one, due)
    made = Escalation(
        id=f"{one.task}/{one.round}/{due.name}",
        kind=step.kind,
        case=case.id,
        task=one.task,
        department=one.department,
        role=one.role,
        ladder="" if ladder is None else ladder.id,
        step=step.id,
        round=one.round,
        at=case.updated_at,
        sent_at=case.updated_at,
        due_at=due_at,
        stage=stage_of(one),
        reason="",
        matter=case.matter,
    )
    return replace(
        made,
        cell=case.cell,
        rule_set=case.rule_set,
        partition_key=case.partition_key,
        authority=step.id if step.digits is not None else None,
        area=case.cell[: step.digits] if step.digits else None,
        unit=one.unit,
        due_provisional=provisional,
        waiting=due.waiting,
        milestone=None if due.milestone is None else due.milestone.id,
        status=case.status,
        urgency=case.urgency,
        severity=case.severity,
    )
