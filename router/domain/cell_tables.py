"""The CSV texts of a cell registry as values, each wrong row named by file, line and column."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
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


class Cell(Struct, frozen=True):
    """One cell: its code, a name for people, and the days from which and until which (exclusive) it is valid."""

    code: str
    name: str
    valid_from: date | None
    valid_until: date | None


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
    """The three texts as one value, or everything that is wrong with them."""
    findings: list[Finding] = []
    known, geometries = _cells(cells, findings)
    codes = {cell.code for cell in known}
    defaults = _communities(communities, codes, findings)
    crossed = _areas(areas, defaults, findings)
    if not findings and not known:
        findings.append(
            found(MISSING, Mark(cells.file), "there is no cell", "add rows, or run `grid-router cells tessellate`")
        )
    if default is not None and default not in codes:
        findings.append(
            found(WRONG_VALUE, Mark(cells.file), f"the city's default cell {default!r} is not among the cells")
        )
    return findings or Tables(known, geometries, defaults, crossed)


def _cells(source: Source, findings: list[Finding]) -> tuple[list[Cell], Any]:
    rows = list(_rows(source, CELLS, findings))
    geometries = shapely.from_wkt([row[4] for _, row in rows], on_invalid="ignore")
    sound = ~(shapely.is_missing(geometries) | shapely.is_empty(geometries)) & shapely.is_valid(geometries)
    cells: list[Cell] = []
    seen: set[str] = set()
    for (line, (code, name, begins, ends, _)), good in zip(rows, sound.tolist(), strict=True):
        if _is_cell(code) is None:
            findings.append(
                found(WRONG_VALUE, Mark(source.file, line), f"{code[:20]!r} is no cell code", "write 15 digits")
            )
        if code in seen:
            findings.append(found(DUPLICATE_KEY, Mark(source.file, line), f"cell {code} stands here again"))
        if not good:
            column = len(code) + len(name) + len(begins) + len(ends) + 5
            findings.append(found(WRONG_VALUE, Mark(source.file, line, column), "the geometry is no valid WKT polygon"))
        seen.add(code)
        since, until = _day(begins, line, source, findings), _day(ends, line, source, findings)
        cells.append(Cell(code, name, since, until))
    order = sorted(range(len(cells)), key=lambda index: cells[index].code)
    return [cells[index] for index in order], geometries[np.array(order, dtype=int)]


def _day(text: str, line: int, source: Source, findings: list[Finding]) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        findings.append(
            found(WRONG_VALUE, Mark(source.file, line), f"{text[:20]!r} is no day", "write it like 2026-01-31")
        )
        return None


def _communities(source: Source, codes: set[str], findings: list[Finding]) -> dict[str, str]:
    defaults: dict[str, str] = {}
    for line, (community, _, cell) in _rows(source, COMMUNITIES, findings):
        mark = Mark(source.file, line)
        if _is_community(community) is None:
            findings.append(found(WRONG_VALUE, mark, f"{community[:20]!r} is no community code", "write 12 digits"))
        elif community in defaults:
            findings.append(found(DUPLICATE_KEY, mark, f"community {community} stands here again"))
        elif cell not in codes:
            findings.append(found(WRONG_VALUE, mark, f"the default cell {cell[:20]!r} is not among the cells"))
        defaults[community] = cell
    return defaults


def _areas(source: Source, communities: Mapping[str, str], findings: list[Finding]) -> dict[tuple[str, str], str]:
    crossed: dict[tuple[str, str], str] = {}
    for line, (network, area, community) in _rows(source, AREAS, findings):
        if community not in communities:
            message = f"community {community[:20]!r} is not among the communities"
            findings.append(found(WRONG_VALUE, Mark(source.file, line), message))
        elif (network, area) in crossed:
            findings.append(
                found(DUPLICATE_KEY, Mark(source.file, line), f"area {area[:60]!r} of {network} stands here again")
            )
        crossed[network, area] = community
    return crossed


def _rows(source: Source, columns: Sequence[str], findings: list[Finding]) -> Iterator[tuple[int, list[str]]]:
    """Line and fields of each sound row; lighter than `documents.read_csv`, because a city has 10,000s of cells."""
    reader = csv.reader(io.StringIO(source.text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = next(reader, [])
        if header != list(columns):
            message = f"the header is {','.join(header)[:100]!r}"
            findings.append(found(WRONG_VALUE, Mark(source.file), message, f"write {','.join(columns)}"))
            return
        for row in reader:
            if len(row) == len(columns):
                yield reader.line_num, row
            elif row:
                message = f"{len(row)} fields instead of {len(columns)}"
                findings.append(
                    found(WRONG_VALUE, Mark(source.file, reader.line_num), message, "quote a field that holds a comma")
                )
    except csv.Error as error:
        findings.append(found(UNREADABLE, Mark(source.file, reader.line_num), f"no readable CSV ({error})"))
