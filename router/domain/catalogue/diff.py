"""What two versions of a city's rules would route differently, grouped by matter, place and period.

The diff compares what becomes tasks: lead, assistants, limits and workflow of every matter in every cell at every time. It
ignores ids of duties, notes, names and the order of assistants, because they ask no other department to act.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from router.domain.calendar.diff import CalendarChange, calendar_changes
from router.domain.calendar.limits import read_limit
from router.domain.catalogue.code_tables import EVERY_OTHER, CodeTable
from router.domain.catalogue.escalations import Ladder
from router.domain.catalogue.lifecycle_diff import LifecycleChange, lifecycle_changes
from router.domain.catalogue.model import Receiver
from router.domain.catalogue.regions import Extent, Survey
from router.domain.catalogue.resolve import Catalogue, Matter
from router.domain.model.vocabulary import Role
from router.domain.rules.city import City

NONE = "none"


class Difference(Struct, frozen=True, kw_only=True):
    """One aspect of a route, before and after."""

    aspect: str
    """`lead`, `assist`, `limit`, `assist limit`, `ladder`, `assist ladder` or `workflow`."""
    before: str
    after: str


class RouteChange(Struct, frozen=True, kw_only=True):
    """Matters that the new rules route differently, all in the same way, with the places and periods."""

    matters: tuple[str, ...]
    extent: Extent
    differences: tuple[Difference, ...]


class Recoded(Struct, frozen=True, kw_only=True):
    """A network's code that now means another matter."""

    network: str
    code: str
    version: str | None
    before: str | None
    """None: the code had no meaning of its own, before or after."""
    after: str | None


class Diff(Struct, frozen=True, kw_only=True):
    """All differences between two versions of a city's rules."""

    changes: tuple[RouteChange, ...]
    matters_added: tuple[str, ...]
    matters_removed: tuple[str, ...]
    departments_added: tuple[str, ...]
    departments_removed: tuple[str, ...]
    codes: tuple[Recoded, ...]
    calendar: tuple[CalendarChange, ...] = ()
    lifecycles: tuple[LifecycleChange, ...] = ()

    @property
    def same(self) -> bool:
        """Whether the two versions are equal."""
        return not any(getattr(self, name) for name in self.__struct_fields__)


def diff(old: City, new: City) -> Diff:
    """Compare two versions over the cells of both."""
    before, after = old.catalogue, new.catalogue
    survey = Survey([before, after], sorted({*old.cells.cells, *new.cells.cells}))
    return Diff(
        changes=_changes(before, after, survey),
        matters_added=_without(after.matters, before.matters),
        matters_removed=_without(before.matters, after.matters),
        departments_added=_without(after.departments, before.departments),
        departments_removed=_without(before.departments, after.departments),
        codes=tuple(_codes(old.codes, new.codes)),
        lifecycles=lifecycle_changes(before, after),
        calendar=(*_zones(old, new), *calendar_changes(old.calendar, new.calendar), *_moving(old, new)),
    )


def _zones(old: City, new: City) -> Iterator[CalendarChange]:
    """The zone moves midnight and office hours, and so every limit and period."""
    if str(old.zone) != str(new.zone):
        yield CalendarChange(what="time zone", before=str(old.zone), after=str(new.zone))


def _moving(old: City, new: City) -> Iterator[CalendarChange]:
    """Provisional deadlines of running tasks move when their year is published: those of limits in working time."""
    if old.calendar is None or new.calendar is None or new.calendar.last <= old.calendar.last:
        return
    matters = old.catalogue.matters.values()
    limits = {limit for matter in matters for limit in matter.limits.values() if limit}
    parts = [one.limit for matter in matters for found in matter.milestones.values() for one in found]
    limits |= {limit for text in parts if (limit := read_limit(text)) is not None}
    texts = sorted({str(limit) for limit in limits if limit.calendar != "calendar-hours"})
    if texts:
        what = f"running deadlines beyond {old.calendar.last}"
        yield CalendarChange(what=what, before="provisional", after=f"move, of the limits {', '.join(texts)}")


def _without(names: Mapping[str, object], others: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(sorted(names.keys() - others.keys()))


def _changes(before: Catalogue, after: Catalogue, survey: Survey) -> tuple[RouteChange, ...]:
    """Compare the matters of both versions. Matters that change alike, in the same places and periods, share one entry."""
    grouped: defaultdict[tuple[Extent, tuple[Difference, ...]], list[str]] = defaultdict(list)
    for matter in sorted(before.matters.keys() & after.matters.keys()):
        answers = {
            place: [_differences(before, after, matter, place, at) for at in survey.moments] for place in survey.kinds
        }
        for differences, extent in survey.extents(answers):
            grouped[extent, differences].append(matter)
    changes = [
        RouteChange(matters=tuple(matters), extent=extent, differences=differences)
        for (extent, differences), matters in grouped.items()
    ]
    return tuple(sorted(changes, key=_order))


def _order(change: RouteChange) -> tuple[object, ...]:
    since = change.extent.since
    return change.matters, since is not None, since and since.timestamp(), change.extent.areas


def _differences(
    before: Catalogue, after: Catalogue, matter: str, cell: str, at: datetime
) -> tuple[Difference, ...] | None:
    """The aspects that differ. None: the route is the same."""
    one, other = (_aspects(catalogue, matter, cell, at) for catalogue in (before, after))
    found = tuple(
        Difference(aspect=aspect, before=one[aspect], after=other[aspect])
        for aspect in one
        if one[aspect] != other[aspect]
    )
    return found or None


def _aspects(catalogue: Catalogue, matter: str, cell: str, at: datetime) -> dict[str, str]:
    """The route as text. Units cut from the cell code stay symbolic, so that cells can be grouped."""
    winner = catalogue.winner(matter, cell, at)
    known = catalogue.matters[matter]
    lead = winner.duty.lead if winner else catalogue.fallback
    assist = winner.duty.assist if winner else ()
    return {
        "lead": receiver(lead) if lead else NONE,
        "assist": ", ".join(sorted(map(receiver, assist))) or NONE,
        "limit": _limit(known, "lead") if lead else NONE,
        "assist limit": _limit(known, "assist") if assist else NONE,
        "ladder": _ladder(catalogue.ladder(matter, "lead")) if lead else NONE,
        "assist ladder": _ladder(catalogue.ladder(matter, "assist")) if assist else NONE,
        "workflow": known.workflow or NONE,
    }


def _ladder(ladder: Ladder | None) -> str:
    """Its reminders and rungs, e.g. `4h before, town after 0h`; its id says nothing about who hears what."""
    if ladder is None or not ladder.steps:
        return NONE
    return ", ".join(
        [f"{one.limit} before" if one.kind == "reminder" else f"{one.id} after {one.limit}" for one in ladder.steps]
    )


def receiver(one: Receiver) -> str:
    """`department`, or `department/unit`."""
    return f"{one.department}/{one.unit}" if one.unit else one.department


def _limit(matter: Matter, role: Role) -> str:
    """A limit with the milestones before it, e.g. `stop 4wh, then 20wd`."""
    parts = [f"{one.id} {one.limit}" for one in matter.milestones.get(role, ())]
    return ", ".join([*parts, f"{'then ' if parts else ''}{matter.limits.get(role) or NONE}"])


def _codes(old: Mapping[str, CodeTable], new: Mapping[str, CodeTable]) -> Iterator[Recoded]:
    """Codes that mean another matter in the other version."""
    for network in sorted({*old, *new}):
        tables = [tables[network] for tables in (old, new) if network in tables]
        rows = {(row.code, row.version) for table in tables for row in table.codes}
        for code, version in sorted(rows, key=lambda row: (row[0], row[1] or "")):
            before, after = (
                tables[network].matter(code, version) if network in tables else None for tables in (old, new)
            )
            if before != after:
                yield Recoded(network=network, code=code, version=version, before=before, after=after)
        before, after = (_otherwise(tables.get(network)) for tables in (old, new))
        if before != after:
            yield Recoded(network=network, code=EVERY_OTHER, version=None, before=before, after=after)


def _otherwise(table: CodeTable | None) -> str | None:
    """The matter of the classes that a table lacks."""
    return None if table is None or table.otherwise is None else table.otherwise.matter
