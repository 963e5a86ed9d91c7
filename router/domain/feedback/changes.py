"""What each kind of feedback changes: the assignments of the case afterwards. What is not named here changes the stage of its own task."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from router.domain.calendar.budget import Pause, is_countable
from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.deadlines import due_at
from router.domain.calendar.limits import Limit, read_limit
from router.domain.case.dispatch import dispatched, lifecycle_of, new_assignment, timed, withdrawn
from router.domain.case.milestones import done_until, with_milestones
from router.domain.catalogue.model import ARBITRATION, Receiver
from router.domain.feedback.returns import assigned_to, next_receiver
from router.domain.lifecycle.lifecycles import START
from router.domain.lifecycle.stages import is_live, is_planned, next_stage, stage_of
from router.domain.lifecycle.waits import with_wait, without_wait
from router.domain.model.case import Assignment, Case
from router.domain.model.feedback import SUPERVISION, Feedback
from router.domain.model.transition import TaskStage
from router.domain.rules.city import City

LATE = timedelta(hours=12)
"""What was handled in time and delivered later, because a phone was offline, is judged by when it happened. After more than that it is
judged by when it was received."""
LONGEST_SILENCE = timedelta(days=30)
"""A silence is bounded, as in alerting systems: one that was forgotten ends."""


def effective_at(feedback: Feedback, assignment: Assignment) -> datetime:
    """When the feedback takes effect: when it happened, unless it was delivered too late, and never before the stage began."""
    happened = feedback.occurred_at if feedback.received_at - feedback.occurred_at <= LATE else feedback.received_at
    since = assignment.stage_at or assignment.dispatched_at
    return happened if since is None else max(happened, since)


Change = Callable[[Case, Assignment, Feedback, City, datetime], tuple[Assignment, ...]]


def _answered(case: Case, one: Assignment, feedback: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """The task goes on to its next stage. What is handled has all its milestones done."""
    new = replace(one, stage=_next(case, one, feedback, city), stage_at=at)
    if one.milestones and (feedback.kind == "handled" or feedback.milestone is not None):
        name = None if feedback.kind == "handled" else feedback.milestone
        new = with_milestones(new, done_until(one.milestones, name, at))
    return _with(case, one, new)


def _worked_on_again(
    case: Case, one: Assignment, feedback: Feedback, city: City, at: datetime
) -> tuple[Assignment, ...]:
    """The check failed. The time in which the department waited for it does not count."""
    new = replace(one, stage=_next(case, one, feedback, city), stage_at=at, pauses=_paused(one, at))
    return _with(case, one, _timed(case, new, city))


def _suspended(case: Case, one: Assignment, _: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """The task's time stops."""
    pauses = (*one.pauses, Pause(since=at))
    new = replace(one, stage="suspended", stage_at=at, resumes=stage_of(one), pauses=pauses)
    return _with(case, one, _timed(case, new, city))


def _resumed(case: Case, one: Assignment, feedback: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """The task goes on at the stage from which it was suspended."""
    pauses = (*one.pauses[:-1], replace(one.pauses[-1], until=at)) if one.pauses else ()
    new = replace(one, stage=_next(case, one, feedback, city), stage_at=at, resumes=None, pauses=pauses)
    return _with(case, one, _timed(case, new, city))


def _asked(case: Case, one: Assignment, feedback: Feedback, _: City, __: datetime) -> tuple[Assignment, ...]:
    """A supervisor must decide about more time."""
    return _with(case, one, replace(one, asked=feedback.limit))


def _granted(case: Case, one: Assignment, feedback: Feedback, city: City, _: datetime) -> tuple[Assignment, ...]:
    """The task has more time, from the end of what it had."""
    extensions = (*one.extensions, feedback.limit or one.asked or "")
    return _with(case, one, _timed(case, replace(one, asked=None, extensions=extensions), city))


def _not_granted(case: Case, one: Assignment, _: Feedback, __: City, ___: datetime) -> tuple[Assignment, ...]:
    """The task has the time that it had."""
    return _with(case, one, replace(one, asked=None))


def _timed(case: Case, one: Assignment, city: City) -> Assignment:
    return timed(one, one.dispatched_at or case.opened_at, city.calendar)


def _paused(one: Assignment, until: datetime) -> tuple[Pause, ...]:
    """The pauses of a task that was handled or closed until now."""
    return one.pauses if one.stage_at is None else (*one.pauses, Pause(since=one.stage_at, until=until))


def _returned(case: Case, one: Assignment, feedback: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """The task ends, and another department gets one with a limit of its own."""
    after = next_receiver(case, one, feedback, city.catalogue)
    new = new_assignment(case.id, len(case.assignments) + 1, after.assigned, at, city.calendar)
    new = replace(new, dispatched_at=at, final=after.final, arbitrates=after.arbitrates, why=after.why)
    return (*_with(case, one, replace(one, withdrawn_at=at, stage="returned", stage_at=at)), new)


def _rerouted(case: Case, one: Assignment, feedback: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """A supervisor, or the authority that arbitrates, decides whose the task is."""
    by_supervisor = feedback.sender == SUPERVISION
    rule, who = (
        (SUPERVISION, "a supervisor") if by_supervisor else (ARBITRATION, f"{one.department}, which arbitrates,")
    )
    assigned = assigned_to(case, _named(one, feedback), one.role, rule, city.catalogue)
    new = new_assignment(case.id, len(case.assignments) + 1, assigned, at, city.calendar)
    new = replace(new, dispatched_at=at, final=True, why=f"{who} decided: {feedback.reason}")
    return (*_with(case, one, withdrawn(one, at)), new)


def _transferred(case: Case, one: Assignment, feedback: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """Another department goes on with the task, and with its time: nothing begins again but the stage."""
    receiver = _named(one, feedback)
    new = replace(
        one,
        task=f"{case.id}.{len(case.assignments) + 1}",
        department=receiver.department,
        unit=receiver.unit,
        rule="transfer",
        dispatched_at=one.dispatched_at or case.opened_at,
        stage="dispatched",
        stage_at=at,
        why=f"{one.department} handed it over: {feedback.reason}",
        view=city.catalogue.view_of(receiver.department),
    )
    new = with_milestones(new, one.milestones)
    old = replace(withdrawn(one, at), sent=())  # what was escalated is settled when the other department has done it
    return (*_with(case, one, old), new)


def _supported(case: Case, one: Assignment, feedback: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """Another department gets a task as an assistant, with the limit that its matter has for assistants."""
    assigned = assigned_to(case, _named(one, feedback), "assist", "support", city.catalogue)
    new = new_assignment(case.id, len(case.assignments) + 1, assigned, at, city.calendar)
    new = replace(new, dispatched_at=at, why=f"{one.department} asks for support: {feedback.reason}")
    return (*case.assignments, new)


def _supervised(case: Case, one: Assignment, _: Feedback, __: City, at: datetime) -> tuple[Assignment, ...]:
    """A supervisor has an eye on the task."""
    return _with(case, one, replace(one, supervised_at=at))


def _named(one: Assignment, feedback: Feedback) -> Receiver:
    """The department that the feedback names."""
    return Receiver(department=feedback.department or one.department, unit=feedback.unit)


def _closed(case: Case, _: Assignment, __: Feedback, ___: City, at: datetime) -> tuple[Assignment, ...]:
    """Every task of the case is closed."""
    return tuple([replace(one, stage="closed", stage_at=at) if is_live(one) else one for one in case.assignments])


def _verified(case: Case, one: Assignment, feedback: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """Every planned task of the case goes on: to the decision whether it is filed, or to its department."""
    stage = _next(case, one, feedback, city)
    if stage == START:
        return _filed(case, one, feedback, city, at)
    return tuple(
        [
            replace(without_wait(other), stage=stage, stage_at=at) if is_planned(other) else other
            for other in case.assignments
        ]
    )


def _filed(case: Case, _: Assignment, __: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """The departments get their tasks, also those of a case that was rejected before."""
    return tuple(
        [
            dispatched(other, at, city.calendar)
            if is_planned(other) or (other.stage == "rejected" and other.withdrawn_at is None)
            else other
            for other in case.assignments
        ]
    )


def _rejected(case: Case, _: Assignment, __: Feedback, ___: City, at: datetime) -> tuple[Assignment, ...]:
    """No department gets a task."""
    return tuple(
        [
            replace(without_wait(one), stage="rejected", stage_at=at) if is_planned(one) else one
            for one in case.assignments
        ]
    )


def _silenced(case: Case, one: Assignment, _: Feedback, __: City, ___: datetime) -> tuple[Assignment, ...]:
    """Reminders and escalations of the case wait, as its answer says. It is another object only, so that the journal has who said so."""
    return _with(case, one, replace(one))


def silence_end(feedback: Feedback, at: datetime, city: City) -> datetime | None:
    """When a silence that begins at `at` ends; None if the city cannot count its limit, or it is too long."""
    limit = read_limit(feedback.limit or "")
    if limit is None or not is_countable(limit, city.calendar):
        return None
    until = due_at(at, limit, city.calendar).at
    return until if until - at <= LONGEST_SILENCE else None


def _reopened(case: Case, _: Assignment, __: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """Every task that was closed is worked on again, of several leads the latest, unless the case was routed again since. The time in which
    it was closed does not count.
    """
    closed = [one for one in case.assignments if stage_of(one) == "closed" and one.withdrawn_at is None]
    lead = next((one for one in reversed(closed) if one.role == "lead"), None)
    again = [one for one in closed if one.role != "lead" or one is lead]
    return tuple(
        [
            _timed(case, replace(one, stage="handling", stage_at=at, pauses=_paused(one, at)), city)
            if any(one is other for other in again)
            else one
            for one in case.assignments
        ]
    )


_CHANGES: dict[str, Change] = {
    "verified": _verified,
    "file": _filed,
    "reject": _rejected,
    "return": _returned,
    "check-failed": _worked_on_again,
    "suspend": _suspended,
    "resume": _resumed,
    "ask-extension": _asked,
    "grant-extension": _granted,
    "reject-extension": _not_granted,
    "reroute": _rerouted,
    "transfer": _transferred,
    "ask-support": _supported,
    "supervise": _supervised,
    "close": _closed,
    "reopen": _reopened,
    "silence": _silenced,
}
"""What feedback changes beyond the stage of its own task."""


def changed(case: Case, one: Assignment, feedback: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """The assignments of a case after legal feedback.

    Args:
        case: as it was.
        one: the assignment of the task.
        feedback: about it.
        city: the rule set of the case.
        at: when it takes effect.
    """
    after = _CHANGES.get(feedback.kind, _answered)(case, one, feedback, city, at)
    limits = lifecycle_of(case, city.catalogue).limits
    return tuple([_waiting(new, limits, at, city.calendar) for new in after])


def _waiting(
    one: Assignment, limits: Mapping[TaskStage, Limit], at: datetime, calendar: CityCalendar | None
) -> Assignment:
    """The assignment with the limit of its stage, which begins at `at` if it has none yet."""
    limit = limits.get(one.stage)
    if limit is None or not is_live(one):
        return without_wait(one)
    return one if one.wait_until is not None else with_wait(one, limit, at, calendar)


def _with(case: Case, old: Assignment, new: Assignment) -> tuple[Assignment, ...]:
    return tuple([new if one is old else one for one in case.assignments])


def _next(case: Case, one: Assignment, feedback: Feedback, city: City) -> TaskStage:
    stage = next_stage(one, feedback.kind, lifecycle_of(case, city.catalogue))
    assert stage is not None  # noqa: S101 - it is legal
    return stage
