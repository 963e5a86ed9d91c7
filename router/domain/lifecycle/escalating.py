"""Reminders and escalations: what is sent when time passes, and what follows when the task is settled.

Only ticks send them, so feedback that stands earlier in the log counts first. Docs: docs/explanation/escalations.md.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from router.domain.catalogue.escalations import Ladder
from router.domain.lifecycle.ladder import Due, next_of, runs, step_key, timer_of
from router.domain.lifecycle.stages import stage_of
from router.domain.model.case import Assignment, Case
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


def send_due(case: Case, city: City, now: datetime) -> list[Escalation]:
    """Send every step of a case's ladders that has come due: the earliest first, at the same instant the first task first.

    Args:
        case: changed in place: it remembers what was sent.
        city: the rule set of the case.
        now: the instant of the tick.
    """
    sent: list[Escalation] = []
    while (one := _earliest(case, now)) is not None:
        due, new = next_of(case, one, city), one
        at = timer_of(case, due)
        if due is not None and at is not None and at <= now:
            sent.append(_sent(case, one, due, city, now))
            new = replace(one, sent=(*one.sent, due.key))
            due = next_of(case, new, city)
        new = replace(new, timer_at=timer_of(case, due))
        case.assignments = tuple([new if other is one else other for other in case.assignments])
    return sent


def _earliest(case: Case, now: datetime) -> Assignment | None:
    """The task of which a step has come due first; None if none has."""
    due = [(one.timer_at, number) for number, one in enumerate(case.assignments) if one.timer_at is not None]
    at, number = min(due, default=(None, 0))
    return None if at is None or at > now else case.assignments[number]


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
    sent: list[Escalation] = []
    case.assignments = tuple(
        [
            one if not silenced and any(one is old for old in before) else _followed(case, one, change, sent)
            for one in case.assignments
        ]
    )
    return sent


def _followed(case: Case, one: Assignment, change: ChangedTasks, sent: list[Escalation]) -> Assignment:
    """A changed assignment with what follows for its ladder. Appends to `sent`."""
    ladder, over = change.city.catalogue.ladder(case.matter, one.role), set[str]()
    for milestone in (*one.milestones, None) if one.sent and ladder is not None else ():
        settled = _settled(one, milestone, change.at)
        if settled is None or ladder is None:
            continue
        rungs = [step for step in ladder.steps if step.kind == "escalation" and step_key(step, milestone) in one.sent]
        sent += [_cleared(case, one, Due(step, change.at, milestone), settled, change) for step in rungs]
        over |= {step_key(step, milestone) for step in rungs}
    if over:  # they begin again if the task comes back
        one = replace(one, sent=tuple([name for name in one.sent if name not in over]), round=one.round + 1)
    at = timer_of(case, next_of(case, one, change.city))
    return one if at == one.timer_at else replace(one, timer_at=at)


def _settled(one: Assignment, milestone: Milestone | None, at: datetime) -> Settled | None:
    """How what was escalated about a limit of a task is settled; None if the task still runs after its end."""
    due_at, done_at = one.due_at, None
    if milestone is not None:
        due_at, done_at = milestone.due_at, milestone.done_at
    if done_at is None and (runs(one) or one.stage == "suspended"):
        return "more-time" if due_at is None or at < due_at else None
    return "in-time" if due_at is None or (done_at or at) <= due_at else "late"


def _sent(case: Case, one: Assignment, due: Due, city: City, now: datetime) -> Escalation:
    """The record of a step that has come due."""
    made = _escalation(case, one, due, city.catalogue.ladder(case.matter, one.role))
    end = "" if made.due_at is None else made.due_at.isoformat()
    part = "" if due.milestone is None else f" for {due.milestone.name}"
    if due.step.kind == "reminder":
        reason = f"the limit of {one.department}{part} ends at {end}"
    else:
        reason = f"{one.department} has not answered: its limit{part} ended at {end}"
    expected = timer_of(case, due) or due.at
    if expected > due.at:
        reason += f"; the case was silenced until {expected.isoformat()}"
    return replace(made, at=due.at, sent_at=now, late=now - expected > LATE, reason=reason)


_SETTLED: dict[Settled, str] = {
    "in-time": "the task left {} before its limit ended, and the router heard of it later",
    "late": "the task left {} after its limit had ended",
    "more-time": "{} has more time, or its time is paused",
}


def _cleared(case: Case, one: Assignment, due: Due, settled: Settled, change: ChangedTasks) -> Escalation:
    """What an authority hears when the task is settled of which it heard before."""
    made = _escalation(case, one, due, change.city.catalogue.ladder(case.matter, one.role))
    reason = _SETTLED[settled].format(one.department)
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


def _escalation(case: Case, one: Assignment, due: Due, ladder: Ladder | None) -> Escalation:
    """What all records of a step have in common, in two steps: a call with more than 15 arguments makes a dictionary of them."""
    step, milestone = due.step, due.milestone
    made = Escalation(
        id=f"{one.task}/{one.round}/{due.key}",
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
        due_at=one.due_at if milestone is None else milestone.due_at,
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
        milestone=None if milestone is None else milestone.id,
        due_provisional=one.due_provisional if milestone is None else milestone.due_provisional,
        status=case.status,
        urgency=case.urgency,
        severity=case.severity,
    )
