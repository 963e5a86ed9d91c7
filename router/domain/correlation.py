"""Which open case does a report belong to? Candidates from an index by place and time, scored by matter, time and distance.

    score = affinity of the matters
          x late / (late + (1 - late) x apart / window)
          x far ^ (metres / reach)^2, or `same_community` when one of the two has no point
          / (1 + crowding x rivals)

The rivals of a case are the other like cases around the report, each with what affinity and time leave of it. A managed
component (部件) decides: a report that names the same one as a case is that case's, a report that names another is not.
Cases of other streets and of another CAP status are never candidates. Correlation (EIP) only. Docs: docs/merging.md.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from math import cos, floor, radians
from typing import Any, TypeVar

from msgspec import Struct

from router.domain.cases import Case, JoinKind
from router.domain.cells import COMMUNITY, STREET
from router.domain.geometry import distance_m
from router.domain.merging import Merging, Pair
from router.domain.reports import Report

LOOKED_AT = 32
"""Cases of one matter in one square, or one community, that are looked at: those whose latest report lies nearest in time.
Where more are open, nearness tells nothing any more, and a report must not cost more for it."""
_NORTHERNMOST = 89.0
SUGGESTIONS = 3
_PARTS = 10_000
Square = tuple[str, int, int]


class OpenCase(Struct, gc=False, eq=False):
    """What correlation must know of a case whose merge window is open; instants in µs since 1970."""

    case: Case
    first_us: int
    last_us: int
    """Occurrence of its earliest and latest report."""
    until_us: int
    """End of its merge window, in received time; the end itself is outside."""
    networks: set[str]


Place = TypeVar("Place")
Kinds = dict[str, list[OpenCase]]
"""Matter or component -> cases."""
Table = dict[Place, Kinds]
_Key = tuple[Table[Any], Square | str, str]


class Match(Struct, frozen=True, gc=False):
    """A candidate and how good it is."""

    open: OpenCase
    joined: JoinKind
    score: float
    """0..1 to four digits: as it is shown, so it is compared."""
    distance_m: float | None
    apart_s: float


class Index:
    """Open cases of one partition, by place and time. The order in which cases entered has no influence on what is found."""

    def __init__(self) -> None:
        self._squares: Table[Square] = {}
        """Place -> matter -> cases with a point. The squares are twice the reach wide, so that four cover a circle."""
        self._with_point: Table[str] = {}
        self._without_point: Table[str] = {}
        """Community -> matter -> cases; those of which not even the community is known are in neither."""
        self._components: Table[str] = {}
        """Street -> component -> cases."""

    def add(self, entry: OpenCase, merging: Merging) -> None:
        """Make a case a candidate."""
        for table, place, kind in self._keys(entry.case, merging):
            kinds = table.get(place)
            if kinds is None:
                table[place] = {kind: [entry]}
            elif kind in kinds:
                entries = kinds[kind]
                if entries[-1].last_us < entry.last_us:
                    entries.append(entry)
                else:
                    insort(entries, entry, key=_when)
            else:
                kinds[kind] = [entry]

    def remove(self, entry: OpenCase, merging: Merging) -> None:
        """It is no candidate any more; to be called before its matter, place, component or latest report changes."""
        for table, place, kind in self._keys(entry.case, merging):
            kinds = table[place]
            entries = kinds[kind]
            if len(entries) > LOOKED_AT:
                del entries[bisect_left(entries, _when(entry), key=_when)]
            elif len(entries) > 1:
                entries.remove(entry)
            else:
                del kinds[kind]
                if not kinds:
                    del table[place]

    def _keys(self, case: Case, merging: Merging) -> list[_Key]:
        keys: list[_Key] = []
        if case.lon is not None and case.lat is not None:
            size = merging.square
            row = floor(case.lat / size)
            square = case.cell[:STREET], floor(case.lon / _width(row, size)), row
            keys.append((self._squares, square, case.matter))
            keys.append((self._with_point, case.cell[:COMMUNITY], case.matter))
        elif case.resolved_by != "fallback":
            keys.append((self._without_point, case.cell[:COMMUNITY], case.matter))
        if case.component_id is not None:
            keys.append((self._components, case.cell[:STREET], case.component_id))
        return keys

    def near(self, cell: str, lon: float, lat: float, merging: Merging) -> list[Kinds]:
        """Cases of the cell's street with a point in the reach of this one, and some beyond, by matter."""
        street, size, squares = cell[:STREET], merging.square, self._squares
        top = round(lat / size)  # the reach is half a square: beside its own, only the nearer neighbour matters
        found: list[Kinds] = []
        for row in (top - 1, top):
            right = round(lon / _width(row, size))
            both = (street, right - 1, row), (street, right, row)
            found += [squares[square] for square in both if square in squares]
        return found

    def in_community(self, cell: str, *, with_point: bool) -> list[Kinds]:
        """Cases of the cell's community by matter: those without a point and, if wanted, those with one."""
        community = cell[:COMMUNITY]
        found = [self._without_point[community]] if community in self._without_point else []
        if with_point and community in self._with_point:
            found.append(self._with_point[community])
        return found

    def of_component(self, cell: str, component_id: str) -> Sequence[OpenCase]:
        """Cases of the cell's street that are about this component."""
        return self._components.get(cell[:STREET], {}).get(component_id, ())

    def listed(self) -> list[dict[Any, dict[str, list[str]]]]:
        """The ids of the cases under every key, table by table: for comparing two of them."""
        tables: tuple[Table[Any], ...] = (self._squares, self._with_point, self._without_point, self._components)
        return [
            {
                place: {kind: sorted(entry.case.id for entry in entries) for kind, entries in kinds.items()}
                for place, kinds in table.items()
            }
            for table in tables
        ]


def correlate(report: Report, index: Index, merging: Merging, occurred_us: int, received_us: int) -> list[Match]:
    """Candidates that reach at least the threshold of suggesting, the best first."""
    matches = _of_component(report, index, occurred_us, received_us) if report.component_id is not None else []
    if not matches:
        matches = _near(report, index, merging, occurred_us, received_us)
        matches += _by_community(report, index, merging, occurred_us, received_us)
    if len(matches) > 1:
        matches.sort(key=_order)
    return matches


def _order(match: Match) -> tuple[float, datetime, str]:
    """The best score first; of equals the oldest case, then the smallest id: never the order of arrival in memory."""
    return -match.score, match.open.case.opened_at, match.open.case.id


def _of_component(report: Report, index: Index, occurred_us: int, received_us: int) -> list[Match]:
    """Cases about the component that the report names, whatever their matter and however long ago it occurred."""
    return [
        Match(entry, "component", 1.0, None, _apart_us(entry, occurred_us) / 1e6)
        for entry in index.of_component(report.location.cell, report.component_id or "")
        if _may_join(report, entry, received_us)
    ]


def _near(report: Report, index: Index, merging: Merging, occurred_us: int, received_us: int) -> list[Match]:
    """Cases with a point in the reach of the report's; like cases around it, in the reach or not, are their rivals."""
    location, lon, lat = report.location, report.location.lon, report.location.lat
    if lon is None or lat is None:
        return []
    found = index.near(location.cell, lon, lat, merging)
    if not found:
        return []
    most_m, crowding, around = merging.reach.most_m, merging.crowding, 0
    fits: list[tuple[OpenCase, int, float, float, int]] = []
    for pair, entries in candidates(merging.pairs(report.matter), found, occurred_us):
        for entry in entries:
            case = entry.case
            metres = distance_m(lon, lat, case.lon, case.lat)  # type: ignore[arg-type]  # only such are in its squares
            if metres > most_m or not _may_join(report, entry, received_us):
                continue
            apart = _apart_us(entry, occurred_us)
            reach = reach_m(pair, location.accuracy_m, case.accuracy_m, merging)
            if apart > pair.window_us or (metres > reach and not crowding):
                continue
            left = share_left(pair, apart, merging)
            rival = round(left * _PARTS) if crowding else 0  # whole numbers: the same sum in whatever order
            around += rival
            if metres <= reach:
                fits.append((entry, apart, metres, left * nearness(metres, reach, merging.far), rival))
    return [
        Match(entry, "near", score, round(metres, 1), apart / 1e6)
        for entry, apart, metres, fit, rival in fits
        if (score := round(fit / (1 + crowding * (around - rival) / _PARTS), 4)) >= merging.thresholds.suggest
    ]


def reach_m(pair: Pair, one_m: float, other_m: float, merging: Merging) -> float:
    """How far apart two reports with these accuracies may lie."""
    reach = merging.reach
    return min(pair.base_m + reach.accuracies * (one_m + other_m), reach.most_m)


def nearness(metres: float, reach: float, far: float) -> float:
    """Of the score, after distance; two errors make it fall as a bell does."""
    return float(far ** (metres / reach) ** 2) if metres else 1.0  # a reach of 0 m holds the very same point


def _by_community(report: Report, index: Index, merging: Merging, occurred_us: int, received_us: int) -> list[Match]:
    """Cases of other networks in the same community, where the case or the report has no point.

    Of one network two reports without a point are taken for two things: the network itself would know better. A report
    that names no place at all stands in the city's default cell and is nobody's neighbour there.
    """
    matches: list[Match] = []
    location = report.location
    if location.resolved_by == "fallback":
        return matches
    found = index.in_community(location.cell, with_point=location.lon is None or location.lat is None)
    if not found:
        return matches
    for pair, entries in candidates(merging.pairs(report.matter), found, occurred_us):
        for entry in entries:
            if report.network in entry.networks or not _may_join(report, entry, received_us):
                continue
            apart = _apart_us(entry, occurred_us)
            score = round(share_left(pair, apart, merging) * merging.same_community, 4)
            if apart <= pair.window_us and score >= merging.thresholds.suggest:
                matches.append(Match(entry, "community", score, None, apart / 1e6))
    return matches


def candidates(
    pairs: Mapping[str, Pair], found: Iterable[Kinds], occurred_us: int
) -> list[tuple[Pair, Sequence[OpenCase]]]:
    """The cases of matters that may be the same thing, at most LOOKED_AT of each matter and place, with their pair."""
    affine: list[tuple[Pair, Sequence[OpenCase]]] = []
    for kinds in found:
        for matter, pair in pairs.items():
            if matter in kinds:
                entries = kinds[matter]
                affine.append((pair, entries if len(entries) <= LOOKED_AT else _nearest(entries, occurred_us)))
    return affine


def _nearest(entries: list[OpenCase], occurred_us: int) -> list[OpenCase]:
    """Of too many those whose latest report lies around an instant."""
    middle = bisect_left(entries, (occurred_us, ""), key=_when)
    first = max(0, min(middle - LOOKED_AT // 2, len(entries) - LOOKED_AT))
    return entries[first : first + LOOKED_AT]


def _may_join(report: Report, entry: OpenCase, received_us: int) -> bool:
    """Whether the case's window is open, drill and reality stay apart, and no two components would become one."""
    case = entry.case
    if received_us >= entry.until_us or case.status != report.status:
        return False
    return report.component_id is None or case.component_id is None or case.component_id == report.component_id


def share_left(pair: Pair, apart_us: int, merging: Merging) -> float:
    """Of the score, after affinity and time."""
    late = merging.late
    return pair.share * late / (late + (1 - late) * apart_us / pair.window_us) if apart_us else pair.share


def _apart_us(entry: OpenCase, occurred_us: int) -> int:
    """Time from the report's occurrence to the span of the case's; 0 inside it."""
    return entry.first_us - occurred_us if occurred_us < entry.first_us else max(0, occurred_us - entry.last_us)


def _when(entry: OpenCase) -> tuple[int, str]:
    """How cases of one matter and place are sorted."""
    return entry.last_us, entry.case.id


@lru_cache(maxsize=1 << 12)
def _width(row: int, size: float) -> float:
    """Degrees of longitude of the squares of a row: as many metres as they are high where they are narrowest.

    One row more towards the pole counts, because the distance of two points in two rows is measured half way.
    """
    edge = max(abs(row - 1), abs(row + 2)) * size
    return size / cos(radians(min(edge, _NORTHERNMOST)))
