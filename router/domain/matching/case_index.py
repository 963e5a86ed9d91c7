"""Open cases of one partition by place and time, and what correlation must know of each beside the case itself.

The order in which cases entered has no influence on what is found. Docs: docs/explanation/merging.md.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import cos, floor, radians
from operator import attrgetter
from typing import Any, TypeVar

from router.domain.cells.registry import COMMUNITY, STREET
from router.domain.matching.candidate import MatchCandidate
from router.domain.matching.parameters import MergeParameters, Pair

MAX_CANDIDATES = 32
"""Cases of one matter in one square, or one community, that are looked at: those whose latest report lies nearest in time.
Where more are open, nearness tells nothing any more, and a report must not cost more for it."""
_NORTHERNMOST = 89.0


_WHEN, _LATEST = attrgetter("last_us", "case.id"), attrgetter("last_us")
"""How cases of one matter and place are sorted."""
Spot = TypeVar("Spot")
Cases = MatchCandidate | list[MatchCandidate]
"""One case, or several by the time of their latest report. Most are alone, and a list of one costs nearly as much as an `MatchCandidate`."""
Kinds = dict[str, Cases]
"""Matter, component or reference -> cases."""
There = MatchCandidate | Kinds
"""What is open in one place: the only case, or cases by matter."""
Table = dict[Spot, There]


class CaseIndex:
    """Open cases of one partition, by place and time. The order in which cases entered has no influence on what is found."""

    def __init__(self) -> None:
        self._squares: dict[str, Table[int]] = {}
        """Street -> square -> cases with a point. The squares are twice the reach wide, so that four cover a circle."""
        self._with_point: Table[str] = {}
        self._without_point: Table[str] = {}
        """Community -> cases; those of which not even the community is known are in neither."""
        self._components: dict[str, Kinds] = {}
        """Street -> component -> cases."""
        self._references: dict[str, Kinds] = {}
        """Street -> reference -> cases."""
        self._open: dict[str, dict[str, int]] = {}
        """Street -> matter -> how many cases are open, where the city wants it counted."""

    def add(self, entry: MatchCandidate, merging: MergeParameters) -> None:
        """Make a case a candidate."""
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
        """It is no candidate any more; to be called before its matter, place, component or latest report changes."""
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
        counts, matter = self._open.setdefault(entry.case.cell[:STREET], {}), entry.case.matter
        counts[matter] = counts.get(matter, 0) + more

    def counts(self, cell: str) -> Mapping[str, int]:
        """How many cases of each matter are open in the cell's street, if the city wants it counted."""
        return self._open.get(cell[:STREET], {})

    def _places(self, entry: MatchCandidate, merging: MergeParameters) -> list[tuple[Table[Any], int | str]]:
        """Where a case is found by its matter."""
        case = entry.case
        if case.lon is not None and case.lat is not None:
            size = merging.square
            row = floor(case.lat / size)
            square = _square(row, floor(case.lon / _width(row, size)))
            squares = self._squares.setdefault(case.cell[:STREET], {})
            return [(squares, square), (self._with_point, case.cell[:COMMUNITY])]
        if case.resolved_by != "fallback":
            return [(self._without_point, case.cell[:COMMUNITY])]
        return []

    def _names(self, entry: MatchCandidate) -> list[tuple[Kinds, str]]:
        """Where a case is found by what it names."""
        case, names = entry.case, []
        if case.component_id is not None:
            names.append((self._components.setdefault(case.cell[:STREET], {}), case.component_id))
        if entry.references:
            kinds = self._references.setdefault(case.cell[:STREET], {})
            names += [(kinds, reference) for reference in entry.references]
        return names

    def near(self, cell: str, lon: float, lat: float, merging: MergeParameters) -> list[There]:
        """Cases of the cell's street with a point in the reach of this one, and some beyond, by matter."""
        squares, size = self._squares.get(cell[:STREET]), merging.square
        if not squares:
            return []
        top = round(lat / size)  # the reach is half a square: beside its own, only the nearer neighbour matters
        found: list[There] = []
        for row in (top - 1, top):
            right = _square(row, round(lon / _width(row, size)))
            found += [squares[square] for square in (right - 1, right) if square in squares]
        return found

    def in_community(self, cell: str, *, with_point: bool) -> list[There]:
        """Cases of the cell's community by matter: those without a point and, if wanted, those with one."""
        community = cell[:COMMUNITY]
        found = [self._without_point[community]] if community in self._without_point else []
        if with_point and community in self._with_point:
            found.append(self._with_point[community])
        return found

    def of_component(self, cell: str, component_id: str) -> Sequence[MatchCandidate]:
        """Cases of the cell's street that are about this component."""
        return _all(self._components.get(cell[:STREET], {}).get(component_id, []))

    def of_reference(self, cell: str, reference: str) -> Sequence[MatchCandidate]:
        """Cases of the cell's street that name this reporter or person."""
        return _all(self._references.get(cell[:STREET], {}).get(reference, []))

    def listed(self) -> list[dict[Any, dict[str, list[str]]]]:
        """The ids of the cases under every key, table by table: for comparing two of them."""
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
    if cases[-1].last_us < entry.last_us:
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
    pairs: Mapping[str, Pair], found: Iterable[There], occurred_us: int
) -> list[tuple[Pair, Sequence[MatchCandidate]]]:
    """The cases of matters that may be the same thing, at most LOOKED_AT of each matter and place, with their pair."""
    affine: list[tuple[Pair, Sequence[MatchCandidate]]] = []
    for there in found:
        if isinstance(there, MatchCandidate):
            if there.case.matter in pairs:
                affine.append((pairs[there.case.matter], (there,)))
            continue
        for matter, pair in pairs.items():
            if matter in there:
                cases = there[matter]
                if isinstance(cases, MatchCandidate):
                    affine.append((pair, (cases,)))
                else:
                    affine.append((pair, cases if len(cases) <= MAX_CANDIDATES else _nearest(cases, occurred_us)))
    return affine


def _nearest(entries: list[MatchCandidate], occurred_us: int) -> list[MatchCandidate]:
    """Of too many those whose latest report lies around an instant."""
    middle = bisect_left(entries, occurred_us, key=_LATEST)
    first = max(0, min(middle - MAX_CANDIDATES // 2, len(entries) - MAX_CANDIDATES))
    return entries[first : first + MAX_CANDIDATES]


def _square(row: int, column: int) -> int:
    """One number for a square of a street: a tuple of its parts costs four times as much memory; columns are far fewer than 2^31."""
    return (row << 32) + column


@lru_cache(maxsize=1 << 12)
def _width(row: int, size: float) -> float:
    """Degrees of longitude of the squares of a row: as many metres as they are high where they are narrowest.

    One row more towards the pole counts, because the distance of two points in two rows is measured half way.
    """
    edge = max(abs(row - 1), abs(row + 2)) * size
    return size / cos(radians(min(edge, _NORTHERNMOST)))
