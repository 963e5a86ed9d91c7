"""A case whose reports mean another matter or place: its departments are decided again, at once or when it is opened again."""

from datetime import datetime
from sys import intern

from router.domain.case.dispatch import first_stage, lifecycle_of, reassign
from router.domain.lifecycle.lifecycles import START
from router.domain.model.case import Case, RoutedFor
from router.domain.model.transition import TaskStage
from router.domain.rules.city import City


def decide_by(case: Case, city: City, rule_set: str) -> None:
    """Let a case follow another rule set from now on.

    Args:
        case: changed in place.
        city: the rule set.
        rule_set: its version.
    """
    case.catalogue, case.rule_set, case.calendar_set = city.catalogue.version, intern(rule_set), ""


def remember_routing(case: Case, before: RoutedFor) -> bool:
    """Remember what the tasks of a case are about that has none to work on, after its reports have changed.

    Args:
        case: as it is now; changed in place.
        before: what it said before.

    Returns:
        Whether it says something else now than before.
    """
    now = RoutedFor(case.matter, case.cell)
    routed = case.routed_for or before
    case.routed_for = None if routed == now else routed
    return now != before


def route_again(case: Case, city: City, at: datetime, why: str) -> None:
    """Decide the departments of a case again, by what it says now.

    Args:
        case: changed in place.
        city: the rule set of the case.
        at: when it takes effect.
        why: the cause, for people.
    """
    lifecycle = lifecycle_of(case, city.catalogue)
    _route(case, city, at, why, begin=first_stage(case, lifecycle))


def open_again(case: Case, city: City, at: datetime) -> None:
    """Open a closed or rejected case whose tasks were about something else: the departments of what it says now get new tasks at once, and
    the earlier tasks stay as they ended.

    Args:
        case: with `routed_for`; changed in place.
        city: the rule set of the case.
        at: when it takes effect.
    """
    routed = case.routed_for or RoutedFor(case.matter, case.cell)
    was, is_now = (routed.cell, case.cell) if routed.matter == case.matter else (routed.matter, case.matter)
    _route(case, city, at, f"{was} had become {is_now} when a supervisor opened it again", begin=START)


def _route(case: Case, city: City, at: datetime, why: str, *, begin: TaskStage) -> None:
    route = city.catalogue.route(case.matter, case.cell, at)
    case.reason = f"{route.reason}; routed again, because {why}"
    case.assignments = reassign(case, route, at, lifecycle_of(case, city.catalogue), city.calendar, begin=begin)
    case.routed_for = None
