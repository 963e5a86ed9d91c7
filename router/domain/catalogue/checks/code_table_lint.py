"""Checks that the networks' codes and the matters match in both directions. Findings GR030 to GR039."""

import re
from collections.abc import Iterator, Mapping
from unicodedata import normalize

from router.domain.catalogue.checks.reference_lint import unknown
from router.domain.catalogue.code_tables import COLUMNS, EVERY_OTHER
from router.domain.catalogue.lists import Lists
from router.domain.documents import CsvRow, Finding, Source, SourcePosition, found, read_csv
from router.domain.names import alike

CODE_OF_NOTHING = "GR030"
UNREACHED = "GR031"
NO_NETWORK = "GR032"
NEVER_SENT = "GR033"
ALIKE = "GR034"
_LOST_ZEROS = 3
"""Most leading zeros that a spreadsheet takes from a code: `0001` becomes 1."""
_AROUND = " \t\u3000=\"'"
"""What spreadsheets and people leave around a code."""


def check(tables: Mapping[str, Source], lists: Lists, networks: Mapping[str, str]) -> list[Finding]:
    """Codes without a matter, codes that no message can have, matters without a code, tables without a network.

    Args:
        tables: the text of codes/<network>.csv by network.
        lists: the city's lists.
        networks: the networks that the router knows, each with the regular expression of its codes.
    """
    findings: list[Finding] = []
    reached: set[str] = set()
    for network, source in tables.items():
        if network not in networks:
            findings.append(unknown(NO_NETWORK, SourcePosition(source.file), "network", network, networks))
        rows, _ = read_csv(source, COLUMNS)  # `load_codes` reports what is wrong with the text itself
        findings += _rows(rows, lists)
        findings += _alike(rows, network)
        findings += _never_sent(rows, network, networks.get(network))
        reached |= {row.fields["matter"] for row in rows}
    return [*findings, *_unreached(reached, lists)]


def _rows(rows: list[CsvRow], lists: Lists) -> Iterator[Finding]:
    for row in rows:
        matter = row.fields["matter"]
        if matter not in lists.matters.matters:
            yield unknown(CODE_OF_NOTHING, row.marks["matter"], "matter", matter, lists.matters.matters)


def _alike(rows: list[CsvRow], network: str) -> Iterator[Finding]:
    """Codes that read alike and mean different matters. Alike codes of one matter are a network that writes both."""
    for (earlier, first), (code, row) in alike((row.fields["code"], row) for row in rows):
        if row.fields["matter"] != first.fields["matter"]:
            message = f"code {code[:40]!r} of {network} differs from {earlier[:40]!r} only by blanks, case or width, and means another matter"
            yield found(ALIKE, row.marks["code"], message, "correct one of the two", "warning")


def _never_sent(rows: list[CsvRow], network: str, pattern: str | None) -> Iterator[Finding]:
    """Codes that no valid message of the network can have: a report of the class meant would be rejected."""
    possible = re.compile(pattern or ".*").fullmatch
    for row in rows:
        code = row.fields["code"]
        if code and code != EVERY_OTHER and possible(code) is None:
            message = f"{network} can never send the code {code[:40]!r}: its schema forbids it"
            yield found(NEVER_SENT, row.marks["code"], message, meant(code, pattern or ""))


def meant(text: str, pattern: str) -> str:
    """The hint for a code or area that no message can have: what was probably meant, else the pattern."""
    half_width = normalize("NFKC", text).strip(_AROUND)
    whole = half_width.removesuffix(".0")
    padded = [f"{'0' * zeros}{whole}" for zeros in range(1, _LOST_ZEROS + 1)] if whole.isdigit() else []
    for candidate in (half_width, half_width.upper(), half_width.lower(), whole, *padded):
        if re.fullmatch(pattern, candidate):
            return f"perhaps {candidate!r} was meant"
    return f"write it as the network sends it; the pattern is {pattern.replace('?:', '')}"


def _unreached(reached: set[str], lists: Lists) -> Iterator[Finding]:
    document = lists.documents["matters.yaml"]
    for matter in lists.matters.matters:
        if matter not in reached:
            mark = document.mark("matters", matter)
            message = f"no network's code reaches the matter `{matter}`"
            yield found(UNREACHED, mark, message, "map a code to it in codes/<network>.csv", level="warning")
