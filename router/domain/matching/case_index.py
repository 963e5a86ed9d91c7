"""The candidates of one partition by place, component and reference.

The order in which cases were added has no influence on what a search finds. Docs: docs/explanation/merging.md.

A key of a table mostly has one case. It has the candidate itself then, and a list or a dictionary only from the second case on:
a list of one costs nearly as much memory as the candidate, and a class around the two would cost more than the list.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from heapq import nsmallest
from math import cos, floor, radians
from operator import attrgetter
from typing import Any, TypeVar

from router.domain.cells.registry import COMMUNITY, STREET
from router.domain.matching.candidate import MatchCandidate
from router.domain.matching.parameters import MergeParameters, Pair
from router.domain.model.vocabulary import BY_POINT

MAX_CANDIDATES = 32
"""How many cases of one matter are compared in one square or one community: those whose latest report is nearest in time. Where there
are more, nearness means nothing, and a report must not cost more. Cases with room come first: in a flood of one incident most are full,
and behind them the one with room would not be found."""
MAX_TIED = 256
"""If this number of cases has one instant, the MAX_CANDIDATES nearest in place are compared. A source that gives days for times, or a storm, has
more than MAX_CANDIDATES at one instant, and the very address of a report would be hidden."""
_NORTHERNMOST = 89.0

_WHEN = attrgetter("full", "last_us", "case.id")
"""Sort key of the cases of one matter and place."""
_FULL, _LATEST = attrgetter("full"), attrgetter("last_us")
Spot = TypeVar("Spot")
Point = tuple[float, float]
"""Longitude and latitude."""
Cases = MatchCandidate | list[MatchCandidate]
"""One case, or several: first those with room, then the full ones, each sorted by the occurrence of their latest report."""
Kinds = dict[str, Cases]
"""Matter, component or reference -> cases."""
There = MatchCandidate | Kinds
"""The candidates of one place: the only case, or cases by matter."""
Table = dict[Spot, There]


class CaseIndex:
    """The candidates of one partition by place, component and reference."""

    def __init__(self) -> None:
        self._squares: dict[str, Table[int]] = {}
        """Street -> square -> cases with a point. A square is twice the search radius wide, so four cover a circle."""
        self._with_point: Table[str] = {}
        self._without_point: Table[str] = {}
        """Community -> cases. A case whose community is unknown is in neither table."""
        self._components: dict[str, Kinds] = {}
        """Street -> component -> cases."""
        self._references: dict[str, Kinds] = {}
        """Street -> reference -> cases."""
        self._open: dict[str, dict[str, int]] = {}
        """Street -> matter -> number of candidates with room, if the city has a frequency penalty."""

    def add(self, entry: MatchCandidate, merging: MergeParameters) -> None:
        """Add a candidate."""
        if merging.frequency_penalty:
            self._count(entry, 1)
        for table, place in self._places(entry, merging):
            there = table.get(place)
            if there is None:
                table[place] = entry
            else:
                if isinstance(there, MatchCandidate):
                    there = table[place] = {there.case.matter: there}
                _enter(there, entry.case.matter, entry)
        for kinds, name in self._names(entry):
            _enter(kinds, name, entry)

    def remove(self, entry: MatchCandidate, merging: MergeParameters) -> None:
        """Remove a candidate, before its case changes. `PartitionState.changing` is the caller that keeps this order."""
        if merging.frequency_penalty:
            self._count(entry, -1)
        for table, place in self._places(entry, merging):
            there = table[place]
            if isinstance(there, MatchCandidate):
                del table[place]
            else:
                _leave(there, entry.case.matter, entry)
                if not there:
                    del table[place]
        for kinds, name in self._names(entry):
            _leave(kinds, name, entry)

    def _count(self, entry: MatchCandidate, more: int) -> None:
        if entry.full:  # another case continues it: the two are one incident
            return
        counts, matter = self._open.setdefault(entry.case.cell[:STREET], {}), entry.case.matter
        counts[matter] = counts.get(matter, 0) + more

    def counts(self, cell: str) -> Mapping[str, int]:
        """Number of candidates with room by matter in the cell's street, if the city has a frequency penalty."""
        return self._open.get(cell[:STREET], {})

    def _places(self, entry: MatchCandidate, merging: MergeParameters) -> list[tuple[Table[Any], int | str]]:
        """The tables and keys that have a case by its place."""
        case = entry.case
        if case.lon is not None and case.lat is not None:
            size = merging.square
            row = floor(case.lat / size)
            square = _square(row, floor(case.lon / _width(row, size)))
            squares = self._squares.setdefault(case.cell[:STREET], {})
            if case.resolved_by == "fallback":  # a point outside every cell, and nothing says in which community
                return [(squares, square)]
            # a point outside every cell may be wrong, so its community counts as if there were none
            table = self._with_point if case.resolved_by in BY_POINT else self._without_point
            return [(squares, square), (table, case.cell[:COMMUNITY])]
        if case.resolved_by != "fallback":
            return [(self._without_point, case.cell[:COMMUNITY])]
        return []

    def _names(self, entry: MatchCandidate) -> list[tuple[Kinds, str]]:
        """The tables and keys that have a case by its component and its references."""
        case, names = entry.case, []
        if case.component_id is not None:
            names.append((self._components.setdefault(case.cell[:STREET], {}), case.component_id))
        if entry.references:
            kinds = self._references.setdefault(case.cell[:STREET], {})
            names += [(kinds, reference) for reference in entry.references]
        return names

    def near(self, cell: str, lon: float, lat: float, merging: MergeParameters) -> list[There]:
        """Cases of the cell's street whose point is within the search radius of this one, and some beyond, by matter."""
        squares, size = self._squares.get(cell[:STREET]), merging.square
        if not squares:
            return []
        top = round(lat / size)  # the radius is half a square: beside its own, only the nearer neighbour matters
        found: list[There] = []
        for row in (top - 1, top):
            right = _square(row, round(lon / _width(row, size)))
            found += [squares[square] for square in (right - 1, right) if square in squares]
        return found

    def in_community(self, cell: str, *, with_point: bool) -> list[There]:
        """Cases of the cell's community by matter: those without a point and, with `with_point`, those with one."""
        community = cell[:COMMUNITY]
        found = [self._without_point[community]] if community in self._without_point else []
        if with_point and community in self._with_point:
            found.append(self._with_point[community])
        return found

    def of_component(self, cell: str, component_id: str, occurred_us: int) -> Sequence[MatchCandidate]:
        """Cases of the cell's street that are about this component, at most MAX_CANDIDATES."""
        return _compared(self._components.get(cell[:STREET], {}).get(component_id, []), occurred_us)

    def of_reference(self, cell: str, reference: str) -> Sequence[MatchCandidate]:
        """Cases of the cell's street that name this reporter or person: those with room, or else the latest full one."""
        cases = _all(self._references.get(cell[:STREET], {}).get(reference, []))
        if not cases or not cases[-1].full:
            return cases
        return cases[: bisect_left(cases, True, key=_FULL)] or cases[-1:]

    def listed(self) -> list[dict[Any, dict[str, list[str]]]]:
        """The ids of the cases under every key, table by table, for comparing two indexes."""
        squares = {
            (street, square): there for street, table in self._squares.items() for square, there in table.items()
        }
        tables: tuple[Mapping[Any, There], ...] = (
            squares,
            self._with_point,
            self._without_point,
            self._components,
            self._references,
        )
        return [{place: _listed(there) for place, there in table.items() if there} for table in tables]


def _enter(kinds: Kinds, kind: str, entry: MatchCandidate) -> None:
    cases = kinds.get(kind)
    if cases is None:
        kinds[kind] = entry
        return
    if isinstance(cases, MatchCandidate):
        cases = kinds[kind] = [cases]
    last = cases[-1]
    if last.full is entry.full and last.last_us < entry.last_us:
        cases.append(entry)
    else:
        insort(cases, entry, key=_WHEN)


def _leave(kinds: Kinds, kind: str, entry: MatchCandidate) -> None:
    cases = kinds[kind]
    if isinstance(cases, MatchCandidate) or len(cases) == 1:
        del kinds[kind]
    elif len(cases) > MAX_CANDIDATES:
        del cases[bisect_left(cases, _WHEN(entry), key=_WHEN)]
    else:
        cases.remove(entry)


def _all(cases: Cases) -> Sequence[MatchCandidate]:
    return cases if isinstance(cases, list) else (cases,)


def _listed(there: There) -> dict[str, list[str]]:
    kinds = {there.case.matter: there} if isinstance(there, MatchCandidate) else there
    return {kind: sorted(entry.case.id for entry in _all(cases)) for kind, cases in kinds.items()}


def candidates(
    pairs: Mapping[str, Pair], found: Iterable[There], occurred_us: int, point: Point | None = None
) -> list[tuple[Pair, Sequence[MatchCandidate]]]:
    """The cases of matters that may be the same thing, with their pair; at most MAX_CANDIDATES of each matter and place.

    Args:
        pairs: matter -> its pair with the matter of the report.
        found: of the index.
        occurred_us: of the report.
        point: longitude and latitude of the report, if all cases have a point.
    """
    affine: list[tuple[Pair, Sequence[MatchCandidate]]] = []
    for there in found:
        if isinstance(there, MatchCandidate):
            if there.case.matter in pairs:
                affine.append((pairs[there.case.matter], (there,)))
            continue
        for matter, pair in pairs.items():
            if matter in there:
                affine.append((pair, _compared(there[matter], occurred_us, point)))
    return affine


def _compared(cases: Cases, occurred_us: int, point: Point | None = None) -> Sequence[MatchCandidate]:
    """At most MAX_CANDIDATES cases: those with room whose latest report is nearest to an instant, then such full ones.

    At the same instant the nearest in place count.
    """
    if isinstance(cases, MatchCandidate):
        return (cases,)
    if len(cases) <= MAX_CANDIDATES:
        return cases
    rooms = bisect_left(cases, True, key=_FULL)
    if rooms >= MAX_CANDIDATES:
        return _nearest(cases, 0, rooms, occurred_us, MAX_CANDIDATES, point=point)
    return cases[:rooms] + _nearest(cases, rooms, len(cases), occurred_us, MAX_CANDIDATES - rooms)


def _nearest(
    cases: list[MatchCandidate], begin: int, end: int, occurred_us: int, most: int, *, point: Point | None = None
) -> list[MatchCandidate]:
    """The `most` of the cases from `begin` to `end` whose latest report is nearest to an instant."""
    middle = bisect_left(cases, occurred_us, begin, end, key=_LATEST)
    first = max(begin, min(middle - most // 2, end - most))
    last = first + most
    if point is None:
        return cases[first:last]
    low, high = first, last
    if first > begin and cases[first - 1].last_us == cases[first].last_us:
        low = bisect_left(cases, cases[first].last_us, max(begin, first - MAX_TIED), first, key=_LATEST)
    if last < end and cases[last].last_us == cases[last - 1].last_us:
        high = bisect_right(cases, cases[last - 1].last_us, last, min(end, last + MAX_TIED), key=_LATEST)
    if high - low == most:
        return cases[first:last]
    return _nearest_in_place(cases[low:high], occurred_us, most, *point)


def _nearest_in_place(
    cases: Iterable[MatchCandidate], occurred_us: int, most: int, lon: float, lat: float
) -> list[MatchCandidate]:
    """The `most` cases whose latest report is nearest to an instant; at the same instant those whose first point is nearest."""
    narrow = cos(radians(lat)) ** 2

    def far(entry: MatchCandidate) -> tuple[int, float]:
        east, north = entry.case.lon - lon, entry.case.lat - lat  # type: ignore[operator]  # squares have cases with a point
        return abs(entry.last_us - occurred_us), east * east * narrow + north * north

    return nsmallest(most, cases, far)


def _square(row: int, column: int) -> int:
    """One number for a square of a street: a tuple costs four times the memory. There are far fewer columns than 2^31."""
    return (row << 32) + column


@lru_cache(maxsize=1 << 12)
def _width(row: int, size: float) -> float:
    """Width of the squares of a row in degrees of longitude: at their narrowest they are as many metres wide as high.

    The next row towards the pole counts as well, because the distance of two points in two rows is measured half way.
    """
    edge = max(abs(row - 1), abs(row + 2)) * size
    return size / cos(radians(min(edge, _NORTHERNMOST)))
