"""Checks that the networks' codes and the matters match in both directions. Findings GR030 to GR039."""

from collections.abc import Collection, Iterator, Mapping

from router.domain.catalogue.checks.reference_lint import unknown
from router.domain.catalogue.code_tables import COLUMNS
from router.domain.catalogue.lists import Lists
from router.domain.documents import CsvRow, Finding, Source, SourcePosition, found, read_csv

CODE_OF_NOTHING = "GR030"
UNREACHED = "GR031"
NO_NETWORK = "GR032"


def check(tables: Mapping[str, Source], lists: Lists, networks: Collection[str]) -> list[Finding]:
    """Codes without a matter, matters without a code, tables without a network.

    Args:
        tables: the text of codes/<network>.csv by network.
        lists: the city's lists.
        networks: the networks that the router knows.
    """
    findings: list[Finding] = []
    reached: set[str] = set()
    for network, source in tables.items():
        if network not in networks:
            findings.append(unknown(NO_NETWORK, SourcePosition(source.file), "network", network, networks))
        rows, _ = read_csv(source, COLUMNS)  # `load_codes` reports what is wrong with the text itself
        findings += _rows(rows, lists)
        reached |= {row.fields["matter"] for row in rows}
    return [*findings, *_unreached(reached, lists)]


def _rows(rows: list[CsvRow], lists: Lists) -> Iterator[Finding]:
    for row in rows:
        matter = row.fields["matter"]
        if matter not in lists.matters.matters:
            yield unknown(CODE_OF_NOTHING, row.marks["matter"], "matter", matter, lists.matters.matters)


def _unreached(reached: set[str], lists: Lists) -> Iterator[Finding]:
    document = lists.documents["matters.yaml"]
    for matter in lists.matters.matters:
        if matter not in reached:
            mark = document.mark("matters", matter)
            message = f"no network's code reaches the matter `{matter}`"
            yield found(UNREACHED, mark, message, "map a code to it in codes/<network>.csv", level="warning")
