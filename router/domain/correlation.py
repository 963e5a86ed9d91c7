"""Which open case does a report belong to? Candidates from an index by place, scored by matter, time and distance.

    score = affinity of the matters
          x (1 falling to `late` over the window)
          x (1 falling to `far` over the reach), or `same_community` when one of the two has no point

A managed component (部件) decides: a report that names the same one as a case is that case's, a report that names another
is not. Cases of other streets and of another CAP status are never candidates. Correlation (EIP) only; what follows from it
is the fold's business. Docs: docs/merging.md.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from router.domain.cases import Case, JoinKind
from router.domain.cells import COMMUNITY, STREET
from router.domain.geometry import METRES_PER_DEGREE, distance_m
from router.domain.merging import Merging, Pair
from router.domain.reports import Report

NARROWEST = 0.4
"""cos of the highest latitude at which 3 x 3 squares still cover the reach (66 degrees; China ends at 54)."""
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
        self._squares: dict[Square, list[OpenCase]] = {}
        self._with_point: dict[tuple[str, str], list[OpenCase]] = {}
        self._without_point: dict[tuple[str, str], list[OpenCase]] = {}
        """By community and matter; cases of which not even the community is known are in neither."""
        self._components: dict[tuple[str, str], list[OpenCase]] = {}

    def add(self, entry: OpenCase, merging: Merging) -> None:
        """Make a case a candidate."""
        for table, key in self._keys(entry.case, merging):
            table.setdefault(key, []).append(entry)

    def remove(self, entry: OpenCase, merging: Merging) -> None:
        """It is no candidate any more."""
        for table, key in self._keys(entry.case, merging):
            entries = table[key]
            entries.remove(entry)
            if not entries:
                del table[key]

    def _keys(self, case: Case, merging: Merging) -> Iterator[tuple[dict, tuple]]:  # type: ignore[type-arg]
        community = case.cell[:COMMUNITY], case.matter
        if case.lon is not None and case.lat is not None:
            yield self._squares, _square(case.cell, case.lon, case.lat, merging)
            yield self._with_point, community
        elif case.resolved_by != "fallback":
            yield self._without_point, community
        if case.component_id is not None:
            yield self._components, (case.cell[:STREET], case.component_id)

    def near(self, cell: str, lon: float, lat: float, merging: Merging) -> list[OpenCase]:
        """Cases of the cell's street with a point in the reach of this one, and some beyond."""
        street, x, y = _square(cell, lon, lat, merging)
        squares, found = self._squares, []
        for across in (x - 1, x, x + 1):
            for up in (y - 1, y, y + 1):
                entries = squares.get((street, across, up))
                if entries:
                    found += entries
        return found

    def in_community(self, cell: str, matter: str, *, with_point: bool) -> Sequence[OpenCase]:
        """Cases of this matter in the cell's community: those without a point and, if wanted, those with one."""
        key = cell[:COMMUNITY], matter
        without = self._without_point.get(key, ())
        return (*without, *self._with_point.get(key, ())) if with_point else without

    def of_component(self, cell: str, component_id: str) -> Sequence[OpenCase]:
        """Cases of the cell's street that are about this component."""
        return self._components.get((cell[:STREET], component_id), ())

    def listed(self) -> list[dict[Any, list[str]]]:
        """The ids of the cases under every key, table by table: for comparing two of them."""
        tables: tuple[dict[Any, list[OpenCase]], ...]
        tables = self._squares, self._with_point, self._without_point, self._components
        return [{key: sorted(entry.case.id for entry in entries) for key, entries in table.items()} for table in tables]


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
    pairs, lowest = merging.pairs(report.matter), merging.thresholds.suggest
    for entry in index.near(location.cell, lon, lat, merging):
        case = entry.case
        pair = pairs.get(case.matter)
        if pair is None or not _may_join(report, entry, received_us):
            continue
        apart = _apart_us(entry, occurred_us)
        metres = distance_m(lon, lat, case.lon, case.lat)  # type: ignore[arg-type]  # only such are in its squares
        reach = min(pair.base_m + location.accuracy_m + case.accuracy_m, merging.reach.most_m)
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
    for matter, pair in merging.pairs(report.matter).items():
        for entry in index.in_community(location.cell, matter, with_point=location.lon is None or location.lat is None):
            if report.network in entry.networks or not _may_join(report, entry, received_us):
                continue
            apart = _apart_us(entry, occurred_us)
            score = round(_share_left(pair, apart, merging) * merging.same_community, 4)
            if apart <= pair.window_us and score >= merging.thresholds.suggest:
                matches.append(Match(entry, "community", score, None, apart / 1e6))
    return matches


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


def _square(cell: str, lon: float, lat: float, merging: Merging) -> Square:
    size = merging.reach.most_m / METRES_PER_DEGREE
    return cell[:STREET], int(lon * NARROWEST // size), int(lat // size)
