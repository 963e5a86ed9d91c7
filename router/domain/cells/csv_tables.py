"""Reads the CSV files of a cell registry. Each wrong row is named by file, line and column."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from hashlib import blake2b
from typing import Any

import numpy as np
import shapely
from msgspec import Struct

from router.domain.cells.area_tables import Grid, Known, Shares, read_areas, read_grids
from router.domain.cells.csv_rows import CsvRow, mark, period, polygons, rows, twice, wrong
from router.domain.documents import MISSING, WRONG_VALUE, Finding, Source, SourcePosition, found

CELLS = ("code", "name", "valid_from", "valid_until", "geometry")
COMMUNITIES = ("community", "name", "default_cell")
_is_cell = re.compile(r"[0-9]{15}").fullmatch
_is_community = re.compile(r"[0-9]{12}").fullmatch


class Cell(Struct, frozen=True, gc=False):
    """One cell: its code, its name for people, and its days of validity. None: always."""

    code: str
    name: str
    valid_from: date | None
    """The first day on which it is valid."""
    valid_until: date | None
    """The first day on which it is not valid: the day of its retirement and the first day of its successors."""


class Tables(Struct, frozen=True):
    """The content of the files."""

    cells: Sequence[Cell]
    """Sorted by code."""
    geometries: Any
    """Polygons in degrees (CGCS2000), in the order of `cells`; a numpy array of shapely geometries."""
    communities: Mapping[str, str]
    """Community -> its default cell."""
    areas: Mapping[tuple[str, str], Shares]
    """(network, the network's own area) -> communities and cells with their shares, the largest first."""
    grids: Sequence[Grid] = ()
    """The networks' own areas that are drawn, sorted."""
    shapes: Any = ()
    """Their polygons in degrees, in the order of `grids`; a numpy array of shapely geometries."""
    lines: Mapping[str, int] = {}
    """Position of each cell and community in its file; not part of the content."""
    drawn: Sequence[int] = ()
    """Position of each of `grids` in its file; not part of the content."""
    area_lines: Mapping[tuple[str, str], int] = {}
    """Position of each of `areas` in its file; not part of the content."""


def read_tables(
    cells: Source,
    communities: Source,
    areas: Source,
    default: str | None,
    *,
    grids: Source | None = None,
    networks: Collection[str] | None = None,
) -> Tables | list[Finding]:
    """Read the texts as one value, or return all findings.

    If one table cannot be read, the checks of the others do not report its rows as missing.

    Args:
        cells: `cells.csv`.
        communities: `communities.csv`.
        areas: `areas.csv`.
        default: the city's default cell; None: the registry chooses.
        grids: `grids.csv`; None: no network's areas are drawn.
        networks: the known network names; None: any name is accepted.
    """
    findings: list[Finding] = []
    lines: dict[str, int] = {}
    known, geometries = _cells(cells, lines, findings)
    if known is not None and not known:
        hint = "add rows, or run `grid-router cells tessellate`"
        findings.append(found(MISSING, SourcePosition(cells.file), "there is no cell", hint))
    codes = [cell.code for cell in known] if known else None
    defaults = _communities(communities, set(codes) if codes else None, lines, findings)
    names = Known(
        cells=codes,
        communities=None if defaults is None else sorted(defaults),
        networks=None if networks is None else sorted(networks),
    )
    crossed, area_lines = read_areas(areas, names, findings)
    drawn, shapes, places = read_grids(grids, names, findings) if grids else ([], (), [])
    if default is not None and codes is not None and default not in codes:
        message = f"the city's default cell {default[:20]!r} is not among the cells"
        findings.append(
            found(WRONG_VALUE, SourcePosition(cells.file), message, "add it, or correct `default_cell` in city.yaml")
        )
    return findings or Tables(
        known or (), geometries, defaults or {}, crossed, drawn, shapes, lines, places, area_lines
    )


def version(tables: Tables, default: str, stand_ins: Sequence[tuple[float, float]] = ()) -> str:
    """Twelve hexadecimal digits of everything that decides where a report goes. The order of rows does not count.

    Args:
        tables: the content of the files.
        default: the city's default cell.
        stand_ins: points that stand for no place, sorted.
    """
    digest = blake2b(b"".join(shapely.to_wkb(tables.geometries)), digest_size=6)
    digest.update(b"".join(shapely.to_wkb(tables.shapes)))
    rest = (tables.cells, sorted(tables.communities.items()), sorted(tables.areas.items()), tables.grids, default)
    digest.update(repr(rest).encode())
    digest.update(repr(stand_ins).encode() if stand_ins else b"")
    return digest.hexdigest()


def _cells(source: Source, lines: dict[str, int], findings: list[Finding]) -> tuple[list[Cell] | None, Any]:
    table = rows(source, CELLS, findings)
    if table is None:
        return None, None
    geometries = polygons(source, table, 4, findings)
    cells: list[Cell] = []
    for row in table:
        line, (code, name, *_) = row
        findings += _check_code(source, row, lines)
        lines.setdefault(code, line)
        cells.append(Cell(code, name, *period(source, row, 2, findings)))
    order = sorted(range(len(cells)), key=lambda index: cells[index].code)
    return [cells[index] for index in order], geometries[np.array(order, dtype=int)]


def _check_code(source: Source, row: CsvRow, seen: Mapping[str, int]) -> Iterator[Finding]:
    code = row[1][0]
    if _is_cell(code) is None:
        yield wrong(source, row, 0, f"{code[:20]!r} is no cell code", "write 15 digits")
    if code in seen:
        yield twice(mark(source, row, 0), f"cell {code[:20]}", seen[code])


def _communities(
    source: Source, codes: set[str] | None, lines: dict[str, int], findings: list[Finding]
) -> dict[str, str] | None:
    table = rows(source, COMMUNITIES, findings)
    if table is None:
        return None
    defaults: dict[str, str] = {}
    for row in table:
        line, (community, _, cell) = row
        if _is_community(community) is None:
            message = f"{community[:20]!r} is no community code"
            findings.append(wrong(source, row, 0, message, "write 12 digits"))
        if community in defaults:
            findings.append(twice(mark(source, row, 0), f"community {community[:20]}", lines[community]))
        if codes is not None and cell not in codes:
            message = f"the default cell {cell[:20]!r} is not among the cells"
            findings.append(wrong(source, row, 2, message, "write one of cells.csv"))
        lines.setdefault(community, line)
        defaults[community] = cell
    return defaults
