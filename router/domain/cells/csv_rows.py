"""Reads the rows of the registry's CSV files as typed values. Each wrong field is named by file, line and column."""

import csv
import re
from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from typing import Any

import numpy as np
import shapely

from router.domain.csv_texts import csv_reader, unreadable
from router.domain.documents import DUPLICATE_KEY, UNREADABLE, WRONG_VALUE, Finding, Source, SourcePosition, found

_is_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_POLYGONS = (3, 6)
"""GEOS type numbers of Polygon and MultiPolygon."""
_LARGEST = np.array([-180.0, -90.0, 180.0, 90.0])
"""Bounds of the world: west, south, east and north, in degrees."""
_AROUND = 32
"""How many neighbouring codes are compared with a mistyped one; a city has tens of thousands."""
CsvRow = tuple[int, list[str]]
"""The line where the row begins, and its fields."""
Period = tuple[date | None, date | None]
"""The first day of validity, and the first day after it. None: always."""


def rows(source: Source, columns: Sequence[str], findings: list[Finding]) -> list[CsvRow] | None:
    """The valid rows, or None if the file cannot be read. Lighter than `documents.read_csv`, because a city has tens of thousands of cells."""
    reader = csv_reader(source.text)
    sound: list[CsvRow] = []
    line = 1
    try:
        header = next(reader, [])
        if header != list(columns):
            message = f"the header is {','.join(header)[:100]!r}"
            findings.append(found(WRONG_VALUE, SourcePosition(source.file), message, f"write {','.join(columns)}"))
            return None
        line = reader.line_num + 1
        for fields in reader:
            if len(fields) == len(columns):
                sound.append((line, fields))
            elif fields:
                message = f"{len(fields)} fields instead of {len(columns)}"
                hint = "quote a field that holds a comma"
                findings.append(found(WRONG_VALUE, SourcePosition(source.file, line), message, hint))
            line = reader.line_num + 1
    except csv.Error as error:
        findings.append(found(UNREADABLE, SourcePosition(source.file, line), *unreadable(error)))
        return None
    return sound


def mark(source: Source, row: CsvRow, place: int) -> SourcePosition:
    """Column where a field begins. Exact for one-line rows without doubled or needless quotes."""
    line, fields = row
    before = sum(len(field) + (3 if {",", '"', "\n"} & set(field) else 1) for field in fields[:place])
    return SourcePosition(source.file, line, before + 1)


def wrong(source: Source, row: CsvRow, place: int, message: str, hint: str) -> Finding:
    """Record a finding about a field that cannot be used."""
    return found(WRONG_VALUE, mark(source, row, place), message, hint)


def twice(where: SourcePosition, what: str, first: int, hint: str = "keep one of the two") -> Finding:
    """Record a finding about a value that an earlier line already has."""
    return found(DUPLICATE_KEY, where, f"{what} stands here again (first in line {first})", hint)


def period(source: Source, row: CsvRow, place: int, findings: list[Finding]) -> Period:
    """The days in two neighbouring fields, `valid_from` and `valid_until`."""
    since, until = _day(source, row, place, findings), _day(source, row, place + 1, findings)
    if since is not None and until is not None and until <= since:
        message = f"valid_until {until} is not after valid_from {since}"
        findings.append(wrong(source, row, place + 1, message, "write the first day without it"))
    return since, until


def _day(source: Source, row: CsvRow, place: int, findings: list[Finding]) -> date | None:
    text = row[1][place]
    if not text:
        return None
    try:
        if _is_day(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    findings.append(wrong(source, row, place, f"{text[:20]!r} is no day", "write it like 2026-01-31"))
    return None


def polygons(source: Source, table: Sequence[CsvRow], place: int, findings: list[Finding]) -> Any:
    """The WKT polygons of one column as a numpy array of shapely geometries. Invalid ones become findings."""
    with np.errstate(all="ignore"):  # a number too large for a float becomes infinity, which is no valid coordinate
        shapes = shapely.from_wkt([fields[place] for _, fields in table], on_invalid="ignore")
    shapes = np.asarray(shapes, dtype=object)
    kind = np.isin(shapely.get_type_id(shapes), _POLYGONS) & ~shapely.is_empty(shapes)
    sound = kind & shapely.is_valid(shapes)
    bounds = shapely.bounds(shapes)
    on_earth = ((bounds[:, :2] >= _LARGEST[:2]) & (bounds[:, 2:] <= _LARGEST[2:])).all(axis=1)
    for index in np.flatnonzero(~(sound & on_earth)).tolist():
        fault = _fault(shapes[index], is_polygon=bool(kind[index]), is_sound=bool(sound[index]))
        findings.append(wrong(source, table[index], place, *fault))
    return shapes


def _fault(shape: Any, *, is_polygon: bool, is_sound: bool) -> tuple[str, str]:
    """What is wrong with a geometry, and the hint."""
    if not is_polygon:
        return "the geometry is no WKT polygon", "write POLYGON((lon lat,...)), its last point the first again"
    if not is_sound:
        reason = shapely.is_valid_reason(shape)
        return f"the geometry is no valid polygon ({reason})", "draw a closed border that does not cross itself"
    message = "the polygon lies outside 180 degrees of longitude and 90 of latitude"
    return message, "write degrees, longitude before latitude"


def nearest(text: str, among: Sequence[str], otherwise: str) -> str:
    """A hint for an unknown name: the known name that was probably meant.

    Args:
        text: as written.
        among: the known names, sorted; only neighbours in this order are compared.
        otherwise: the hint if no name is similar.
    """
    place = bisect_left(among, text)
    near = get_close_matches(text, among[max(place - _AROUND, 0) : place + _AROUND], n=1, cutoff=0.75)
    return f"perhaps {near[0]} was meant" if near else otherwise
