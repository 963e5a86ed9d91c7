"""Which open case does a report belong to? Candidates from an index by place, scored by matter, time and distance.

    score = affinity of the matters
          x (1 falling to `late` over the window)
          x (1 falling to `far` over the reach), or `same_community` when one of the two has no point

A managed component (部件) decides: a report that names the same one as a case is that case's, a report that names another
is not. Cases of other streets and of another CAP status are never candidates. Correlation (EIP) only; what follows from it
is the fold's business. Docs: docs/merging.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import floor
from typing import Any, TypeVar

from msgspec import Struct

from router.domain.cases import Case, JoinKind
from router.domain.cells import COMMUNITY, STREET
from router.domain.geometry import METRES_PER_DEGREE, distance_m
from router.domain.merging import Merging, Pair
from router.domain.reports import Report

NARROWEST = 0.4
"""cos of the highest latitude at which the squares looked into still cover the reach (66 degrees; China ends at 54)."""
SUGGESTIONS = 3
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


class Match(Struct, frozen=True, gc=False):
    """A candidate and how good it is."""

    open: OpenCase
    joined: JoinKind
    score: float
    """0..1 to four digits: as it is shown, so it is compared."""
    distance_m: float | None
    apart_s: float


class Index:
    """Open cases of one partition, by place. The order in which cases entered has no influence on what is found."""

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
                kinds[kind].append(entry)
            else:
                kinds[kind] = [entry]

    def remove(self, entry: OpenCase, merging: Merging) -> None:
        """It is no candidate any more."""
        for table, place, kind in self._keys(entry.case, merging):
            kinds = table[place]
            entries = kinds[kind]
            entries.remove(entry)
            if not entries:
                del kinds[kind]
                if not kinds:
                    del table[place]

    def _keys(self, case: Case, merging: Merging) -> list[tuple[Table[Any], Square | str, str]]:
        keys: list[tuple[Table[Any], Square | str, str]] = []
        if case.lon is not None and case.lat is not None:
            x, y = _squares(case.lon, case.lat, merging)
            keys.append((self._squares, (case.cell[:STREET], floor(x), floor(y)), case.matter))
            keys.append((self._with_point, case.cell[:COMMUNITY], case.matter))
        elif case.resolved_by != "fallback":
            keys.append((self._without_point, case.cell[:COMMUNITY], case.matter))
        if case.component_id is not None:
            keys.append((self._components, case.cell[:STREET], case.component_id))
        return keys

    def near(self, cell: str, lon: float, lat: float, merging: Merging) -> list[Kinds]:
        """Cases of the cell's street with a point in the reach of this one, and some beyond, by matter."""
        street, (x, y) = cell[:STREET], _squares(lon, lat, merging)
        right, top = round(x), round(y)  # the reach is half a square: beside its own, only the nearer neighbour matters
        around = (
            (street, right - 1, top - 1),
            (street, right - 1, top),
            (street, right, top - 1),
            (street, right, top),
        )
        found: list[Kinds] = []
        for square in around:
            kinds = self._squares.get(square)
            if kinds is not None:
                found.append(kinds)
        return found

    def in_community(self, cell: str, *, with_point: bool) -> list[Kinds]:
        """Cases of the cell's community by matter: those without a point and, if wanted, those with one."""
        community = cell[:COMMUNITY]
        tables = (self._without_point, self._with_point) if with_point else (self._without_point,)
        return [table[community] for table in tables if community in table]

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
    """Cases with a point in the reach of the report's."""
    matches: list[Match] = []
    location, lon, lat = report.location, report.location.lon, report.location.lat
    if lon is None or lat is None:
        return matches
    lowest, most_m = merging.thresholds.suggest, merging.reach.most_m
    for pair, entries in _affine(merging.pairs(report.matter), index.near(location.cell, lon, lat, merging)):
        for entry in entries:
            case = entry.case
            metres = distance_m(lon, lat, case.lon, case.lat)  # type: ignore[arg-type]  # only such are in its squares
            if metres > most_m or not _may_join(report, entry, received_us):
                continue
            apart = _apart_us(entry, occurred_us)
            reach = min(pair.base_m + location.accuracy_m + case.accuracy_m, most_m)
            if apart > pair.window_us or metres > reach:
                continue
            far = metres / reach if metres else 0.0  # a reach of 0 m holds the very same point
            score = round(_share_left(pair, apart, merging) * (1 - (1 - merging.far) * far), 4)
            if score >= lowest:
                matches.append(Match(entry, "near", score, round(metres, 1), apart / 1e6))
    return matches


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
    for pair, entries in _affine(merging.pairs(report.matter), found):
        for entry in entries:
            if report.network in entry.networks or not _may_join(report, entry, received_us):
                continue
            apart = _apart_us(entry, occurred_us)
            score = round(_share_left(pair, apart, merging) * merging.same_community, 4)
            if apart <= pair.window_us and score >= merging.thresholds.suggest:
                matches.append(Match(entry, "community", score, None, apart / 1e6))
    return matches


def _affine(pairs: Mapping[str, Pair], found: Iterable[Kinds]) -> list[tuple[Pair, list[OpenCase]]]:
    """The cases of matters that may be the same thing, each list with its pair."""
    affine: list[tuple[Pair, list[OpenCase]]] = []
    for kinds in found:
        for matter, pair in pairs.items():
            if matter in kinds:
                affine.append((pair, kinds[matter]))
    return affine


def _may_join(report: Report, entry: OpenCase, received_us: int) -> bool:
    """Whether the case's window is open, drill and reality stay apart, and no two components would become one."""
    case = entry.case
    if received_us >= entry.until_us or case.status != report.status:
        return False
    return report.component_id is None or case.component_id is None or case.component_id == report.component_id


def _share_left(pair: Pair, apart_us: int, merging: Merging) -> float:
    """Of the score, after affinity and time."""
    return pair.share * (1 - (1 - merging.late) * apart_us / pair.window_us)


def _apart_us(entry: OpenCase, occurred_us: int) -> int:
    """Time from the report's occurrence to the span of the case's; 0 inside it."""
    if occurred_us < entry.first_us:
        return entry.first_us - occurred_us
    return max(0, occurred_us - entry.last_us)


def _squares(lon: float, lat: float, merging: Merging) -> tuple[float, float]:
    """A point in squares, east and north."""
    size = 2 * merging.reach.most_m / METRES_PER_DEGREE
    return lon * NARROWEST / size, lat / size
