"""Checks that the cells of a city fit together: overlaps, gaps, missing successors, empty communities (GR051 to GR055)."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

import numpy as np
import shapely
from msgspec import Struct

from router.domain.cells.csv_tables import Tables
from router.domain.cells.spatial_index import CellMap
from router.domain.cells.succession import Succession
from router.domain.documents import Finding, SourcePosition, found

OVERLAP = "GR051"
GAP = "GR052"
NO_SUCCESSOR = "GR053"
ORPHAN = "GR054"
NOWHERE = "GR055"
LEAST_M2 = 1.0
"""Least area in square metres of an overlap or gap. Borders are written with six decimals of a degree, about 0.1 m."""
SEAM_M = 10.0
"""Widest gap that was probably not intended. Anything wider may be a lake."""
_TOUCH_M = 0.1
_COMMUNITY = 12
_KM2 = 1_000_000


class Files(Struct, frozen=True):
    """File names, for findings."""

    cells: str
    communities: str
    grids: str


def check(tables: Tables, files: Files, zone: tzinfo) -> list[Finding]:
    """All findings, at the later of the rows concerned. Only overlaps are errors.

    Args:
        tables: of the city.
        files: their names.
        zone: time zone in which days begin.
    """
    cells = CellMap(tables.cells, tables.geometries, zone)
    return [
        *_overlaps(tables, files, cells),
        *_gaps(tables, files, cells, zone),
        *_without_successor(tables, files, cells),
        *_orphans(tables, files),
        *_nowhere(tables, files, cells),
    ]


def _overlaps(tables: Tables, files: Files, cells: CellMap) -> Iterator[Finding]:
    one, other = _near(cells)
    shared = shapely.area(shapely.intersection(cells.shapes[one], cells.shapes[other]))
    for first, second, area in zip(one.tolist(), other.tolist(), shared.tolist(), strict=True):
        if area > LEAST_M2:
            earlier, later = sorted((cells.codes[first], cells.codes[second]), key=tables.lines.__getitem__)
            message = f"cell {later} overlaps {earlier} by {area:,.0f} m2"
            hint = "move its border, or give the two days that do not overlap"
            yield found(OVERLAP, SourcePosition(files.cells, tables.lines[later]), message, hint)


def _near(cells: CellMap) -> tuple[Any, Any]:
    """Pairs of cells that share a day of validity and whose bounds overlap."""
    one, other = cells.tree.query(cells.shapes)
    once = one < other
    one, other = one[once], other[once]
    bounds = shapely.bounds(cells.shapes)
    sides = np.minimum(bounds[one, 2:], bounds[other, 2:]) - np.maximum(bounds[one, :2], bounds[other, :2])
    together = np.maximum(cells.since[one], cells.since[other]) < np.minimum(cells.until[one], cells.until[other])
    near = together & (sides > 0).all(axis=1) & (sides.prod(axis=1) > LEAST_M2)
    return one[near], other[near]


def _gaps(tables: Tables, files: Files, cells: CellMap, zone: tzinfo) -> Iterator[Finding]:
    """Gaps on each day on which cells change. A lasting seam is reported once."""
    said: set[tuple[int, int]] = set()
    for instant in (-np.inf, *cells.changes):
        valid = np.flatnonzero(cells.valid(np.arange(len(cells.codes)), instant))
        if not len(valid):
            continue
        day = "" if instant == -np.inf else f" on {datetime.fromtimestamp(instant, zone).date()}"
        ground = shapely.union_all(cells.shapes[valid])
        seams, holes = _between(ground)
        for seam in seams:
            place = _place(seam)
            if place not in said:
                said.add(place)
                message = f"no cell holds {seam.area:,.0f} m2{day} {cells.written(seam)}, between cells"
                where = _beside(tables, files, cells, valid, seam)
                yield found(GAP, where, message, "let the borders meet", "warning")
        if holes and not {_place(hole) for hole in holes} <= said:
            said.update(map(_place, holes))
            largest = max(holes, key=shapely.area)
            places = f"{len(holes):,} enclosed place{'' if len(holes) == 1 else 's'}"
            sizes = [hole.area / _KM2 for hole in holes]
            message = f"no cell holds {places}{day}, {sum(sizes):,.2f} km2"
            message += f"; the largest has {max(sizes):,.2f} km2 {cells.written(largest)}"
            hint = "add cells, or leave it where no network reports"
            yield found(GAP, _beside(tables, files, cells, valid, largest), message, hint, "warning")


def _between(ground: Any) -> tuple[list[Any], list[Any]]:
    """What lies between cells: seams, including those open at one end, and wide areas that cells enclose."""
    half = SEAM_M / 2
    closed = ground.buffer(half, join_style="mitre").buffer(-half, join_style="mitre")
    seams = [part for part in shapely.get_parts(closed.difference(ground)) if part.area > LEAST_M2]
    filled = shapely.union_all([shapely.Polygon(part.exterior) for part in shapely.get_parts(ground)])
    wide = shapely.get_parts(filled.difference(closed))
    return seams, [part for part in wide if part.area > LEAST_M2]


def _place(shape: Any) -> tuple[int, int]:
    """A point inside it, in whole metres."""
    point = shape.representative_point()
    return round(point.x), round(point.y)


def _beside(tables: Tables, files: Files, cells: CellMap, valid: Any, gap: Any) -> SourcePosition:
    """The last row among the cells that border a gap."""
    touching = valid[shapely.dwithin(cells.shapes[valid], gap, _TOUCH_M)]
    return SourcePosition(files.cells, max((tables.lines[cells.codes[n]] for n in touching.tolist()), default=1))


def _without_successor(tables: Tables, files: Files, cells: CellMap) -> Iterator[Finding]:
    succession = Succession(cells)
    for cell in tables.cells:
        if cell.valid_until is not None and cell.code not in succession.successors:
            message = f"cell {cell.code} ends on {cell.valid_until}, and none begins on its ground on that day"
            hint = "add its successors, or leave it if no network reports there any more"
            yield found(NO_SUCCESSOR, SourcePosition(files.cells, tables.lines[cell.code]), message, hint, "warning")


def _orphans(tables: Tables, files: Files) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for cell in tables.cells:
        first.setdefault(cell.code[:_COMMUNITY], cell.code)
    for community in tables.communities:
        if community not in first:
            message = f"community {community} has no cell of its own"
            hint = "add its cells, or leave it as another name of its default cell"
            yield found(ORPHAN, SourcePosition(files.communities, tables.lines[community]), message, hint, "warning")
    for community, code in first.items():
        if community not in tables.communities:
            message = f"the community of cell {code} is not among the communities"
            hint = f"add {community} with a default cell to communities.csv"
            yield found(ORPHAN, SourcePosition(files.cells, tables.lines[code]), message, hint, "warning")


def _nowhere(tables: Tables, files: Files, cells: CellMap) -> Iterator[Finding]:
    if not len(tables.grids):
        return
    shapes = shapely.transform(tables.shapes, cells.metres)
    one, _, _ = cells.overlaps(shapes, np.arange(len(cells.codes)))
    for n in sorted(set(range(len(tables.grids))) - set(one.tolist())):
        grid = tables.grids[n]
        message = f"area {grid.area[:60]!r} of {grid.network} lies on no cell"
        hint = "write degrees, longitude before latitude, or add the cells"
        yield found(NOWHERE, SourcePosition(files.grids, tables.drawn[n]), message, hint, "warning")
