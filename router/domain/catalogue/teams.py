"""teams.csv: which department serves a cell in which role, so that a figure can say which cells have a full team (四官覆盖).

The file is optional. It decides nothing about reports or tasks, so it is no part of a rule set. It names departments and units,
never persons. Docs: docs/reference/catalogue.md.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from router.domain.catalogue.checks.reference_lint import NO_DEPARTMENT, NO_UNIT, unknown
from router.domain.catalogue.model import AREA_LENGTHS, Department
from router.domain.catalogue.resolve import UNIT_DIGITS
from router.domain.documents import DUPLICATE_KEY, WRONG_VALUE, CsvRow, Finding, Source, found, read_csv

TEAMS = "teams.csv"
COLUMNS = ("area", "role", "department", "unit")
NO_CELLS = "GR023"
_is_role = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*").fullmatch
_is_digits = re.compile(r"[0-9]*").fullmatch


class Post(Struct, frozen=True, kw_only=True):
    """One row: who serves an area in a role."""

    area: str
    """Code prefix; empty: the whole city."""
    role: str
    department: str | None
    """None: no one."""
    unit: str | None = None


def read_teams(
    source: Source, departments: Mapping[str, Department], cells: Collection[str]
) -> tuple[tuple[Post, ...], list[Finding]]:
    """The posts of a city, and what is wrong with them.

    Args:
        source: the text of teams.csv.
        departments: of the catalogue, by id.
        cells: codes of the city.
    """
    rows, findings = read_csv(source, COLUMNS)
    areas = {code[:length] for code in cells for length in AREA_LENGTHS}
    first: dict[tuple[str, str], CsvRow] = {}
    posts: list[Post] = []
    for row in rows:
        wrong = [*_row(row, departments, areas), *_twice(row, first)]
        findings += wrong
        if not wrong:
            area, role, department, unit = (row.fields[name] for name in COLUMNS)
            posts.append(Post(area=area, role=role, department=department or None, unit=unit or None))
    return tuple(posts), findings


def _row(row: CsvRow, departments: Mapping[str, Department], areas: Collection[str]) -> Iterator[Finding]:
    area, role, department, unit = (row.fields[name] for name in COLUMNS)
    marks = row.marks
    if not _is_digits(area) or len(area) not in AREA_LENGTHS:
        message = f"`{area[:40]}` is no area"
        yield found(WRONG_VALUE, marks["area"], message, "write a code of 2, 4, 6, 9, 12 or 15 digits, or nothing")
    elif area not in areas:
        yield found(NO_CELLS, marks["area"], f"area {area} has no cells", "correct the code")
    if not _is_role(role):
        message = f"`{role[:40]}` is no role"
        yield found(WRONG_VALUE, marks["role"], message, "write lower-case ASCII with hyphens, such as judge")
    known = departments.get(department)
    if department and known is None:
        yield unknown(NO_DEPARTMENT, marks["department"], "department", department, departments)
    if unit and not department:
        yield found(WRONG_VALUE, marks["unit"], "a unit without a department", "name its department, or remove it")
    elif unit and known is not None and known.units is not None and unit not in {*known.units, *UNIT_DIGITS}:
        yield unknown(NO_UNIT, marks["unit"], f"unit of `{department}`", unit, [*known.units, *UNIT_DIGITS])


def _twice(row: CsvRow, first: dict[tuple[str, str], CsvRow]) -> Iterator[Finding]:
    key = row.fields["area"], row.fields["role"]
    known = first.setdefault(key, row)
    if known is not row:
        message = f"role `{key[1][:40]}` of this area is in line {known.marks['area'].line} already"
        yield found(DUPLICATE_KEY, row.marks["role"], message, "remove one of the rows")
