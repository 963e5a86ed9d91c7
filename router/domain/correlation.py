"""Which open case does a report belong to? Candidates from an index by place, scored by matter, time and distance.

    score = affinity of the matters
          x (1 falling to `late` over the window)
          x (1 falling to `far` over the reach), or `same_community` when one of the two has no point

A report that names the same component (部件) as a case is that case's. Cases of other streets and of another CAP status are
never candidates. Correlation (EIP) only; what follows from it is the fold's business.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct

from router.domain.cases import Case, JoinKind
from router.domain.cells import COMMUNITY, STREET
from router.domain.geometry import METRES_PER_DEGREE, distance_m
from router.domain.merging import Merging
from router.domain.reports import Report

NARROWEST = 0.4
"""cos of the highest latitude at which 3 x 3 squares still cover the reach (66 degrees; China ends at 54)."""
SUGGESTIONS = 3
Square = tuple[str, int, int]


class OpenCase(Struct, gc=False):
    """What correlation must know of a case whose merge window is open; instants in ms since 1970."""

    case: Case
    first_ms: int
    last_ms: int
    """Occurrence of its earliest and latest report."""
    until_ms: int
    """End of its merge window, in received time."""
    networks: set[str]


class Match(Struct, frozen=True, gc=False):
    """A candidate and how good it is."""

    open: OpenCase
    joined: JoinKind
    score: float
    distance_m: float | None
    apart_s: float


class Index:
    """Open cases of one partition, by place. The order in which cases entered has no influence on what is found."""

    def __init__(self) -> None:
        self._squares: dict[Square, list[OpenCase]] = {}
        self._communities: dict[tuple[str, str], list[OpenCase]] = {}
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
        if case.lon is not None and case.lat is not None:
            yield self._squares, _square(case.cell, case.lon, case.lat, merging.reach.most_m)
        yield self._communities, (case.cell[:COMMUNITY], case.matter)
        if case.component_id is not None:
            yield self._components, (case.cell[:STREET], case.component_id)

    def near(self, report: Report, merging: Merging) -> Iterator[OpenCase]:
        """Cases with a point in the reach of the report's point, and some beyond."""
        street, x, y = _square(report.location.cell, report.location.lon, report.location.lat, merging.reach.most_m)
        squares = self._squares
        for across in (x - 1, x, x + 1):
            for up in (y - 1, y, y + 1):
                found = squares.get((street, across, up))
                if found:
                    yield from found

    def in_community(self, report: Report, matters: Iterable[str]) -> Iterator[OpenCase]:
        """Cases of these matters in the report's community."""
        community = report.location.cell[:COMMUNITY]
        for matter in matters:
            yield from self._communities.get((community, matter), ())

    def of_component(self, report: Report) -> list[OpenCase]:
        """Cases in the street about the component that the report names."""
        if report.component_id is None:
            return []
        return self._components.get((report.location.cell[:STREET], report.component_id), [])


def correlate(report: Report, index: Index, merging: Merging, occurred_ms: int, received_ms: int) -> list[Match]:
    """Candidates that reach at least the threshold of suggesting, the best first."""
    matches = [
        _component(entry, occurred_ms)
        for entry in index.of_component(report)
        if received_ms < entry.until_ms and entry.case.status == report.status
    ]
    if not matches:
        matches = list(_matches(report, index, merging, occurred_ms, received_ms))
    if len(matches) > 1:
        matches.sort(key=_order)
    return matches


def _order(match: Match) -> tuple[float, datetime, str]:
    """The best score first; of equals the oldest case, then the smallest id: never the order of arrival in memory."""
    return -match.score, match.open.case.opened_at, match.open.case.id


def _component(entry: OpenCase, occurred_ms: int) -> Match:
    return Match(entry, "component", 1.0, None, _apart_ms(entry, occurred_ms) / 1000)


def _matches(report: Report, index: Index, merging: Merging, occurred_ms: int, received_ms: int) -> Iterator[Match]:
    matter, status, location = report.matter, report.status, report.location
    affine = merging.affine.get(matter, _NONE)
    window = merging.window_ms_of.get(matter, merging.window_ms)
    lowest = merging.thresholds.suggest
    if location.lon is not None:
        for entry in index.near(report, merging):
            case = entry.case
            affinity = 1.0 if case.matter == matter else affine.get(case.matter, 0.0)
            if affinity < lowest or received_ms >= entry.until_ms or case.status != status:
                continue
            apart = _apart_ms(entry, occurred_ms)
            if apart > window:
                continue
            metres = distance_m(location.lon, location.lat, case.lon, case.lat)  # type: ignore[arg-type]
            reach = min(
                merging.base_m_of.get(matter, merging.reach.base_m) + location.accuracy_m + case.accuracy_m,
                merging.reach.most_m,
            )
            if metres > reach:
                continue
            score = affinity * (1 - (1 - merging.late) * apart / window) * (1 - (1 - merging.far) * metres / reach)
            if score >= lowest:
                yield Match(entry, "near", round(score, 4), round(metres, 1), apart / 1000)
    yield from _by_community(report, index, merging, occurred_ms, received_ms)


def _by_community(
    report: Report, index: Index, merging: Merging, occurred_ms: int, received_ms: int
) -> Iterator[Match]:
    """Cases of other networks in the same community, where the case or the report has no point.

    Of one network two reports without a point are taken for two things: the network itself would know better.
    """
    matter = report.matter
    affine = merging.affine.get(matter, _NONE)
    window = merging.window_ms_of.get(matter, merging.window_ms)
    for entry in index.in_community(report, (matter, *affine)):
        case = entry.case
        if (report.location.lon is not None and case.lon is not None) or report.network in entry.networks:
            continue
        apart = _apart_ms(entry, occurred_ms)
        if apart > window or received_ms >= entry.until_ms or case.status != report.status:
            continue
        affinity = 1.0 if case.matter == matter else affine[case.matter]
        score = affinity * (1 - (1 - merging.late) * apart / window) * merging.same_community
        if score >= merging.thresholds.suggest:
            yield Match(entry, "community", round(score, 4), None, apart / 1000)


_NONE: dict[str, float] = {}


def _apart_ms(entry: OpenCase, occurred_ms: int) -> int:
    """Time from the report's occurrence to the span of the case's; 0 inside it."""
    return max(0, entry.first_ms - occurred_ms, occurred_ms - entry.last_ms)


def _square(cell: str, lon: float | None, lat: float | None, size_m: float) -> Square:
    assert lon is not None and lat is not None  # noqa: S101, PT018 - callers have looked
    size = size_m / METRES_PER_DEGREE
    return cell[:STREET], int(lon * NARROWEST // size), int(lat // size)
