"""Grid cells (单元网格): codes, the registry of a city with validity dates, and how a report finds its cell.

A cell code has 15 ASCII digits (GB/T 30428.1): 6 county, 3 street, 3 community, 3 sequence; the first edition of CJ/T 213
had a sequence of two, so codes of 14 digits still occur. Its prefixes are the hierarchy.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from hashlib import blake2b
from math import cos, inf, radians
from typing import Any

import numpy as np
import shapely
from msgspec import Struct

from router.domain.cell_tables import Cell, Tables, read_tables
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
_is_code = re.compile(r"[0-9]{14,15}").fullmatch


class Claim(Struct, frozen=True, gc=False, kw_only=True):
    """What one report says about its place, in the source's own terms."""

    network: str
    at: datetime
    """When it happened: the registry valid then decides."""
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
    """

    def __init__(self, tables: Tables, default: str | None = None) -> None:
        self.cells: Mapping[str, Cell] = {cell.code: cell for cell in tables.cells}
        self.version = _version(tables)
        self._codes = [cell.code for cell in tables.cells]
        self._default = default if default is not None else self._codes[0]
        self._communities, self._areas = tables.communities, tables.areas
        self._streets = {code[:STREET]: code for code in sorted(tables.communities, reverse=True)}
        bounds = shapely.bounds(tables.geometries)
        self._flat = cos(radians(float((bounds[:, 1].min() + bounds[:, 3].max()) / 2)))
        self._tree = shapely.STRtree(shapely.transform(tables.geometries, self._metres))
        self._extent = self._extents(bounds)
        self._from = np.array([_instant(cell.valid_from, -inf) for cell in tables.cells])
        self._until = np.array([_instant(cell.valid_until, inf) for cell in tables.cells])
        self._dated = bool(np.isfinite(self._from).any() or np.isfinite(self._until).any())

    def resolve(self, claims: Sequence[Claim]) -> list[Location]:
        """The cell of each claim; never raises.

        In this order: the cell that holds the point; the nearest within 150 m; the source's own cell code if it was valid
        then; the default cell of the community; that of the source's own area by the crosswalk; the city's default.
        Whenever an earlier choice did not hold, or two disagree, `doubt` says so.
        """
        hits = self._locate(claims)
        return [
            self._decide(claim, *hits[index]) if index in hits else self._without_point(claim, None)
            for index, claim in enumerate(claims)
        ]

    def _locate(self, claims: Sequence[Claim]) -> dict[int, tuple[int, float]]:
        """For each claim with a point: the index of its cell (-1: none near) and its distance in metres."""
        with_point = [index for index, claim in enumerate(claims) if claim.lon is not None and claim.lat is not None]
        if not with_point:
            return {}
        points = shapely.points(self._metres(np.array([(claims[i].lon, claims[i].lat) for i in with_point])))
        found = np.full(len(points), len(self._codes))
        ask, hit = self._tree.query(points, predicate="intersects")
        if self._dated:
            at = np.array([claims[i].at.timestamp() for i in with_point])
            valid = (self._from[hit] <= at[ask]) & (at[ask] < self._until[hit])
            ask, hit = ask[valid], hit[valid]
        np.minimum.at(found, ask, hit)  # a point on a border belongs to the smallest code
        inside = found < len(self._codes)
        hits = {i: (cell, 0.0) for i, cell, ok in zip(with_point, found.tolist(), inside.tolist(), strict=True) if ok}
        for place in np.flatnonzero(~inside).tolist():
            index = with_point[place]
            hits[index] = self._nearest(points[place], claims[index].at)
        return hits

    def _nearest(self, point: Any, at: datetime) -> tuple[int, float]:
        near = sorted(self._tree.query(point, predicate="dwithin", distance=NEAREST_M).tolist())
        instant = at.timestamp()
        valid = [i for i in near if self._from[i] <= instant < self._until[i]]
        if not valid:
            return -1, inf
        distances = shapely.distance(self._tree.geometries[valid], point).tolist()
        best = distances.index(min(distances))
        return valid[best], distances[best]

    def _decide(self, claim: Claim, index: int, distance: float) -> Location:
        if index < 0:
            return self._without_point(claim, f"the point lies more than {NEAREST_M:.0f} m outside every cell")
        by: ResolvedBy = "point" if distance == 0 else "nearest"
        doubt = None if distance == 0 else f"the point lies {distance:.0f} m outside every cell"
        code = self._codes[index]
        if claim.cell is not None and cell_code(claim.cell) != code:
            said = f"the source wrote cell {claim.cell[:20]!r}, its point lies in {code}"
            doubt = said if doubt is None else f"{doubt}; {said}"
        accuracy = _POINT_M if claim.accuracy_m is None else claim.accuracy_m
        return Location(
            cell=code,
            resolved_by=by,
            accuracy_m=accuracy,
            lon=claim.lon,
            lat=claim.lat,
            source_grid=_own_grid(claim),
            doubt=doubt,
        )

    def _without_point(self, claim: Claim, doubt: str | None) -> Location:
        doubts = [doubt] if doubt else []
        if claim.cell is not None:
            code = cell_code(claim.cell)
            wrong = self._invalid(code, claim)
            if code is not None and wrong is None:
                return self._location(claim, code, "code", CELL_M, doubts)
            doubts.append(str(wrong))
        for community in self._named(claim, doubts):
            return self._location(claim, self._communities[community], "community", self._extent[community], doubts)
        doubts.append("nothing names a place inside the city")
        return self._location(claim, self._default, "fallback", self._extent[""], doubts)

    def _invalid(self, code: str | None, claim: Claim) -> str | None:
        """Why a cell code does not hold; None when it does."""
        known = self.cells.get(code) if code is not None else None
        if known is None:
            return f"cell {str(claim.cell)[:20]!r} is unknown"
        instant = claim.at.timestamp()
        if known.valid_until is not None and instant >= _instant(known.valid_until, inf):
            return f"cell {known.code} was retired on {known.valid_until}"
        if instant < _instant(known.valid_from, -inf):
            return f"cell {known.code} is valid only from {known.valid_from}"
        return None

    def _named(self, claim: Claim, doubts: list[str]) -> list[str]:
        """The community that a claim leads to, if any; appends what had to be guessed."""
        if claim.community is not None:
            if claim.community in self._communities:
                return [claim.community]
            doubts.append(f"community {claim.community[:20]!r} is unknown")
        if claim.area is not None:
            crossed = self._areas.get((claim.network, claim.area))
            if crossed is not None:
                return [crossed]
            doubts.append(f"area {claim.area[:60]!r} is not in the crosswalk")
        for text in (claim.cell, claim.community, claim.area):
            if text is None:
                continue
            if text[:COMMUNITY] in self._communities:
                return [text[:COMMUNITY]]
            if text[:STREET] in self._streets:
                doubts.append(f"only its street {text[:STREET]} is known")
                return [self._streets[text[:STREET]]]
        return []

    def _location(self, claim: Claim, cell: str, by: ResolvedBy, accuracy: float, doubts: list[str]) -> Location:
        return Location(
            cell=cell,
            resolved_by=by,
            accuracy_m=accuracy,
            source_grid=_own_grid(claim),
            doubt="; ".join(doubts) or None,
        )

    def _metres(self, degrees: Any) -> Any:
        return degrees * np.array([METRES_PER_DEGREE * self._flat, METRES_PER_DEGREE])

    def _extents(self, bounds: Any) -> dict[str, float]:
        """Half the diagonal in metres of each community's cells, and of the whole city under the empty name."""
        corners = np.hstack([self._metres(bounds[:, :2]), self._metres(bounds[:, 2:])])
        groups: dict[str, list[int]] = {"": list(range(len(corners)))}
        for index, code in enumerate(self._codes):
            groups.setdefault(code[:COMMUNITY], []).append(index)
        extents = {name: _half_diagonal(corners[members]) for name, members in groups.items()}
        return {name: extents.get(name, extents[""]) for name in (*self._communities, "")}


def load_cells(
    cells: str, communities: str, areas: str, *, files: Sequence[str], default: str | None = None
) -> CellRegistry | list[Finding]:
    """A registry from the texts of `cells.csv`, `communities.csv` and `areas.csv`, or what is wrong with them.

    Args:
        cells: `cells.csv`: code, name, days of validity, polygon as WKT in degrees.
        communities: `communities.csv`: the default cell of each community.
        areas: `areas.csv`: the crosswalk of the networks' own areas to communities.
        files: the names of the three, for findings.
        default: the city's default cell; None: the first cell.
    """
    first, second, third = (Source(file, text) for file, text in zip(files, (cells, communities, areas), strict=True))
    tables = read_tables(first, second, third, default)
    return CellRegistry(tables, default) if isinstance(tables, Tables) else tables


def _own_grid(claim: Claim) -> str | None:
    return claim.area or claim.cell or claim.community


def _half_diagonal(corners: Any) -> float:
    width, height = corners[:, 2].max() - corners[:, 0].min(), corners[:, 3].max() - corners[:, 1].min()
    return round(float(np.hypot(width, height)) / 2, 1)


def _instant(day: date | None, otherwise: float) -> float:
    return otherwise if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _version(tables: Tables) -> str:
    digest = blake2b(digest_size=6)
    digest.update(b"".join(shapely.to_wkb(tables.geometries)))
    digest.update(repr((tables.cells, sorted(tables.communities.items()), sorted(tables.areas.items()))).encode())
    return digest.hexdigest()
