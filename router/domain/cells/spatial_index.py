"""The cells of a city on a flat map in metres, each with the instants between which it is valid."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from math import cos, inf, radians
from typing import Any

import numpy as np
import shapely

from router.domain.cells.csv_tables import Cell
from router.domain.geometry import METRES_PER_DEGREE

NEAREST_M = 150.0
"""How far outside of every cell a point may lie and still belong to the nearest: more than GPS error, less than a block or two."""
NONE = -1
"""Index of no cell."""
_DECIMALS = 1
"""Of metres around a point: borders are written with six decimals of a degree, so neighbours may leave a seam of 0.05 m."""
_BEYOND = 1000.0
"""Degrees where no place is: instead of a coordinate that is no number."""
_SEAM = 0.01
"""What two shapes share is no more than a border drawn twice when it is less than this part of the smaller one."""
Around = tuple[int, float, int]
"""Of a point: the nearest cell valid then, its distance in metres, and a cell that holds the point but was not valid then."""


class CellMap:
    """Where each cell lies and when it is valid.

    Args:
        cells: sorted by code.
        geometries: their polygons in degrees, in the same order; a numpy array of shapely geometries.
        zone: in which the days of validity begin and end.
    """

    def __init__(self, cells: Sequence[Cell], geometries: Any, zone: tzinfo) -> None:
        self.cells, self._zone = cells, zone
        self.codes = [cell.code for cell in cells]
        bounds = shapely.bounds(geometries)
        flat = cos(radians(float((bounds[:, 1].min() + bounds[:, 3].max()) / 2)))
        self._scale = np.array([METRES_PER_DEGREE * flat, METRES_PER_DEGREE])
        self._corners = np.hstack([self.metres(bounds[:, :2]), self.metres(bounds[:, 2:])])
        self.tree = shapely.STRtree(shapely.transform(geometries, self.metres))
        self.shapes = self.tree.geometries
        """The polygons in metres."""
        shapely.prepare(self.shapes)
        self.since = np.array([self.instant(cell.valid_from, -inf) for cell in cells])
        self.until = np.array([self.instant(cell.valid_until, inf) for cell in cells])
        self.changes = sorted(set(self.since[np.isfinite(self.since)]) | set(self.until[np.isfinite(self.until)]))
        """Instants at which other cells become valid, seconds since the epoch."""
        self.dated = bool(self.changes)

    def metres(self, degrees: Any) -> Any:
        """Pairs of degrees on the flat map; exact in the middle latitude of the city."""
        return degrees * self._scale

    def written(self, shape: Any) -> str:
        """A point within a shape of the map as people type it: `at <longitude> <latitude>`."""
        lon, lat = shapely.get_coordinates(shapely.point_on_surface(shape))[0] / self._scale
        return f"at {lon:.6f} {lat:.6f}"

    def instant(self, day: date | None, otherwise: float) -> float:
        """The beginning of a day in the city, seconds since the epoch."""
        return otherwise if day is None else datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp()

    def valid(self, cells: Any, instants: Any) -> Any:
        """Which of these cells (indices) are valid at these instants."""
        return (self.since[cells] <= instants) & (instants < self.until[cells])

    def among(self, prefix: str) -> tuple[int, int]:
        """The first index of the cells whose codes begin so, and the first after them."""
        return bisect_left(self.codes, prefix), bisect_left(self.codes, f"{prefix}:")  # ":" follows "9"

    def valid_among(self, prefix: str, instant: float) -> Any:
        """Indices of the cells whose codes begin so and that are valid then."""
        indices = np.arange(*self.among(prefix))
        return indices[self.valid(indices, instant)]

    def lapse(self, code: str, at: datetime) -> str | None:
        """Why a known cell was not valid at an instant; None when it was."""
        if not self.dated:
            return None
        place = bisect_left(self.codes, code)
        instant = at.timestamp()
        if instant >= self.until[place]:
            return f"was retired on {self.cells[place].valid_until}"
        return f"is valid only from {self.cells[place].valid_from}" if instant < self.since[place] else None

    def extent(self, cells: Any) -> float:
        """Half the diagonal in metres of what holds all of these cells (indices, at least one)."""
        corners = self._corners[cells]
        width, height = corners[:, 2].max() - corners[:, 0].min(), corners[:, 3].max() - corners[:, 1].min()
        return round(float(np.hypot(width, height)) / 2, 1)

    def reach(self, prefixes: Sequence[str], at: datetime) -> float:
        """Half the diagonal in metres of the cells valid at an instant whose codes begin so; 0 when there is none."""
        instant = at.timestamp()
        found = np.concatenate([self.valid_among(prefix, instant) for prefix in prefixes])
        return self.extent(found) if len(found) else 0.0

    def locate(self, degrees: Any, instants: Any) -> list[Around]:
        """Where each of some points lies.

        Args:
            degrees: pairs of longitude and latitude.
            instants: that of each point, seconds since the epoch; looked at only where cells have dates.
        """
        metres = self.metres(np.where(np.abs(degrees) <= 360, degrees, _BEYOND))
        points = shapely.points(metres)
        ask, hit = self.tree.query(points)
        # a prepared polygon answers in logarithmic time, and the tree prepares only the points it is asked about
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
        """Which shapes (polygons in metres) and which of some cells share more than a seam.

        Returns:
            Indices into both, and the square metres shared.
        """
        one, other = shapely.STRtree(self.shapes[cells]).query(shapes, predicate="intersects")
        theirs = self.shapes[cells[other]]
        whole, areas = shapely.area(shapes)[one], shapely.area(theirs)
        shared = areas.copy()
        crossing = ~shapely.covers(shapes[one], theirs)
        shared[crossing] = shapely.area(shapely.intersection(shapes[one[crossing]], theirs[crossing]))
        real = shared >= _SEAM * np.minimum(whole, areas)
        return one[real], other[real], shared[real]
