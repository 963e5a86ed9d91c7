"""Code tables: the matter (事项) of a city that each class code of a network means. They are data: replaceable and linted.

A code travels with the version of its table, because versions reuse numbers: CJ/T 214 and GB/T 30428.2 use event class 04
for different things. A row without a version applies to every version that has no row of its own. The row of the code `*` applies
to every code that the table lacks; without it such a report is rejected.
"""

from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from router.domain.documents import DUPLICATE_KEY, WRONG_VALUE, CsvRow, Finding, Source, found, read_csv

COLUMNS = ("code", "version", "matter", "name")
MAX_CODE = 100
EVERY_OTHER = "*"
"""The code of the row that takes every class that the table lacks (a catch-all)."""


class Code(Struct, frozen=True, kw_only=True):
    """One row: a network's class code and the matter it means in this city."""

    code: str
    version: str | None
    """Version of the network's code table. None: any version that has no row of its own."""
    matter: str
    name: str
    line: int
    """Position in its file, for findings."""


class CodeTable:
    """The codes of one network in one city. A look-up is one dictionary access.

    Args:
        file: name of the file, for findings.
        codes: the rows. If a code and version appear twice, the first row wins.
    """

    def __init__(self, file: str, codes: Iterable[Code]) -> None:
        self.file = file
        rows = tuple(codes)
        self.codes = tuple(row for row in rows if row.code != EVERY_OTHER)
        """The rows in file order, without the catch-all."""
        self.otherwise = next((row for row in rows if row.code == EVERY_OTHER), None)
        """The catch-all. None: a class that the table lacks is rejected."""
        self._matters: dict[tuple[str, str | None], str] = {}
        editions: defaultdict[str, set[str]] = defaultdict(set)
        for row in self.codes:
            self._matters.setdefault((row.code, row.version), row.matter)
            editions[row.code].add(row.matter)
        self._known = frozenset(editions)
        for code, matters in editions.items():
            if len(matters) == 1:  # all versions agree, so a code without a version is unambiguous
                self._matters.setdefault((code, None), next(iter(matters)))
        self._open = {row.code for row in self.codes if row.version is None}

    def matter(self, code: str, version: str | None) -> str | None:
        """The matter that a code means. None if the table lacks the code, or if versions differ and none is given.

        The catch-all is not asked: it follows only when every code of a report has been tried.
        """
        matter = self._matters.get((code, version))
        if matter is None and code in self._open:
            return self._matters[(code, None)]
        return matter

    def knows(self, code: str) -> bool:
        """Whether any version of the table has the code."""
        return code in self._known

    def of_matter(self, matter: str) -> tuple[Code, ...]:
        """The rows that mean this matter, in file order."""
        return tuple(row for row in self.codes if row.matter == matter)


def load_codes(text: str, file: str) -> CodeTable | list[Finding]:
    """Read a code table from CSV with the columns code, version, matter and name; or return the findings."""
    rows, findings = read_csv(Source(file, text), COLUMNS)
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        findings += _check(row, seen)
    if findings:
        return findings
    return CodeTable(file, map(_code, rows))


def _code(row: CsvRow) -> Code:
    fields = row.fields
    return Code(
        code=fields["code"],
        version=fields["version"] or None,
        matter=fields["matter"],
        name=fields["name"],
        line=row.marks["code"].line,
    )


def _check(row: CsvRow, seen: dict[tuple[str, str], int]) -> Iterable[Finding]:
    for column in COLUMNS:
        value = row.fields[column]
        if value != value.strip() or not value.isprintable() or len(value) > MAX_CODE:
            message = f"`{column}` has blanks around it, a control character, or more than {MAX_CODE} characters"
            yield found(WRONG_VALUE, row.marks[column], message)
    if row.fields["code"] == EVERY_OTHER and row.fields["version"]:
        message = f"the row `{EVERY_OTHER}` names a version, but it takes every version"
        yield found(WRONG_VALUE, row.marks["version"], message, "leave the version empty")
    for column in ("code", "matter"):
        if not row.fields[column]:
            yield found(WRONG_VALUE, row.marks[column], f"`{column}` is empty", "write it, or remove the row")
    line = row.marks["code"].line
    first = seen.setdefault((row.fields["code"], row.fields["version"]), line)
    if first != line:
        message = f"code {row.fields['code']!r} stands here again with the same version (first in line {first})"
        yield found(DUPLICATE_KEY, row.marks["code"], message, "keep one of the two")
