"""A catalogue switched in mid-replay, and whether any report was decided by a mixture of the two."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice

from msgspec import Struct

from router.domain.model.case import Case
from router.domain.rules.city import City
from router.simulator.messages import Message


class Switch(Struct, frozen=True, kw_only=True):
    """Another edition, and the received time from which it holds."""

    old: City
    new: City
    since: datetime


class Switched(Struct, frozen=True, kw_only=True):
    """What the switch did to the cases."""

    by_old: int
    by_new: int
    """Cases decided by either edition."""
    late: int
    """Cases opened after the switch and decided by the old edition, because a worker had not read the new one in time."""
    mixed: int
    """Cases whose departments are not exactly those of the one edition that they carry."""


def middle(messages: Iterator[Message], count: int) -> datetime:
    """Received time in the middle of so many messages."""
    return next(islice(messages, count // 2, None)).received_at


def examine(switch: Switch, cases: Iterable[Case]) -> Switched:
    """Route every case again by the edition it carries and compare."""
    editions: Mapping[str, City] = {switch.old.edition: switch.old, switch.new.edition: switch.new}
    counts = dict.fromkeys(editions, 0)
    late = mixed = 0
    for case in cases:
        city = editions.get(case.edition)
        if city is None or not _whole(case, city):
            mixed += 1
            continue
        counts[case.edition] += 1
        late += case.edition == switch.old.edition and case.opened_at >= switch.since
    return Switched(by_old=counts[switch.old.edition], by_new=counts[switch.new.edition], late=late, mixed=mixed)


def _whole(case: Case, city: City) -> bool:
    """Whether catalogue, matter and departments of a case are all of one edition."""
    route = city.catalogue.route(case.matter, case.cell, case.opened_at)
    wanted = [(one.department, one.role, one.rule, one.unit) for one in route.assigned]
    stand = [(a.department, a.role, a.rule, a.unit) for a in case.assignments if a.withdrawn_at is None]
    known = case.matter in city.catalogue.matters and case.cell in city.cells.cells
    return case.catalogue == city.catalogue.version and known and sorted(stand, key=str) == sorted(wanted, key=str)
