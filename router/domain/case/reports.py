"""A report as its case keeps it."""

from functools import lru_cache
from sys import intern

from msgspec.structs import replace

from router.domain.matching.candidate import place_of
from router.domain.matching.scoring import Match
from router.domain.model.case import Case, CaseReport, Statement, Version
from router.domain.model.report import Location, Media, Report
from router.domain.model.vocabulary import Certainty, ResolvedBy, Severity, Status, Urgency
from router.domain.state.interning import intern_float, intern_provenance

KEPT_CHARACTERS = 200
"""How much of a version's text is kept. A case is written whole at every change (`size.py`), and the network's record has the
whole text."""
KEPT_MEDIA, LONGEST_URL = 3, 500
"""Media of a report that a case with several reports keeps, and characters of their address. The task has all media of the leading
report until another one leads."""
NOTHING = Statement()


def opening_report(report: Report) -> CaseReport:
    """The report that opens a case. While it is the only one, its text, point and levels are the case's own."""
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
        closed=report.closed,
    )


def joining_report(report: Report, match: Match) -> CaseReport:
    """A report that joins a case, with the reason.

    What few reports have is added in a second step: a call with more than 15 arguments makes a dictionary of them.
    """
    joined = CaseReport(
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
        description=report.description[:KEPT_CHARACTERS],
        place=place_of(report),
        says=statement_of(report),
        reporter=report.reporter,
    )
    version, person, closed = report.version, report.person if report.extensions else None, report.closed
    if version == 1 and person is None and closed is None:
        return joined
    return replace(joined, version=version, person=person, closed=closed)


def statement_of(report: Report) -> Statement:
    """What a report says beside matter, place, time and text."""
    at = report.location
    accuracy_m = at.accuracy_m if at.lon is None or at.lat is None else None
    levels = report.status, report.urgency, report.severity, report.certainty
    return _statement(
        (*levels, report.component_id, at.resolved_by, accuracy_m), report.address, at.doubt, report.media
    )


def next_statement(known: CaseReport, report: Report) -> Statement:
    """What a later version of a report says. That data was erased from the report stays with it."""
    says = statement_of(report)
    erased = None if known.says is None else known.says.erased
    return says if erased is None else replace(says, erased=erased)


def _statement(levels: "_Levels", address: str, doubt: str | None, media: tuple[Media, ...]) -> Statement:
    says = _of_levels(levels)
    if not (address or doubt or media):
        return says
    return replace(
        says,
        address=address[:KEPT_CHARACTERS],
        place_doubt=doubt and doubt[:KEPT_CHARACTERS],
        media=kept_media(media),
    )


_Levels = tuple[Status, Urgency, Severity, Certainty, str | None, ResolvedBy, float | None]


@lru_cache(maxsize=1 << 12)
def _of_levels(said: _Levels) -> Statement:
    """One object for all reports that say the same; looking it up costs a third of making one."""
    status, urgency, severity, certainty, component_id, resolved_by, accuracy_m = said
    return Statement(
        status=status,
        urgency=urgency,
        severity=severity,
        certainty=certainty,
        component_id=component_id,
        resolved_by=resolved_by,
        accuracy_m=accuracy_m,
    )


def kept_media(media: tuple[Media, ...]) -> tuple[Media, ...]:
    """What a case with several reports keeps of the media of each."""
    return tuple([one for one in media if len(one.url) <= LONGEST_URL][:KEPT_MEDIA]) if media else media


def whole(case: Case, report: CaseReport) -> CaseReport:
    """The report of a case with all that it says: of the only report, the case itself says it."""
    if report.says is not None:
        return report
    place = None if case.lon is None or case.lat is None else (case.lon, case.lat, case.accuracy_m)
    accuracy_m = case.accuracy_m if place is None else None
    levels = case.status, case.urgency, case.severity, case.certainty
    said = *levels, case.component_id, case.resolved_by, accuracy_m
    says = _statement(said, case.address, case.place_doubt, case.media)
    return replace(report, description=case.description[:KEPT_CHARACTERS], place=place, says=says)


def next_version(known: CaseReport, report: Report) -> CaseReport:
    """The report's latest version, with the earlier ones in `earlier`. How it joined stays as it was.

    Args:
        known: the whole report as the case has it.
        report: the version that follows it.
    """
    version = Version(
        version=known.version,
        matter=known.matter,
        cell=known.cell,
        occurred_at=known.occurred_at,
        received_at=known.received_at,
        provenance=known.provenance,
        description=known.description,
    )
    return replace(
        known,
        matter=intern(report.matter),
        cell=intern(report.location.cell),
        occurred_at=report.occurred_at,
        received_at=report.received_at,
        provenance=intern_provenance(report.provenance),
        version=report.version,
        description=report.description[:KEPT_CHARACTERS],
        reporter=report.reporter,
        person=report.person,
        place=place_of(report),
        says=next_statement(known, report),
        closed=report.closed,
        earlier=(*known.earlier, version),
    )


def as_report(one: CaseReport, cause: Report) -> Report:
    """A report of a case as an event, with what matching and opening a case read of it.

    Args:
        one: whole.
        cause: the correction by which it leaves its case; it has the time and the rule set of that.
    """
    says, place = one.says or NOTHING, one.place
    location = Location(
        cell=one.cell,
        resolved_by=says.resolved_by,
        accuracy_m=intern_float(place[2] if place is not None else says.accuracy_m or 0.0),
        lon=None if place is None else place[0],
        lat=None if place is None else place[1],
        doubt=says.place_doubt,
    )
    report = Report(
        id=one.id,
        network=one.network,
        source_id=one.id.partition(":")[2],
        matter=one.matter,
        source_code=one.matter,
        occurred_at=one.occurred_at,
        reported_at=one.occurred_at,
        received_at=cause.received_at,
        location=location,
        provenance=one.provenance,
        status=says.status,
        urgency=says.urgency,
        severity=says.severity,
    )
    return replace(
        report,
        certainty=says.certainty,
        component_id=says.component_id,
        description=one.description,
        address=says.address,
        media=says.media,
        reporter=one.reporter,
        extensions={} if one.person is None else {"personRef": one.person},
        version=one.version,
        closed=one.closed,
        rule_set=cause.rule_set,
    )


def complete_reports(case: Case) -> None:
    """Add what an earlier release did not write of a case with several reports: what each of them says.

    Only the case had the levels, so they count as said by the report that opened it. The others have its status, because a report
    joined only a case of its own status.
    """
    reports = case.reports
    if len(reports) < 2 or all(report.says is not None for report in reports):
        return
    first, rest = whole(case, reports[0]), Statement(status=case.status)
    case.reports = (first, *[one if one.says is not None else replace(one, says=rest) for one in reports[1:]])
