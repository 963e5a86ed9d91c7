"""The cells of a city on a flat map in metres, each with its interval of validity."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from math import cos, hypot, inf, radians
from typing import Any

import numpy as np
import shapely

from router.domain.cells.csv_tables import Cell
from router.domain.geometry import METRES_PER_DEGREE

NEAREST_M = 150.0
"""How far outside all cells a point may lie and still belong to the nearest: more than GPS error, less than a block or two."""
FAR_M = 50_000.0
"""How far outside the bounds of all cells a point may lie and still be a place: suburbs, and cells that are not drawn yet. Beyond
are swapped or empty coordinates, and other cities."""
NONE = -1
"""Index that means no cell."""
_DECIMALS = 1
"""Radius in metres around a point. Borders have six decimals of a degree, so neighbours may leave a seam of 0.05 m."""
_BEYOND = 1000.0
"""A place where no cell is, in degrees. It replaces coordinates that are not numbers."""
_SEAM = 0.01
"""Share of the smaller shape below which an overlap counts as a border drawn twice."""
Around = tuple[int, float, int]
"""For a point: the nearest valid cell, its distance in metres, and a cell that holds the point but was not valid."""


class CellMap:
    """Where each cell lies and when it is valid.

    Args:
        cells: sorted by code.
        geometries: polygons in degrees, in the same order; a numpy array of shapely geometries.
        zone: time zone in which days begin.
    """

    def __init__(self, cells: Sequence[Cell], geometries: Any, zone: tzinfo) -> None:
        self.cells, self._zone = cells, zone
        self.codes = [cell.code for cell in cells]
        bounds = shapely.bounds(geometries)
        flat = cos(radians(float((bounds[:, 1].min() + bounds[:, 3].max()) / 2)))
        self._scale = np.array([METRES_PER_DEGREE * flat, METRES_PER_DEGREE])
        self._corners = np.hstack([self.metres(bounds[:, :2]), self.metres(bounds[:, 2:])])
        self._bounds = np.concatenate([self._corners[:, :2].min(axis=0), self._corners[:, 2:].max(axis=0)]).tolist()
        self.tree = shapely.STRtree(shapely.transform(geometries, self.metres))
        self.shapes = self.tree.geometries
        """The polygons in metres."""
        shapely.prepare(self.shapes)
        self.since = np.array([self.instant(cell.valid_from, -inf) for cell in cells])
        self.until = np.array([self.instant(cell.valid_until, inf) for cell in cells])
        self.changes = sorted(set(self.since[np.isfinite(self.since)]) | set(self.until[np.isfinite(self.until)]))
        """Instants at which other cells become valid, in seconds since the epoch."""
        self.dated = bool(self.changes)

    def metres(self, degrees: Any) -> Any:
        """Pairs of degrees on the flat map. Exact at the city's middle latitude."""
        return degrees * self._scale

    def written(self, shape: Any) -> str:
        """A point inside a shape, as people type it: `at <longitude> <latitude>`."""
        lon, lat = shapely.get_coordinates(shapely.point_on_surface(shape))[0] / self._scale
        return f"at {lon:.6f} {lat:.6f}"

    def outside_m(self, lon: float, lat: float) -> float:
        """Metres from a point to the bounds of all cells; 0 within them."""
        x, y = self.metres(np.array([one if abs(one) <= 360 else _BEYOND for one in (lon, lat)])).tolist()
        west, south, east, north = self._bounds
        return hypot(max(west - x, 0.0, x - east), max(south - y, 0.0, y - north))

    def instant(self, day: date | None, otherwise: float) -> float:
        """The beginning of a day in the city, in seconds since the epoch."""
        return otherwise if day is None else datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp()

    def valid(self, cells: Any, instants: Any) -> Any:
        """Which of these cells (indices) are valid at these instants."""
        return (self.since[cells] <= instants) & (instants < self.until[cells])

    def among(self, prefix: str) -> tuple[int, int]:
        """The first index of the cells whose codes begin with the prefix, and the first after them."""
        return bisect_left(self.codes, prefix), bisect_left(self.codes, f"{prefix}:")  # ":" follows "9"

    def valid_among(self, prefix: str, instant: float) -> Any:
        """Indices of the cells whose codes begin with the prefix and that are valid then."""
        indices = np.arange(*self.among(prefix))
        return indices[self.valid(indices, instant)]

    def lapse(self, code: str, at: datetime) -> str | None:
        """Why a known cell was not valid at an instant. None if it was."""
        if not self.dated:
            return None
        place = bisect_left(self.codes, code)
        instant = at.timestamp()
        if instant >= self.until[place]:
            return f"was retired on {self.cells[place].valid_until}"
        return f"is valid only from {self.cells[place].valid_from}" if instant < self.since[place] else None

    def extent(self, cells: Any) -> float:
        """Half the diagonal, in metres, of the area that all these cells (indices, at least one) cover."""
        corners = self._corners[cells]
        width, height = corners[:, 2].max() - corners[:, 0].min(), corners[:, 3].max() - corners[:, 1].min()
        return round(float(np.hypot(width, height)) / 2, 1)

    def reach(self, prefixes: Sequence[str], at: datetime) -> float:
        """Half the diagonal, in metres, of the valid cells whose codes begin with the prefix. 0 if there is none."""
        instant = at.timestamp()
        found = np.concatenate([self.valid_among(prefix, instant) for prefix in prefixes])
        return self.extent(found) if len(found) else 0.0

    def locate(self, degrees: Any, instants: Any) -> list[Around]:
        """Where each point lies.

        Args:
            degrees: pairs of longitude and latitude.
            instants: one for each point, in seconds since the epoch; used only where cells have dates.
        """
        metres = self.metres(np.where(np.abs(degrees) <= 360, degrees, _BEYOND))
        points = shapely.points(metres)
        ask, hit = self.tree.query(points)
        # a prepared polygon answers in logarithmic time, and the tree prepares only the points that it tests
        inside = shapely.intersects_xy(self.shapes[hit], metres[ask, 0], metres[ask, 1])
        if self.dated:
            inside &= self.valid(hit, instants[ask])
        none = len(self.codes)
        found = np.full(len(points), none)
        np.minimum.at(found, ask[inside], hit[inside])  # a point on a border belongs to the smallest code
        located: list[Around] = [(cell, 0.0, NONE) for cell in found.tolist()]
        lost = np.flatnonzero(found == none)
        if len(lost):
            for n, around in zip(lost.tolist(), self._around(points[lost], instants[lost]), strict=True):
                located[n] = around
        return located

    def _around(self, points: Any, instants: Any) -> list[Around]:
        ask, hit = self.tree.query(points, predicate="dwithin", distance=NEAREST_M)
        metres = np.round(shapely.distance(points[ask], self.shapes[hit]), _DECIMALS)
        valid = self.valid(hit, instants[ask])
        nearest: dict[int, tuple[int, float]] = {}
        lapsed: dict[int, int] = {}
        for n in np.lexsort((hit, metres, ask)).tolist():
            if valid[n]:
                nearest.setdefault(int(ask[n]), (int(hit[n]), float(metres[n])))
            elif metres[n] == 0:
                lapsed.setdefault(int(ask[n]), int(hit[n]))
        return [(*nearest.get(n, (NONE, inf)), lapsed.get(n, NONE)) for n in range(len(points))]

    def overlaps(self, shapes: Any, cells: Any) -> tuple[Any, Any, Any]:
        """Which shapes (polygons in metres) and which cells share more than a seam.

        Returns:
            Indices into both, and the shared square metres.
        """
        one, other = shapely.STRtree(self.shapes[cells]).query(shapes, predicate="intersects")
        theirs = self.shapes[cells[other]]
        whole, areas = shapely.area(shapes)[one], shapely.area(theirs)
        shared = areas.copy()
        crossing = ~shapely.covers(shapes[one], theirs)
        shared[crossing] = shapely.area(shapely.intersection(shapes[one[crossing]], theirs[crossing]))
        real = shared >= _SEAM * np.minimum(whole, areas)
        return one[real], other[real], shared[real]
