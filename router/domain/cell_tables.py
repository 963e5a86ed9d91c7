"""The CSV texts of a cell registry as values, each wrong row named by file, line and column."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from hashlib import blake2b
from typing import Any

import numpy as np
import shapely
from msgspec import Struct

from router.domain.documents import DUPLICATE_KEY, MISSING, UNREADABLE, WRONG_VALUE, Finding, Mark, Source, found

CELLS = ("code", "name", "valid_from", "valid_until", "geometry")
COMMUNITIES = ("community", "name", "default_cell")
AREAS = ("network", "area", "community")
_is_cell = re.compile(r"[0-9]{15}").fullmatch
_is_community = re.compile(r"[0-9]{12}").fullmatch
_is_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_POLYGONS = (3, 6)
"""GEOS' numbers of Polygon and MultiPolygon."""
_LARGEST = np.array([-180.0, -90.0, 180.0, 90.0])
"""West, south, east and north of everything, degrees."""
Row = tuple[int, list[str]]
"""The line where it begins, and its fields."""


class Cell(Struct, frozen=True, gc=False):
    """One cell: its code, a name for people, and the days from which and until which it is valid; None: always."""

    code: str
    name: str
    valid_from: date | None
    """The first day on which it is valid."""
    valid_until: date | None
    """The first day on which it is not: that of its retirement, and the first of its successors."""


class Tables(Struct, frozen=True):
    """What the three files say."""

    cells: Sequence[Cell]
    """Sorted by code."""
    geometries: Any
    """Polygons in degrees (CGCS2000), in the order of `cells`; a numpy array of shapely geometries."""
    communities: Mapping[str, str]
    """Community -> its default cell."""
    areas: Mapping[tuple[str, str], str]
    """(network, the network's own area) -> community."""


def read_tables(cells: Source, communities: Source, areas: Source, default: str | None) -> Tables | list[Finding]:
    """The three texts as one value, or everything that is wrong with them.

    What a table that cannot be read would have held is not missed in the others.
    """
    findings: list[Finding] = []
    known, geometries = _cells(cells, findings)
    if known is not None and not known:
        cure = "add rows, or run `grid-router cells tessellate`"
        findings.append(found(MISSING, Mark(cells.file), "there is no cell", cure))
    codes = {cell.code for cell in known} if known else None
    defaults = _communities(communities, codes, findings)
    crossed = _areas(areas, defaults, findings)
    if default is not None and codes is not None and default not in codes:
        message = f"the city's default cell {default[:20]!r} is not among the cells"
        findings.append(found(WRONG_VALUE, Mark(cells.file), message, "add it, or correct `default_cell` in city.yaml"))
    return findings or Tables(known or (), geometries, defaults or {}, crossed)


def version(tables: Tables, default: str) -> str:
    """Twelve hexadecimal digits that change with anything that decides where a report goes, and not with the order of rows."""
    digest = blake2b(b"".join(shapely.to_wkb(tables.geometries)), digest_size=6)
    rest = (tables.cells, sorted(tables.communities.items()), sorted(tables.areas.items()), default)
    digest.update(repr(rest).encode())
    return digest.hexdigest()


def _cells(source: Source, findings: list[Finding]) -> tuple[list[Cell] | None, Any]:
    rows = _rows(source, CELLS, findings)
    if rows is None:
        return None, None
    geometries, faults = _geometries([row[4] for _, row in rows])
    cells: list[Cell] = []
    seen: dict[str, int] = {}
    for row, fault in zip(rows, faults, strict=True):
        line, (code, name, begins, ends, _) = row
        findings += _check_code(source, row, seen)
        if fault:
            findings.append(found(WRONG_VALUE, _mark(source, row, 4), *fault))
        since, until = _day(source, row, 2, findings), _day(source, row, 3, findings)
        if since is not None and until is not None and until <= since:
            message = f"valid_until {ends} is not after valid_from {begins}"
            findings.append(found(WRONG_VALUE, _mark(source, row, 3), message, "write the first day without the cell"))
        seen.setdefault(code, line)
        cells.append(Cell(code, name, since, until))
    order = sorted(range(len(cells)), key=lambda index: cells[index].code)
    return [cells[index] for index in order], geometries[np.array(order, dtype=int)]


def _check_code(source: Source, row: Row, seen: Mapping[str, int]) -> Iterator[Finding]:
    code = row[1][0]
    if _is_cell(code) is None:
        yield found(WRONG_VALUE, _mark(source, row, 0), f"{code[:20]!r} is no cell code", "write 15 digits")
    if code in seen:
        yield _twice(_mark(source, row, 0), f"cell {code[:20]}", seen[code])


def _geometries(texts: Sequence[str]) -> tuple[Any, list[tuple[str, str] | None]]:
    """Polygons, and for each that cannot be used what is wrong with it and the cure."""
    with np.errstate(all="ignore"):  # a number too large for a float becomes infinite, which is no valid coordinate
        polygons = shapely.from_wkt(texts, on_invalid="ignore")
    polygons = np.asarray(polygons, dtype=object)
    kind = np.isin(shapely.get_type_id(polygons), _POLYGONS) & ~shapely.is_empty(polygons)
    sound = kind & shapely.is_valid(polygons)
    bounds = shapely.bounds(polygons)
    on_earth = ((bounds[:, :2] >= _LARGEST[:2]) & (bounds[:, 2:] <= _LARGEST[2:])).all(axis=1)
    faults: list[tuple[str, str] | None] = [None] * len(polygons)
    for index in np.flatnonzero(~(sound & on_earth)).tolist():
        if not kind[index]:
            cure = "write POLYGON((lon lat,...)), its last point the first again"
            faults[index] = ("the geometry is no WKT polygon", cure)
        elif not sound[index]:
            reason = shapely.is_valid_reason(polygons[index])
            faults[index] = (
                f"the geometry is no valid polygon ({reason})",
                "draw a closed border that does not cross itself",
            )
        else:
            cure = "write degrees, longitude before latitude"
            faults[index] = ("the polygon lies outside 180 degrees of longitude and 90 of latitude", cure)
    return polygons, faults


def _day(source: Source, row: Row, place: int, findings: list[Finding]) -> date | None:
    text = row[1][place]
    if not text:
        return None
    try:
        if _is_day(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    mark = _mark(source, row, place)
    findings.append(found(WRONG_VALUE, mark, f"{text[:20]!r} is no day", "write it like 2026-01-31"))
    return None


def _communities(source: Source, codes: set[str] | None, findings: list[Finding]) -> dict[str, str] | None:
    rows = _rows(source, COMMUNITIES, findings)
    if rows is None:
        return None
    defaults: dict[str, str] = {}
    seen: dict[str, int] = {}
    for row in rows:
        line, (community, _, cell) = row
        if _is_community(community) is None:
            message = f"{community[:20]!r} is no community code"
            findings.append(found(WRONG_VALUE, _mark(source, row, 0), message, "write 12 digits"))
        if community in seen:
            findings.append(_twice(_mark(source, row, 0), f"community {community[:20]}", seen[community]))
        if codes is not None and cell not in codes:
            message = f"the default cell {cell[:20]!r} is not among the cells"
            findings.append(found(WRONG_VALUE, _mark(source, row, 2), message, "write one of cells.csv"))
        seen.setdefault(community, line)
        defaults[community] = cell
    return defaults


def _areas(
    source: Source, communities: Mapping[str, str] | None, findings: list[Finding]
) -> dict[tuple[str, str], str]:
    crossed: dict[tuple[str, str], str] = {}
    seen: dict[tuple[str, str], int] = {}
    for row in _rows(source, AREAS, findings) or ():
        line, (network, area, community) = row
        for place, name in enumerate(AREAS[:2]):
            if not row[1][place]:
                findings.append(found(WRONG_VALUE, _mark(source, row, place), f"the {name} is empty", "write it"))
        if communities is not None and community not in communities:
            message = f"community {community[:20]!r} is not among the communities"
            findings.append(found(WRONG_VALUE, _mark(source, row, 2), message, "write one of communities.csv"))
        if (network, area) in seen:
            mark = _mark(source, row, 1)
            findings.append(_twice(mark, f"area {area[:60]!r} of {network[:20]}", seen[network, area]))
        seen.setdefault((network, area), line)
        crossed[network, area] = community
    return crossed


def _twice(mark: Mark, what: str, first: int) -> Finding:
    return found(DUPLICATE_KEY, mark, f"{what} stands here again (first in line {first})", "keep one of the two")


def _rows(source: Source, columns: Sequence[str], findings: list[Finding]) -> list[Row] | None:
    """The sound rows, None when there is no telling; lighter than `documents.read_csv`: a city has 10,000s of cells."""
    reader = csv.reader(io.StringIO(source.text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[Row] = []
    line = 1
    try:
        header = next(reader, [])
        if header != list(columns):
            message = f"the header is {','.join(header)[:100]!r}"
            findings.append(found(WRONG_VALUE, Mark(source.file), message, f"write {','.join(columns)}"))
            return None
        line = reader.line_num + 1
        for fields in reader:
            if len(fields) == len(columns):
                rows.append((line, fields))
            elif fields:
                message = f"{len(fields)} fields instead of {len(columns)}"
                cure = "quote a field that holds a comma"
                findings.append(found(WRONG_VALUE, Mark(source.file, line), message, cure))
            line = reader.line_num + 1
    except csv.Error as error:
        cure = "close its quotes, and double a quote inside quotes"
        findings.append(found(UNREADABLE, Mark(source.file, line), f"no readable CSV ({error})", cure))
        return None
    return rows


def _mark(source: Source, row: Row, place: int) -> Mark:
    """Where a field begins; exact for rows of one line without doubled quotes or needless ones."""
    line, fields = row
    before = sum(len(field) + (3 if {",", '"', "\n"} & set(field) else 1) for field in fields[:place])
    return Mark(source.file, line, before + 1)
