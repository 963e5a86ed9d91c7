"""A report as its case keeps it."""

from sys import intern

from router.domain.matching.candidate import place_of
from router.domain.matching.correlation import Match
from router.domain.model.case import CaseReport
from router.domain.model.report import Report
from router.domain.state.interning import intern_provenance


def opening_report(report: Report) -> CaseReport:
    """The report that opens a case. Its point is the case's own."""
    return CaseReport(
        id=report.id,
        network=intern(report.network),
        matter=intern(report.matter),
        cell=intern(report.location.cell),
        occurred_at=report.occurred_at,
        received_at=report.received_at,
        provenance=intern_provenance(report.provenance),
        joined="opened",
        version=report.version,
        reporter=report.reporter,
        person=report.person if report.extensions else None,
    )


def joining_report(report: Report, match: Match) -> CaseReport:
    """A report that joins a case, with the reason."""
    return CaseReport(
        id=report.id,
        network=intern(report.network),
        matter=intern(report.matter),
        cell=intern(report.location.cell),
        occurred_at=report.occurred_at,
        received_at=report.received_at,
        provenance=intern_provenance(report.provenance),
        joined=match.joined,
        score=match.score,
        distance_m=match.distance_m,
        apart_s=match.apart_s,
        version=report.version,
        place=place_of(report),
        reporter=report.reporter,
        person=report.person if report.extensions else None,
    )
