"""Grid cells (单元网格): codes, the registry of a city with validity dates, and how a report finds its cell.

A cell code has 15 ASCII digits (GB/T 30428.1): 6 county, 3 street, 3 community, 3 sequence; the first edition of CJ/T 213
had a sequence of two, so codes of 14 digits still occur. Its prefixes are the hierarchy.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from math import cos, inf, radians
from typing import Any

import numpy as np
import shapely
from msgspec import Struct

from router.domain.cell_tables import Cell, Tables, read_tables, version
from router.domain.documents import Finding, Source
from router.domain.geometry import METRES_PER_DEGREE
from router.domain.reports import Location, ResolvedBy

STREET, COMMUNITY, CELL = 9, 12, 15
"""Digits of the prefixes; county and above have 6, 4 and 2."""
NEAREST_M = 150.0
"""How far outside of every cell a point may lie and still belong to the nearest: more than GPS error, less than a block or two."""
CELL_M = 71.0
"""Accuracy of a report that names only its cell: half the diagonal of 100 m by 100 m (万米单元网格)."""
_POINT_M = 30.0
"""Accuracy of a point whose source does not say."""
_DECIMALS = 1
"""Of metres around a point: borders are written with six decimals of a degree, so neighbours may leave a seam of 0.05 m."""
_BEYOND = 1000.0
"""Degrees where no place is: instead of a coordinate that is no number."""
_NONE = -1
"""Index of no cell."""
_Around = tuple[int, float, int]
"""Of a point: the nearest cell valid then, its distance in metres, and a cell that holds the point but was not valid then."""
_is_code = re.compile(r"[0-9]{14,15}").fullmatch


class Claim(Struct, frozen=True, gc=False, kw_only=True):
    """What one report says about its place, in the source's own terms."""

    network: str
    at: datetime
    """When it was reported: the cells valid then decide. An aware datetime."""
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None
    cell: str | None = None
    """15 digits, or 14 of the old form."""
    community: str | None = None
    """12 digits."""
    area: str | None = None
    """The source's own grid by name or code, looked up in the crosswalk."""


def cell_code(text: str) -> str | None:
    """The 15-digit code of a text of 15 or (old form) 14 ASCII digits; None for anything else."""
    if _is_code(text) is None:
        return None
    return text if len(text) == CELL else f"{text[:COMMUNITY]}0{text[COMMUNITY:]}"


def street(cell: str) -> str:
    """The street of a cell: its first nine digits."""
    return cell[:STREET]


class CellRegistry:
    """The cells of one city.

    Args:
        tables: cells sorted by code, communities, and the crosswalk of the networks' own areas.
        default: cell of a report that names no place at all; None: the first cell.
        zone: in which the days of validity begin and end.
    """

    def __init__(self, tables: Tables, default: str | None = None, zone: tzinfo = UTC) -> None:
        self.cells: Mapping[str, Cell] = {cell.code: cell for cell in tables.cells}
        self._codes = [cell.code for cell in tables.cells]
        default = default if default is not None else self._codes[0]
        self.version = version(tables, default)
        self._communities, self._areas = tables.communities, tables.areas
        streets = {code[:STREET]: cell for code, cell in sorted(tables.communities.items(), reverse=True)}
        self._defaults = {**tables.communities, **streets, "": default}
        bounds = shapely.bounds(tables.geometries)
        self._flat = cos(radians(float((bounds[:, 1].min() + bounds[:, 3].max()) / 2)))
        self._tree = shapely.STRtree(shapely.transform(tables.geometries, self._metres))
        shapely.prepare(self._tree.geometries)
        self._extent = self._extents(bounds)
        self._from = np.array([_instant(cell.valid_from, zone, -inf) for cell in tables.cells])
        self._until = np.array([_instant(cell.valid_until, zone, inf) for cell in tables.cells])
        self._dated = bool(np.isfinite(self._from).any() or np.isfinite(self._until).any())

    def resolve(self, claims: Sequence[Claim]) -> list[Location]:
        """The cell of each claim, whatever it holds; a batch costs less than its claims one by one.

        In this order, only cells valid at the claim's instant: the cell that holds the point (of several the smallest code);
        the nearest within 150 m; the source's own cell code; the default cell of the community; that of the source's own
        area by the crosswalk; that of the community, else the street, with which a code of the source begins; the city's
        default. A default cell that is not valid then is replaced by the first that is: of its community, else its street,
        else the city. `doubt` says which earlier choice did not hold and why, and when the source's own cell is not that of
        its point.
        """
        return [
            self._without_point(claim, []) if around is None else self._by_point(claim, *around)
            for claim, around in zip(claims, self._locate(claims), strict=True)
        ]

    def _locate(self, claims: Sequence[Claim]) -> list[_Around | None]:
        """Where the point of each claim lies; None: it has none."""
        located: list[_Around | None] = [None] * len(claims)
        places = [n for n, claim in enumerate(claims) if claim.lon is not None and claim.lat is not None]
        if not places:
            return located
        degrees = np.array([(claims[n].lon, claims[n].lat) for n in places], dtype=float)
        metres = self._metres(np.where(np.abs(degrees) <= 360, degrees, _BEYOND))
        points = shapely.points(metres)
        instants = np.array([claims[n].at.timestamp() for n in places]) if self._dated else np.zeros(len(places))
        ask, hit = self._tree.query(points)
        # a prepared polygon answers in logarithmic time, and the tree prepares only the points it is asked about
        inside = shapely.intersects_xy(self._tree.geometries[hit], metres[ask, 0], metres[ask, 1])
        if self._dated:
            inside &= self._valid(hit, instants[ask])
        found = np.full(len(places), len(self._codes))
        np.minimum.at(found, ask[inside], hit[inside])  # a point on a border belongs to the smallest code
        for n, cell in zip(places, found.tolist(), strict=True):
            located[n] = cell, 0.0, _NONE
        lost = np.flatnonzero(found == len(self._codes))
        if len(lost):
            for n, around in zip(lost.tolist(), self._around(points[lost], instants[lost]), strict=True):
                located[places[n]] = around
        return located

    def _around(self, points: Any, instants: Any) -> list[_Around]:
        ask, hit = self._tree.query(points, predicate="dwithin", distance=NEAREST_M)
        metres = np.round(shapely.distance(points[ask], self._tree.geometries[hit]), _DECIMALS)
        valid = self._valid(hit, instants[ask])
        nearest: dict[int, tuple[int, float]] = {}
        lapsed: dict[int, int] = {}
        for n in np.lexsort((hit, metres, ask)).tolist():
            if valid[n]:
                nearest.setdefault(int(ask[n]), (int(hit[n]), float(metres[n])))
            elif metres[n] == 0:
                lapsed.setdefault(int(ask[n]), int(hit[n]))
        return [(*nearest.get(n, (_NONE, inf)), lapsed.get(n, _NONE)) for n in range(len(points))]

    def _by_point(self, claim: Claim, cell: int, distance: float, lapsed: int) -> Location:
        if distance == 0:
            code, said = self._codes[cell], claim.cell
            if said is None or cell_code(said) == code:
                return _at_point(claim, code, "point", None)
            return _at_point(claim, code, "point", f"the source wrote cell {said[:20]!r}, its point lies in {code}")
        doubts: list[str] = []
        every = "every cell"
        if lapsed != _NONE:
            code = self._codes[lapsed]
            doubts.append(f"the point lies in cell {code}, which {self._lapse(code, claim.at)}")
            every = "every cell valid then"
        if cell == _NONE:
            doubts.append(f"the point lies more than {NEAREST_M:.0f} m outside {every}")
            return self._without_point(claim, doubts)
        code = self._codes[cell]
        doubts.append(f"the point lies {distance:.0f} m outside {every}")
        if claim.cell is not None and cell_code(claim.cell) != code:
            doubts.append(f"the source wrote cell {claim.cell[:20]!r}, the nearest to its point is {code}")
        return _at_point(claim, code, "nearest", "; ".join(doubts))

    def _without_point(self, claim: Claim, doubts: list[str]) -> Location:
        if claim.cell is not None:
            code = cell_code(claim.cell)
            known = code is not None and code in self.cells
            lapse = self._lapse(code, claim.at) if code is not None and known else None
            if code is not None and known and lapse is None:
                return _by_name(claim, code, "code", CELL_M, doubts)
            doubts.append(f"cell {code} {lapse}" if known else f"cell {claim.cell[:20]!r} is unknown")
        area = self._area(claim, doubts)
        code, wider = self._default(area, claim.at, doubts)
        accuracy = max(self._extent[area], self._extent.get(wider, 0.0))
        return _by_name(claim, code, "community" if area and wider else "fallback", accuracy, doubts)

    def _area(self, claim: Claim, doubts: list[str]) -> str:
        """The community, else the street, that a claim leads to, else the empty name; appends what had to be guessed."""
        crossed = None if claim.area is None else self._areas.get((claim.network, claim.area))
        if claim.community is not None:
            if claim.community in self._communities:
                return claim.community
            if claim.community != claim.area or crossed is None:  # a unit's code that the crosswalk knows is no error
                doubts.append(f"community {claim.community[:20]!r} is unknown")
        if crossed is not None:
            return crossed
        if claim.area is not None:
            doubts.append(f"area {claim.area[:60]!r} is not in the crosswalk")
        texts = [text for text in (claim.cell, claim.community, claim.area) if text is not None]
        for digits in (COMMUNITY, STREET):
            for text in texts:
                if text[:digits] in self._defaults and len(text) >= digits:
                    if digits == STREET:
                        doubts.append(f"only its street {text[:STREET]} is known")
                    return text[:digits]
        doubts.append("nothing names a place inside the city")
        return ""

    def _default(self, area: str, at: datetime, doubts: list[str]) -> tuple[str, str]:
        """The cell of an area that was valid then, and the prefix in which it had to be looked for."""
        code = self._defaults[area]
        lapse = self._lapse(code, at)
        if lapse is None:
            return code, area
        doubts.append(f"the default cell {code} {lapse}")
        for prefix in (code[:COMMUNITY], code[:STREET], ""):
            first, last = bisect_left(self._codes, prefix), bisect_left(self._codes, f"{prefix}:")  # ":" follows "9"
            among = np.arange(first, last)
            valid = among[self._valid(among, at.timestamp())]
            if len(valid):
                return self._codes[int(valid[0])], prefix
        return code, area

    def _lapse(self, code: str, at: datetime) -> str | None:
        """Why a known cell was not valid at an instant; None when it was."""
        if not self._dated:
            return None
        cell, place = self.cells[code], bisect_left(self._codes, code)
        instant = at.timestamp()
        if instant >= self._until[place]:
            return f"was retired on {cell.valid_until}"
        return f"is valid only from {cell.valid_from}" if instant < self._from[place] else None

    def _valid(self, cells: Any, instants: Any) -> Any:
        return (self._from[cells] <= instants) & (instants < self._until[cells])

    def _metres(self, degrees: Any) -> Any:
        return degrees * np.array([METRES_PER_DEGREE * self._flat, METRES_PER_DEGREE])

    def _extents(self, bounds: Any) -> dict[str, float]:
        """Half the diagonal in metres of each community's and street's cells, and of the whole city (the empty name)."""
        corners = np.hstack([self._metres(bounds[:, :2]), self._metres(bounds[:, 2:])])
        groups: dict[str, list[int]] = {"": list(range(len(corners)))}
        for index, code in enumerate(self._codes):
            groups.setdefault(code[:COMMUNITY], []).append(index)
            groups.setdefault(code[:STREET], []).append(index)
        extents = {name: _half_diagonal(corners[members]) for name, members in groups.items()}
        return {**dict.fromkeys(self._defaults, extents[""]), **extents}


def load_cells(
    cells: str,
    communities: str,
    areas: str,
    *,
    files: Sequence[str],
    default: str | None = None,
    zone: tzinfo = UTC,
) -> CellRegistry | list[Finding]:
    """A registry from the texts of `cells.csv`, `communities.csv` and `areas.csv`, or what is wrong with them.

    Args:
        cells: `cells.csv`: code, name, days of validity, polygon as WKT in degrees.
        communities: `communities.csv`: the default cell of each community.
        areas: `areas.csv`: the crosswalk of the networks' own areas to communities.
        files: the names of the three, for findings.
        default: the city's default cell; None: the first cell.
        zone: the city's, in which the days of validity begin and end.
    """
    first, second, third = (Source(file, text) for file, text in zip(files, (cells, communities, areas), strict=True))
    tables = read_tables(first, second, third, default)
    return CellRegistry(tables, default, zone) if isinstance(tables, Tables) else tables


def _at_point(claim: Claim, cell: str, by: ResolvedBy, doubt: str | None) -> Location:
    return Location(
        cell=cell,
        resolved_by=by,
        accuracy_m=_POINT_M if claim.accuracy_m is None else claim.accuracy_m,
        lon=claim.lon,
        lat=claim.lat,
        source_grid=claim.area or claim.cell or claim.community,
        doubt=doubt,
    )


def _by_name(claim: Claim, cell: str, by: ResolvedBy, accuracy: float, doubts: Sequence[str]) -> Location:
    return Location(
        cell=cell,
        resolved_by=by,
        accuracy_m=accuracy,
        source_grid=claim.area or claim.cell or claim.community,
        doubt="; ".join(doubts) or None,
    )


def _half_diagonal(corners: Any) -> float:
    width, height = corners[:, 2].max() - corners[:, 0].min(), corners[:, 3].max() - corners[:, 1].min()
    return round(float(np.hypot(width, height)) / 2, 1)


def _instant(day: date | None, zone: tzinfo, otherwise: float) -> float:
    return otherwise if day is None else datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
