"""The crosswalk maps areas of the networks' own grids to cells and communities, and back. It is many to many.

A table names the communities and cells in which an area lies. An area without a table row may be drawn on the map: police
grids (警格) and others that cross community borders. Their shares are shares of ground. The code of a professional grid
(专业网格, CJ/T 349) names its place: 6 digits managed object, 6 county, 3 street, 3 community (601 and above: several joined),
2 sequence.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Sequence
from datetime import datetime
from math import inf
from typing import Any

import numpy as np
import shapely
from msgspec import Struct

from router.domain.cells.area_tables import Grid, Key, Shares
from router.domain.cells.csv_tables import Tables
from router.domain.cells.spatial_index import CellMap
from router.domain.cells.succession import Succession

JOINED = 601
"""The first community number of professional grids that join several communities (CJ/T 349)."""
_COMMUNITY, _CELL = 12, 15
_DECIMALS = 4
"""Decimals of a share. Cells whose ground differs only by a rounded border get equal shares."""
_is_professional = re.compile(r"[0-9]{20}").fullmatch


class Lead(Struct, frozen=True, gc=False):
    """Where an area lay at one time."""

    code: str
    """A community or cell that was valid then, or else the one with the largest share."""
    codes: Sequence[str]
    """All communities and cells valid then that hold part of the area, `code` first."""
    reach: float
    """Half the diagonal of all of them, in metres."""
    doubt: str | None


class Belonging(Struct, frozen=True, kw_only=True):
    """One area to which a cell belongs."""

    network: str
    area: str
    share: float
    """The part of the area inside the cell, or inside its community if the table names no cell."""
    code: str
    """The cell, or its community."""


class _Shape(Struct, frozen=True, gc=False):
    """Where an area lay between two instants."""

    since: float
    until: float
    shares: Shares
    held: Collection[str]
    """Communities and cells inside it, including predecessors and successors of those cells."""


class Crosswalk:
    """Where the networks' own areas lie.

    Args:
        cells: of the city.
        succession: predecessors and successors of the cells.
        tables: areas by table and by shape.
    """

    def __init__(self, cells: CellMap, succession: Succession, tables: Tables) -> None:
        self._map, self._succession, self._communities = cells, succession, tables.communities
        self._areas: dict[Key, list[_Shape]] = {
            key: [self._shape(shares, -inf, inf)] for key, shares in tables.areas.items()
        }
        drawn = [n for n, grid in enumerate(tables.grids) if (grid.network, grid.area) not in tables.areas]
        if drawn:
            self._draw([tables.grids[n] for n in drawn], np.asarray(tables.shapes, dtype=object)[drawn])
        ends = {end for shapes in self._areas.values() for shape in shapes for end in (shape.since, shape.until)}
        self._changes = sorted({*cells.changes, *ends} - {-inf, inf})
        self._leads: dict[Key, dict[int, Lead | None]] = {key: {} for key in self._areas}
        """Memo of answers: by area, then by the number of changes that lie in the past."""
        self._held = {
            key: shapes[0].held
            for key, shapes in self._areas.items()
            if shapes[0].since == -inf and shapes[0].until == inf
        }
        """Areas whose shape never changed."""

    def lead(self, network: str, area: str, at: datetime) -> Lead | None:
        """Where an area of a network lay at an instant. None if it is unknown or had no shape then.

        The largest share that was valid then decides; ties go to the smallest code.
        """
        leads = self._leads.get((network, area))
        if leads is None:
            return None
        instant = at.timestamp() if self._changes else 0.0
        behind = bisect_right(self._changes, instant)
        if behind not in leads:
            shape = self._at(network, area, instant)
            leads[behind] = None if shape is None else self._lead(area, shape, at)
        return leads[behind]

    def misses(self, network: str, area: str, cell: str, at: datetime) -> bool:
        """Whether a known area had a shape at an instant that does not cover a cell."""
        key = network, area
        held = self._held.get(key)
        if held is None and key in self._areas:
            shape = self._at(network, area, at.timestamp())
            held = None if shape is None else shape.held
        return held is not None and cell not in held and cell[:_COMMUNITY] not in held

    def ignorance(self, network: str, area: str) -> str:
        """Why an area leads to no cell, as a clause."""
        known = (network, area) in self._areas
        return f"area {area[:60]!r} {'was not drawn then' if known else 'is not in the crosswalk'}"

    def of(self, cell: str, at: datetime) -> list[Belonging]:
        """The areas to which a cell belonged at an instant, by network, the largest share first."""
        found = []
        for network, area in self._areas:
            shape = self._at(network, area, at.timestamp())
            for code, share in shape.shares if shape else ():
                if code in {cell, cell[:_COMMUNITY]}:
                    found.append(Belonging(network=network, area=area, share=share, code=code))
        return sorted(found, key=lambda one: (one.network, -one.share, one.area))

    def _at(self, network: str, area: str, instant: float) -> _Shape | None:
        return next((shape for shape in self._areas[network, area] if shape.since <= instant < shape.until), None)

    def _lead(self, area: str, shape: _Shape, at: datetime) -> Lead:
        valid = [(code, share) for code, share in shape.shares if self._valid(code, at)]
        if not valid:
            return self._replaced(area, shape, at)
        (code, share), codes = valid[0], [code for code, _ in valid]
        doubt = None
        if len(codes) > 1:
            doubt = f"area {area[:60]!r} lies in {_counted(codes)}, the largest share ({share:.0%}) in {code}"
        return Lead(code, codes, self._reach(codes, at), doubt)

    def _replaced(self, area: str, shape: _Shape, at: datetime) -> Lead:
        """The fallback if nothing in the area was valid: the replacement of the largest share, else that share itself."""
        code = shape.shares[0][0]
        lapse = self._map.lapse(code, at) if len(code) == _CELL else None
        others = self._succession.others(code, at)
        instead = self._succession.instead(others, code, at)
        doubt = f"area {area[:60]!r} lies in {code}, which {lapse or 'had no valid cell'}{instead}"
        codes = others or [code]
        return Lead(codes[0], codes, self._reach(codes, at), doubt)

    def _reach(self, codes: Sequence[str], at: datetime) -> float:
        aliases = (self._communities[one] for one in codes if len(one) == _COMMUNITY)  # may have no cells of their own
        return self._map.reach([*codes, *aliases], at)

    def _valid(self, code: str, at: datetime) -> bool:
        """Whether a cell was valid, or a community had a default cell or any valid cell."""
        if not self._map.dated:
            return True
        if len(code) == _CELL:
            return self._map.lapse(code, at) is None
        default = self._communities[code]
        here = len(self._map.valid_among(default[:_COMMUNITY], at.timestamp())) > 0
        return here or self._map.lapse(default, at) is None

    def _shape(self, shares: Shares, since: float, until: float) -> _Shape:
        held = {code for code, _ in shares}
        held.update(one for code, _ in shares for one in self._succession.relatives(code))
        return _Shape(since, until, shares, frozenset(held))

    def _draw(self, grids: Sequence[Grid], degrees: Any) -> None:
        """Shares by geometry: how much of each shape lies in each cell while either is valid."""
        shapes = shapely.transform(degrees, self._map.metres)
        one, other, shared = self._map.overlaps(shapes, np.arange(len(self._map.codes)))
        parts = np.round(shared / shapely.area(shapes)[one], _DECIMALS)
        found: list[list[tuple[float, str]]] = [[] for _ in grids]
        for grid, cell, part in zip(one.tolist(), other.tolist(), parts.tolist(), strict=True):
            found[grid].append((-part, self._map.codes[cell]))
        for grid, ranked in zip(grids, found, strict=True):
            if ranked:
                shares = tuple((code, -part) for part, code in sorted(ranked))
                since, until = self._map.instant(grid.valid_from, -inf), self._map.instant(grid.valid_until, inf)
                self._areas.setdefault((grid.network, grid.area), []).append(self._shape(shares, since, until))


def professional_community(text: str) -> str | None:
    """The community in the code of a professional grid (CJ/T 349), including joined ones. None for anything else."""
    return text[6:18] if _is_professional(text) else None


def _counted(codes: Sequence[str]) -> str:
    kinds = {len(code) for code in codes}
    what = "places" if len(kinds) > 1 else "cells" if _CELL in kinds else "communities"
    return f"{len(codes)} {what}"
