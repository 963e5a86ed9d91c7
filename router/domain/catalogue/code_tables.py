"""Code tables: what a network's own class codes mean as matters (事项) of a city. Data, replaceable, linted.

The version of a code's table travels with the code, because editions swap numbers (CJ/T 214 and GB/T 30428.2 call
different things event class 04). A row without version holds for every version that has no row of its own.
"""

from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from router.domain.documents import DUPLICATE_KEY, WRONG_VALUE, CsvRow, Finding, Source, found, read_csv

COLUMNS = ("code", "version", "matter", "name")
MAX_CODE = 100


class Code(Struct, frozen=True, kw_only=True):
    """One row: a class as the network codes it, and the matter it is in this city."""

    code: str
    version: str | None
    """Edition of the network's code table; None: any that has no row of its own."""
    matter: str
    name: str
    line: int
    """In its file, for findings."""


class CodeTable:
    """A network's codes in one city; a look-up is a dictionary access.

    Args:
        file: name of its file, for findings.
        codes: its rows; of two with the same code and version the first holds.
    """

    def __init__(self, file: str, codes: Iterable[Code]) -> None:
        self.file = file
        self.codes = tuple(codes)
        """The rows in the order of the file."""
        self._matters: dict[tuple[str, str | None], str] = {}
        editions: defaultdict[str, set[str]] = defaultdict(set)
        for row in self.codes:
            self._matters.setdefault((row.code, row.version), row.matter)
            editions[row.code].add(row.matter)
        self._known = frozenset(editions)
        for code, matters in editions.items():
            if len(matters) == 1:  # all editions agree, so a code without version is clear
                self._matters.setdefault((code, None), next(iter(matters)))
        self._open = {row.code for row in self.codes if row.version is None}

    def matter(self, code: str, version: str | None) -> str | None:
        """The matter that a code means, or None when the table does not say or (without version) editions differ."""
        matter = self._matters.get((code, version))
        if matter is None and code in self._open:
            return self._matters[(code, None)]
        return matter

    def knows(self, code: str) -> bool:
        """Whether any version of the table has the code."""
        return code in self._known

    def of_matter(self, matter: str) -> tuple[Code, ...]:
        """The rows that mean this matter, in the order of the file."""
        return tuple(row for row in self.codes if row.matter == matter)


def load_codes(text: str, file: str) -> CodeTable | list[Finding]:
    """A code table from CSV with the columns code, version, matter, name; or what is wrong with it."""
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
    for column in ("code", "matter"):
        if not row.fields[column]:
            yield found(WRONG_VALUE, row.marks[column], f"`{column}` is empty", "write it, or remove the row")
    line = row.marks["code"].line
    first = seen.setdefault((row.fields["code"], row.fields["version"]), line)
    if first != line:
        message = f"code {row.fields['code']!r} stands here again with the same version (first in line {first})"
        yield found(DUPLICATE_KEY, row.marks["code"], message, "keep one of the two")
