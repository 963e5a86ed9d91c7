"""Places of incidents: the city's cells with their weights, points in them, and their neighbours."""

from datetime import date
from typing import Any

import numpy as np
import shapely

from router.domain.cells.registry import COMMUNITY, STREET
from router.simulator.synthetic.cell_geometry import CellGeometry
from router.simulator.synthetic.coordinates import MICRO, moved
from router.simulator.synthetic.parameters import Places
from router.simulator.synthetic.rng import RandomColumns, normal

Column = Any
_ROUNDS = 40
"""Attempts to draw a point inside a cell from its bounds. After them the cell's inner point is used."""
_MARGIN = 5
"""Smallest distance of a point from the border, millionths of a degree. It exceeds the rounding of every datum."""
_ALWAYS = (0, 1 << 30)
"""First day, and first day after it, of a cell without limits; ordinals."""
_KIND = 6
"""Index of the digit in a street's code that is 0 for subdistricts."""
_MIXED = tuple(np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xBF58476D1CE4E5B9))
"""Odd multipliers that hash the place of a door."""
_ASIDE = 1001
"""Resolution of a door's place in its frontage. Doors lie in the middle half."""
_TOUCHING = 3e-5
"""Largest distance of neighbouring cells, degrees: three metres."""


class PlaceModel:
    """The cells of a city with their weights, for the simulator.

    Args:
        geometry: the city's cells.
        places: the parameters of the distribution over cells.
    """

    def __init__(self, geometry: CellGeometry, places: Places) -> None:
        self.codes = np.array(geometry.codes, dtype=object)
        """15 digits, sorted."""
        self.known = frozenset(geometry.codes)
        names, self.community = np.unique([code[:COMMUNITY] for code in geometry.codes], return_inverse=True)
        self.communities = names.astype(object)
        """12 digits; `community` has the index of each cell's community."""
        self._geometry, self._shapes, self._places = geometry, geometry.shapes, places
        self._since = np.array([since.toordinal() if since else _ALWAYS[0] for since, _ in geometry.periods])
        self._until = np.array([until.toordinal() if until else _ALWAYS[1] for _, until in geometry.periods])
        shapely.prepare(self._shapes)
        self._bounds = np.rint(shapely.bounds(self._shapes) * MICRO).astype(np.int64)
        inner = shapely.point_on_surface(self._shapes)
        self._inner = np.rint(shapely.get_coordinates(inner) * MICRO).astype(np.int64)
        names, self.street = np.unique([code[:STREET] for code in geometry.codes], return_inverse=True)
        rng = RandomColumns(places.seed)
        self._weights = self._zipf(np.array([name[_KIND] != "0" for name in names]), rng)
        self.corner = (int(self._bounds[:, 0].min()), int(self._bounds[:, 1].min()))
        """South-west corner of the city, millionths of a degree."""
        east, north = moved(*(np.array([edge]) for edge in self.corner), *(2 * [np.array([1000 * places.frontage_m])]))
        self._doors = (int(east[0]) - self.corner[0], int(north[0]) - self.corner[1])
        """Frontage of an address, millionths of a degree east and north."""
        every = np.repeat(np.arange(len(self.codes)), places.spots)
        self._spots = self._inside(every, rng)
        self._first, self._next = self._neighbours()

    def weights(self, day: date) -> Column:
        """Weight of each cell; 0 for a cell that is not valid on that day."""
        return self._weights * self._valid(day)

    def retired(self, day: date) -> Column:
        """Indices of the cells that are retired on that day."""
        return np.flatnonzero(self._until <= day.toordinal())

    def around(self, cell: int, among: Column) -> Column:
        """The cells of `among`, sorted by distance to a cell."""
        away = np.abs(self._inner[among] - self._inner[cell]).sum(axis=1)
        return among[np.lexsort((among, away))]

    def areas(self, network: str) -> Column:
        """A network's own area at each cell; an empty text where it has none."""
        own = self._geometry.areas.get(network, {})
        found = [own.get(code) or own.get(code[:COMMUNITY]) or "" for code in self._geometry.codes if own]
        found = found or [""] * len(self.codes)
        if network in self._geometry.grids:
            codes, shapes = self._geometry.grids[network]
            points = shapely.points(self._inner / MICRO)
            cell_rows, grid = shapely.STRtree(shapes).query(points, predicate="within")
            for cell, one in zip(cell_rows.tolist(), grid.tolist(), strict=True):
                found[cell] = codes[one]
        return np.array(found, dtype=object)

    def points(self, cells: Column, rng: RandomColumns) -> tuple[Column, Column]:
        """A true point in each of these cells, millionths of a degree: near one of its spots, or anywhere."""
        places, number = self._places, len(cells)
        lon, lat = np.zeros(number, dtype=np.int64), np.zeros(number, dtype=np.int64)
        chosen = np.flatnonzero(rng.chance(places.at_spots, number))
        spot = cells[chosen] * places.spots + rng.below(places.spots, len(chosen))
        off = normal(1000 * places.spot_m)
        x, y = moved(self._spots[0][spot], self._spots[1][spot], rng.of(off, len(chosen)), rng.of(off, len(chosen)))
        inside = self._contains(cells[chosen], x, y)
        lon[chosen], lat[chosen] = x, y
        anywhere = np.ones(number, dtype=bool)
        anywhere[chosen[inside]] = False
        lon[anywhere], lat[anywhere] = self._inside(cells[anywhere], rng)
        return lon, lat

    def doors(self, cells: Column, lon: Column, lat: Column) -> tuple[Column, Column]:
        """The address of each point, inside its cell. Doors are `frontage_m` apart, at irregular places.

        If that door lies in another cell, the point itself is the address.
        """
        width = self._doors
        column, row = (lon - self.corner[0]) // width[0], (lat - self.corner[1]) // width[1]
        word = column.astype(np.uint64) * _MIXED[0] + row.astype(np.uint64) * _MIXED[1]
        word = (word ^ (word >> np.uint64(29))) * _MIXED[2]  # overflow wraps around
        aside = ((word >> np.uint64(shift)) % np.uint64(_ASIDE) for shift in (24, 44))
        x, y = (
            corner + place * wide + wide // 2 + (wide * (off.astype(np.int64) - _ASIDE // 2)) // (2 * _ASIDE)
            for corner, place, wide, off in zip(self.corner, (column, row), width, aside, strict=True)
        )
        inside = self._contains(cells, x, y)
        return np.where(inside, x, lon), np.where(inside, y, lat)

    def neighbour(self, cells: Column, day: date, rng: RandomColumns) -> Column:
        """A random neighbour of each cell that is valid on that day, or the cell itself."""
        number = self._first[cells + 1] - self._first[cells]
        chosen = self._first[cells] + rng.below(np.maximum(number, 1), len(cells))
        beside = self._next[np.minimum(chosen, len(self._next) - 1)]
        return np.where((number > 0) & self._valid(day)[beside], beside, cells)

    def _valid(self, day: date) -> Column:
        return (self._since <= day.toordinal()) & (day.toordinal() < self._until)

    def _zipf(self, rural: Column, rng: RandomColumns) -> Column:
        """Weight of each cell: the weight of its street's rank, divided by its rank in the street.

        The ranks are random, but subdistricts (街道) rank before towns and villages.
        """
        streets = len(rural)
        rank_of_street = np.argsort(np.lexsort((rng.words(streets), rural)))
        of_street = (rank_of_street + 1.0) ** -self._places.streets
        order = np.lexsort((rng.words(len(self.street)), self.street))
        begins = np.searchsorted(self.street[order], np.arange(streets))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order)) - begins[self.street[order]]
        of_cell = (rank + 1.0) ** -self._places.cells
        return of_street[self.street] * of_cell / np.bincount(self.street, of_cell)[self.street]

    def _inside(self, cells: Column, rng: RandomColumns) -> tuple[Column, Column]:
        lon, lat = self._inner[cells, 0].copy(), self._inner[cells, 1].copy()
        open_ = np.arange(len(cells))
        for _ in range(_ROUNDS):
            bounds = self._bounds[cells[open_]]
            x = bounds[:, 0] + rng.below(bounds[:, 2] - bounds[:, 0] + 1, len(open_))
            y = bounds[:, 1] + rng.below(bounds[:, 3] - bounds[:, 1] + 1, len(open_))
            inside = self._contains(cells[open_], x, y)
            lon[open_[inside]], lat[open_[inside]] = x[inside], y[inside]
            open_ = open_[~inside]
            if not len(open_):
                break
        return lon, lat

    def _contains(self, cells: Column, lon: Column, lat: Column) -> Column:
        """Whether each cell contains its point, with a margin to the border."""
        shapes, inside = self._shapes[cells], np.ones(len(cells), dtype=bool)
        for east in (-_MARGIN, _MARGIN):
            for north in (-_MARGIN, _MARGIN):
                inside &= shapely.contains_xy(shapes, (lon + east) / MICRO, (lat + north) / MICRO)
        return inside

    def _neighbours(self) -> tuple[Column, Column]:
        """Index of each cell's first neighbour, and the column of all neighbours."""
        tree = shapely.STRtree(self._shapes)
        one, other = tree.query(self._shapes, predicate="dwithin", distance=_TOUCHING)
        apart = one != other
        one, other = one[apart], other[apart]
        order = np.lexsort((other, one))
        first = np.searchsorted(one[order], np.arange(len(self.codes) + 1))
        return first, np.append(other[order], 0)
