"""Two CSV tables of the networks' own areas: the codes they lie in (`areas.csv`), or their shapes on the map (`grids.csv`)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
from msgspec import Struct

from router.domain.cells.csv_rows import CsvRow, Period, mark, nearest, period, polygons, rows, twice, wrong
from router.domain.documents import Finding, Source, found

AREAS = ("network", "area", "code", "share")
GRIDS = ("network", "area", "name", "valid_from", "valid_until", "geometry")
UNKNOWN_NETWORK = "GR050"
_COMMUNITY, _CELL = 12, 15
_is_code = re.compile(r"[0-9]{12}|[0-9]{15}").fullmatch
_is_share = re.compile(r"0(\.[0-9]{1,9})?|1(\.0{1,9})?").fullmatch
Key = tuple[str, str]
"""Network, and its own name for the area."""
Shares = tuple[tuple[str, float], ...]
"""Communities (12 digits) and cells (15 digits) with their share of the area: largest share first, then smallest code."""


class Grid(Struct, frozen=True, gc=False):
    """One area that a network has drawn on the map, and the days of its shape. None: always."""

    network: str
    area: str
    name: str
    """For people."""
    valid_from: date | None
    valid_until: date | None
    """The first day on which it no longer exists."""


class Known(Struct, frozen=True, kw_only=True):
    """The names that may be used, sorted. None: unknown."""

    cells: Sequence[str] | None
    communities: Sequence[str] | None
    networks: Sequence[str] | None


def read_areas(source: Source, known: Known, findings: list[Finding]) -> tuple[dict[Key, Shares], dict[Key, int]]:
    """Read the crosswalk by table: where each area lies, and the line of its first row. Errors become findings."""
    cells, communities = set(known.cells or ()), set(known.communities or ())
    groups: dict[Key, list[CsvRow]] = {}
    for row in rows(source, AREAS, findings) or ():
        findings += _check_names(source, row, known)
        findings += _check_code(source, row, known, cells if len(row[1][2]) == _CELL else communities)
        groups.setdefault((row[1][0], row[1][1]), []).append(row)
    shares = {key: _shares(source, group, findings) for key, group in groups.items()}
    return shares, {key: group[0][0] for key, group in groups.items()}


def _check_names(source: Source, row: CsvRow, known: Known) -> Iterator[Finding]:
    for place, name in enumerate(AREAS[:2]):
        if not row[1][place]:
            yield wrong(source, row, place, f"the {name} is empty", "write it")
    network = row[1][0]
    if network and known.networks is not None and network not in known.networks:
        hint = nearest(network, known.networks, f"write one of {', '.join(known.networks)}")
        yield found(UNKNOWN_NETWORK, mark(source, row, 0), f"the router knows no network {network[:40]!r}", hint)


def _check_code(source: Source, row: CsvRow, known: Known, names: set[str]) -> Iterator[Finding]:
    code = row[1][2]
    if _is_code(code) is None:
        yield wrong(source, row, 2, f"{code[:20]!r} is no code of a community or cell", "write 12 or 15 digits")
        return
    one, among, file = (
        ("cell", known.cells, "cells.csv")
        if len(code) == _CELL
        else ("community", known.communities, "communities.csv")
    )
    if among is not None and code not in names:
        many = f"{one}s" if one == "cell" else "communities"
        hint = nearest(code, among, f"write one of {file}")
        yield wrong(source, row, 2, f"{one} {code!r} is not among the {many}", hint)


def _shares(source: Source, group: Sequence[CsvRow], findings: list[Finding]) -> Shares:
    """Where one area lies. Rows without a share divide equally what the others leave."""
    seen: dict[str, int] = {}
    written: dict[str, Decimal | None] = {}
    for row in group:
        line, (network, area, code, text) = row
        if code in seen:
            what = f"area {area[:60]!r} of {network[:20]} in {code[:20]}"
            findings.append(twice(mark(source, row, 2), what, seen[code]))
            continue
        seen[code] = line
        if text and _is_share(text) is None:
            message = f"{text[:20]!r} is no share"
            findings.append(wrong(source, row, 3, message, "write a number from 0 to 1, or nothing"))
            text = ""
        written[code] = Decimal(text) if text else None
        total = sum((share for share in written.values() if share is not None), Decimal(0))
        if text and total > 1:
            message = f"the shares of area {area[:60]!r} sum to {total}"
            findings.append(wrong(source, row, 3, message, "write shares that sum to 1 or less"))
    return _ranked(written)


def _ranked(written: Mapping[str, Decimal | None]) -> Shares:
    given = sum((share for share in written.values() if share is not None), Decimal(0))
    empty = sum(share is None for share in written.values())
    part = max(1 - given, Decimal(0)) / empty if empty else Decimal(0)
    shares = ((code, float(part if share is None else share)) for code, share in written.items())
    return tuple(sorted(shares, key=lambda one: (-one[1], one[0])))


def read_grids(source: Source, known: Known, findings: list[Finding]) -> tuple[list[Grid], Any, list[int]]:
    """The drawn areas, sorted, with polygons and lines. Errors become findings."""
    table = rows(source, GRIDS, findings)
    if not table:
        return [], (), []
    shapes = polygons(source, table, 5, findings)
    grids: list[Grid] = []
    seen: dict[Key, list[tuple[int, Period]]] = {}
    for row in table:
        line, (network, area, name, *_) = row
        findings += _check_names(source, row, known)
        days = period(source, row, 3, findings)
        earlier = seen.setdefault((network, area), [])
        first = next((other for other, theirs in earlier if _meet(days, theirs)), None)
        if first is not None:
            hint = "keep one of the two, or give them days that do not overlap"
            findings.append(twice(mark(source, row, 1), f"area {area[:60]!r} of {network[:20]}", first, hint))
        earlier.append((line, days))
        grids.append(Grid(network, area, name, *days))
    order = sorted(range(len(grids)), key=lambda n: (grids[n].network, grids[n].area, grids[n].valid_from or date.min))
    return [grids[n] for n in order], shapes[np.array(order, dtype=int)], [table[n][0] for n in order]


def _meet(one: Period, other: Period) -> bool:
    """Whether the two share a day."""
    begins = max(one[0] or date.min, other[0] or date.min)
    return begins < min(one[1] or date.max, other[1] or date.max)
