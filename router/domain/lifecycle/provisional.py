"""Deadlines that reach into a year without a calendar are provisional. They move when the year is published.

A tick says which rule set is in effect. So the move happens at one place in the log, however often the log is folded.
Docs: docs/explanation/deadlines.md.
"""

from dataclasses import replace as with_fields
from datetime import datetime

from router.domain.case.dispatch import timed
from router.domain.lifecycle.escalating import ChangedTasks, follow_tasks
from router.domain.lifecycle.journal import moved_deadline
from router.domain.lifecycle.stages import is_live
from router.domain.model.case import Case
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
        A transition for each task whose deadline is another now, and what follows for its ladder.
    """
    before, transitions = case.assignments, []
    found = list(before)
    for number, one in enumerate(before):
        if not (one.due_provisional and is_live(one)):
            continue
        new = timed(one, one.dispatched_at or case.opened_at, city.calendar)
        same = (new.due_at, new.due_provisional, new.milestones) == (one.due_at, one.due_provisional, one.milestones)
        if same or new.due_at is None:
            continue
        found[number] = new
        end = new.due_at.isoformat()
        reason = f"its year is published: the limit ends at {end}" + (", provisionally" if new.due_provisional else "")
        transitions.append(moved_deadline(case, new, now, version, reason))
    case.assignments, case.calendar_set = tuple(found), version
    return transitions, follow_tasks(case, before, ChangedTasks(city, now, now))
