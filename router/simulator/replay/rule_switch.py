"""Switches the rules in the middle of a replay, and checks whether any report was decided by a mixture of two rule sets."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice

from msgspec import Struct

from router.domain.model.case import Case
from router.domain.rules.city import City
from router.simulator.messages import SourceMessage


class Switch(Struct, frozen=True, kw_only=True):
    """Another rule set, and the received time from which it is effective."""

    old: City
    new: City
    effective_from: datetime


class Switched(Struct, frozen=True, kw_only=True):
    """What the switch did to the cases."""

    by_old: int
    by_new: int
    """Cases decided by either rule set."""
    late: int
    """Cases opened after the switch but decided by the old rule set, because a worker had not read the new one in time."""
    mixed: int
    """Cases whose departments are not exactly those of the rule set that they carry."""


def middle(messages: Iterator[SourceMessage], count: int) -> datetime:
    """Received time in the middle of this many messages."""
    return next(islice(messages, count // 2, None)).received_at


def examine(switch: Switch, cases: Iterable[Case]) -> Switched:
    """Route every case again by the rule set that it carries, and compare."""
    rule_sets: Mapping[str, City] = {switch.old.rule_set: switch.old, switch.new.rule_set: switch.new}
    counts = dict.fromkeys(rule_sets, 0)
    late = mixed = 0
    for case in cases:
        city = rule_sets.get(case.rule_set)
        if city is None or not _whole(case, city):
            mixed += 1
            continue
        counts[case.rule_set] += 1
        late += case.rule_set == switch.old.rule_set and case.opened_at >= switch.effective_from
    return Switched(by_old=counts[switch.old.rule_set], by_new=counts[switch.new.rule_set], late=late, mixed=mixed)


def _whole(case: Case, city: City) -> bool:
    """Whether catalogue, matter and departments of a case all follow one rule set."""
    route = city.catalogue.route(case.matter, case.cell, case.opened_at)
    assigned = route.assigned if case.state == "dispatched" else ()
    wanted = [(one.department, one.role, one.rule, one.unit) for one in assigned]
    stand = [(a.department, a.role, a.rule, a.unit) for a in case.assignments if a.withdrawn_at is None]
    known = case.matter in city.catalogue.matters and case.cell in city.cells.cells
    return case.catalogue == city.catalogue.version and known and sorted(stand, key=str) == sorted(wanted, key=str)
