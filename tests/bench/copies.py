"""Copies of a city, as the cities of a province: more cases, and as many in each street as before."""

from msgspec.structs import replace

from router.domain.model.report import Report

COUNTY = 6
"""Digits of a county in a cell code. Two cells of which these differ are in two streets, so no report of one joins a case of the other."""
BETWEEN_COPIES = 1_000
"""From a county to that of the next copy; a city has fewer counties."""


def in_copy(report: Report, number: int) -> Report:
    """The report at the same place in a copy of its city; number 0 is the city itself.

    Args:
        report: its first version, which has no partition key.
        number: of the copy; with the largest county of the city it must fit into six digits.
    """
    if not number:
        return report
    location, cell = report.location, report.location.cell
    county = int(cell[:COUNTY]) + number * BETWEEN_COPIES
    return replace(report, location=replace(location, cell=f"{county:0{COUNTY}}{cell[COUNTY:]}"))
