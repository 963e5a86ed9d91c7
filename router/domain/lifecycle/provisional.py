"""Deadlines that reach into a year without a calendar are provisional. They move when the year is published.

A tick says which rule set is in effect. So the move happens at one place in the log, however often the log is folded.
Docs: docs/explanation/deadlines.md.
"""

from dataclasses import replace as with_fields
from datetime import datetime

from router.domain.case.dispatch import lifecycle_of, timed
from router.domain.lifecycle.escalating import ChangedTasks, follow_tasks
from router.domain.lifecycle.journal import moved_deadline
from router.domain.lifecycle.ladder import next_of, with_timer
from router.domain.lifecycle.stages import is_live
from router.domain.lifecycle.waits import with_wait
from router.domain.model.case import Assignment, Case
from router.domain.model.escalation import Escalation
from router.domain.model.transition import Transition
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleLookup


def city_of(case: Case, rules: RuleLookup) -> City:
    """The rule set of a case, with the calendar that counts for it.

    Raises:
        RuleSetError: a rule set is not at hand.
    """
    city = rules.of(case.rule_set)
    return with_fields(city, calendar=rules.of(case.calendar_set).calendar) if case.calendar_set else city


def move_deadlines(case: Case, city: City, version: str, now: datetime) -> tuple[list[Transition], list[Escalation]]:
    """Let the provisional deadlines of a case follow a calendar, which counts for the case from then on.

    Args:
        case: changed in place.
        city: the rule set of the case, with the new calendar.
        version: of the rule set that has the calendar.
        now: the instant of the tick.

    Returns:
        A transition for each task whose deadline is another now, and what follows for its ladder. The next step of a ladder moves alone
        if the limit before it does not reach into the year.
    """
    before, transitions = case.assignments, []
    found = list(before)
    for number, one in enumerate(before):
        new = _moved(case, one, city)
        if new is one:
            continue
        found[number] = new
        transitions.append(moved_deadline(case, new, now, version, f"its year is published: {_ends(one, new)}"))
    case.assignments, case.calendar_set = tuple(found), version
    escalations = follow_tasks(case, before, ChangedTasks(city, now, now))
    case.assignments = tuple(
        [with_timer(case, one, next_of(case, one, city)) if one.timer_provisional else one for one in case.assignments]
    )
    return transitions, escalations


def _moved(case: Case, one: Assignment, city: City) -> Assignment:
    """The assignment by a calendar; the same object if nothing of it has moved."""
    new = one
    if one.due_provisional and is_live(one):
        timed_now = timed(one, one.dispatched_at or case.opened_at, city.calendar)
        if timed_now.due_at is not None and timed_now != one:
            new = timed_now
    if one.wait_provisional and is_live(one):
        limit = lifecycle_of(case, city.catalogue).limits.get(one.stage)
        if limit is not None:
            new = with_wait(new, limit, one.stage_at or case.opened_at, city.calendar)
    return new


def _ends(old: Assignment, new: Assignment) -> str:
    """Which limits have moved, for people."""
    said: list[str] = []
    if new.due_at is not None and (new.due_at, new.due_provisional, new.milestones) != (
        old.due_at,
        old.due_provisional,
        old.milestones,
    ):
        said.append(_end("the limit", new.due_at, provisional=new.due_provisional))
    if new.wait_until is not None and (new.wait_until, new.wait_provisional) != (old.wait_until, old.wait_provisional):
        said.append(_end(f"the limit for `{new.stage}`", new.wait_until, provisional=new.wait_provisional))
    return ", and ".join(said)


def _end(name: str, at: datetime, *, provisional: bool) -> str:
    return f"{name} ends at {at.isoformat()}" + (", provisionally" if provisional else "")
