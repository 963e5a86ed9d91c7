"""What differs between two cell registries of one city: added, retired, split, joined, moved, renamed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date
from typing import Any, Literal

import shapely
from msgspec import Struct

from router.domain.cells.area_tables import Grid, Shares
from router.domain.cells.csv_tables import Cell, Tables
from router.domain.cells.lint import LEAST_M2
from router.domain.cells.spatial_index import CellMap
from router.domain.cells.succession import Succession

Kind = Literal[
    "added", "retired", "split", "joined", "moved border", "renamed", "other days", "removed", "community", "area"
]


class CellChange(Struct, frozen=True, kw_only=True):
    """One difference."""

    kind: Kind
    codes: Sequence[str]
    """The cells before, or the one cell, community or area (network and name) that differs."""
    into: Sequence[str] = ()
    """The successor cells."""
    day: date | None = None
    detail: str = ""
    """The old and new value, for people."""

    def __str__(self) -> str:
        into = f" into {', '.join(self.into)}" if self.into else ""
        day = f" on {self.day}" if self.day else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.kind} {', '.join(self.codes)}{into}{day}{detail}"


def changes(old: Tables, new: Tables) -> list[CellChange]:
    """All differences, cells first, each kind sorted by code."""
    before, after = ({cell.code: cell for cell in tables.cells} for tables in (old, new))
    added = [code for code in after if code not in before]
    kept = [code for code in after if code in before]
    ended = [code for code in kept if before[code].valid_until is None and after[code].valid_until is not None]
    return [
        *_redrawn(new, ended, added),
        *_moved(old, new, kept),
        *(change for code in kept for change in _said(before[code], after[code])),
        *(CellChange(kind="removed", codes=[code], detail=before[code].name) for code in before if code not in after),
        *_communities(old, new),
        *_areas(old, new),
    ]


def _redrawn(new: Tables, ended: Sequence[str], added: Sequence[str]) -> Iterator[CellChange]:
    """Cells that ended or are new, with their successors or predecessors."""
    succession = Succession(CellMap(new.cells, new.geometries, UTC))  # in any zone one day follows the other
    cells = {cell.code: cell for cell in new.cells}
    left = dict.fromkeys((*ended, *added))
    for code in sorted(left):
        if code not in left:
            continue
        family = _family(code, succession, left)
        for one in family:
            del left[one]
        was, now = ([one for one in family if one in some] for some in (set(ended), set(added)))
        yield _change(was, now, cells)


def _family(code: str, succession: Succession, among: Mapping[str, None]) -> list[str]:
    """A cell and all cells linked to it by any number of steps."""
    family, ahead = {code}, [code]
    while ahead:
        one = ahead.pop()
        tied = {*succession.successors.get(one, ()), *succession.predecessors.get(one, ())}
        fresh = sorted(tied & among.keys() - family)
        family.update(fresh)
        ahead += fresh
    return sorted(family)


def _change(was: Sequence[str], now: Sequence[str], cells: Mapping[str, Cell]) -> CellChange:
    if not was:
        return CellChange(kind="added", codes=now, day=cells[now[0]].valid_from, detail=cells[now[0]].name)
    day = cells[was[0]].valid_until
    if not now:
        return CellChange(kind="retired", codes=was, day=day, detail=cells[was[0]].name)
    kind: Kind = "moved border"
    if len(was) == 1 and len(now) > 1:
        kind = "split"
    elif len(now) == 1 and len(was) > 1:
        kind = "joined"
    return CellChange(kind=kind, codes=was, into=now, day=day)


def _moved(old: Tables, new: Tables, kept: Iterable[str]) -> Iterator[CellChange]:
    """Shapes that differ under the same code."""
    cells = CellMap(new.cells, new.geometries, UTC)
    before, after = (
        dict(zip((cell.code for cell in tables.cells), tables.geometries, strict=True)) for tables in (old, new)
    )
    for code in kept:
        if shapely.equals_exact(before[code], after[code]):
            continue
        was, now = (shapely.transform(shape, cells.metres) for shape in (before[code], after[code]))
        gained, lost = now.difference(was).area, was.difference(now).area
        if gained + lost > LEAST_M2:
            detail = f"{gained:,.0f} m2 more, {lost:,.0f} m2 less"
            yield CellChange(kind="moved border", codes=[code], detail=detail)


def _said(before: Cell, after: Cell) -> Iterator[CellChange]:
    if before.name != after.name:
        yield CellChange(kind="renamed", codes=[after.code], detail=f"{before.name!r} -> {after.name!r}")
    for name, was, now in (
        ("valid_from", before.valid_from, after.valid_from),
        ("valid_until", before.valid_until, after.valid_until),
    ):
        if was != now and (name == "valid_from" or was is not None):  # an end where none was set is a retirement
            detail = f"{name} {was or 'empty'} -> {now or 'empty'}"
            yield CellChange(kind="other days", codes=[after.code], detail=detail)


def _communities(old: Tables, new: Tables) -> Iterator[CellChange]:
    for community, was, now in _differing(old.communities, new.communities):
        yield CellChange(kind="community", codes=[community], detail=f"default cell {was or 'none'} -> {now or 'none'}")


def _areas(old: Tables, new: Tables) -> Iterator[CellChange]:
    for key, was, now in _differing(old.areas, new.areas):
        yield CellChange(kind="area", codes=key, detail=f"{_shares(was)} -> {_shares(now)}")
    for (network, area, day), was, now in _differing(_drawn(old), _drawn(new)):
        detail = "no longer drawn" if now is None else "drawn" if was is None else "redrawn"
        yield CellChange(kind="area", codes=(network, area), day=day or None, detail=detail)


def _differing(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Keys with the old and new value. None: missing."""
    for key in sorted({*before, *after}, key=str):
        was, now = before.get(key), after.get(key)
        if was != now:
            yield key, was, now


def _shares(shares: Shares | None) -> str:
    return ", ".join(f"{share:.1%} of it in {code}" for code, share in shares) if shares else "none"


def _drawn(tables: Tables) -> dict[tuple[str, str, date | None], tuple[Grid, bytes]]:
    """Each drawn area by network, name and first day."""
    shapes = zip(tables.grids, shapely.to_wkb(tables.shapes), strict=True)
    return {(grid.network, grid.area, grid.valid_from): (grid, shape) for grid, shape in shapes}
