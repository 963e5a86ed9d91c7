"""Reminders and escalations: what is sent when time passes, and what follows when the task is settled.

Only ticks send them, so feedback that stands earlier in the log counts first. Docs: docs/explanation/escalations.md.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from router.domain.lifecycle.ladder import Due, next_of, runs
from router.domain.lifecycle.stages import stage_of
from router.domain.model.case import Assignment, Case, LadderPlace
from router.domain.model.escalation import Escalation, Settled
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
        if due is not None and due.at <= until:
            steps.append((one, due))
            new = replace(one, sent=(*one.sent, due.name))
            due = next_of(case, new, city)
        new = replace(new, timer_at=None if due is None else due.at)
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


def follow_tasks(case: Case, before: Sequence[Assignment], change: ChangedTasks) -> list[Escalation]:
    """Settle what was escalated about changed tasks, and set the timers of these.

    Args:
        case: with its new assignments; changed in place.
        before: its assignments before the change.
        change: of them.

    Returns:
        What those hear who heard that a limit has ended.
    """
    if not change.city.catalogue.ladders:
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
    due = next_of(case, one, change.city)
    at = None if due is None else due.at
    return one if at == one.timer_at else replace(one, timer_at=at)


def _over(case: Case, one: Assignment, change: ChangedTasks, sent: list[Escalation]) -> list[str]:
    """The rungs of the department's limit that are settled."""
    settled, ladder = _settled(one, change.at), change.city.catalogue.ladder(case.matter, one.role)
    if settled is None or ladder is None:
        return []
    rungs = [step for step in ladder.steps if step.kind == "escalation" and step.id in one.sent]
    sent += [_cleared(case, one, Due(step, change.at), settled, change) for step in rungs]
    return [step.id for step in rungs]


def _wait_over(
    case: Case, old: Assignment | None, one: Assignment, change: ChangedTasks, sent: list[Escalation]
) -> list[str]:
    """The steps of a stage's limit, when the task has left the stage."""
    end = None if old is None else old.wait_until
    if old is None or end is None or (one.stage == old.stage and one.wait_until is not None):
        return []
    settled: Settled = "in-time" if change.at <= end else "late"
    ladder = change.city.catalogue.ladder(case.matter, "lead")
    for step in () if ladder is None else ladder.steps:
        due = Due(step, change.at, old.stage)
        if step.kind == "escalation" and due.name in one.sent:
            sent.append(replace(_cleared(case, one, due, settled, change), due_at=end))
    return [name for name in one.sent if name.startswith(f"{old.stage}/")]


def _settled(one: Assignment, at: datetime) -> Settled | None:
    """How what was escalated about a task is settled; None if the task still runs after the end of its limit."""
    if not one.sent:
        return None
    if runs(one) or one.stage == "suspended":
        return "more-time" if one.due_at is None or at < one.due_at else None
    return "in-time" if one.due_at is None or at <= one.due_at else "late"


def _sent(case: Case, one: Assignment, due: Due, city: City, now: datetime) -> Escalation:
    """The record of a step that has come due."""
    made = _escalation(case, one, due, city)
    end = "" if made.due_at is None else made.due_at.isoformat()
    reasons = _REASONS if due.waiting is None else _REASONS_OF_WAIT
    reason = reasons[due.step.kind].format(one.department, end, stage=due.waiting)
    return replace(made, at=due.at, sent_at=now, late=now - due.at > LATE, reason=reason)


_REASONS = {
    "reminder": "the limit of {} ends at {}",
    "escalation": "{} has not answered: its limit ended at {}",
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
}


def _cleared(case: Case, one: Assignment, due: Due, settled: Settled, change: ChangedTasks) -> Escalation:
    """What an authority hears when the task is settled of which it heard before."""
    made = _escalation(case, one, due, change.city)
    reasons = _SETTLED if due.waiting is None else _SETTLED_WAIT
    return replace(
        made,
        id=f"{made.id}/cleared",
        kind="cleared",
        at=change.at,
        sent_at=change.now,
        settled=settled,
        reason=reasons[settled].format(one.department, stage=due.waiting),
    )


def _escalation(case: Case, one: Assignment, due: Due, city: City) -> Escalation:
    """What all records of a step have in common, in two steps: a call with more than 15 arguments makes a dictionary of them."""
    step, ladder = due.step, city.catalogue.ladder(case.matter, one.role if due.waiting is None else "lead")
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
        due_at=one.due_at if due.waiting is None else one.wait_until,
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
        due_provisional=one.due_provisional and due.waiting is None,
        waiting=due.waiting,
        status=case.status,
        urgency=case.urgency,
        severity=case.severity,
    )
